"""Making records: complete, resumable, several at once. One runner for objects and for runs of fine-tuning."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, redirect_stderr
from dataclasses import asdict, dataclass, replace
from io import StringIO
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tqdm import tqdm

from lrm_core import load_model
from lrm_core.atomic import alone
from lrm_core.files import check_listed
from lrm_core.measure.experiments import EXPERIMENTS, Experiment, get_experiment
from lrm_core.measure.oracles import OracleCache
from lrm_core.model.lrm import LRM, model_hash
from lrm_core.objects import RenderedObject, load_object
from lrm_core.objects.dataset import data_hash
from lrm_core.processes import side_by_side
from lrm_core.profiles import Profile, get_profile
from lrm_core.records.provenance import Provenance, code_revision, machine
from lrm_core.records.store import RecordKey, ResultStore

if TYPE_CHECKING:
    from lrm_core.records.on_cluster import Cluster


@dataclass(frozen=True)
class Made:
    """How many records were written, and how many were current already."""

    written: int
    kept: int


class Runner(ABC):
    """Makes and stores the records of one kind of subject; a job is what its methods take: subject, what, seed."""

    unit: ClassVar[str] = "record"  # what one record stands for, in the progress
    profile: Profile
    store: ResultStore
    model: LRM
    hashes: tuple[str, ...]  # of weights and data, which are the same wherever its jobs are made

    @abstractmethod
    def key(self, *job: Any) -> RecordKey:
        """What the record of a job is filed under."""

    @abstractmethod
    def named(self, *job: Any) -> tuple[str, str]:
        """What the jobs that one process makes together share, and the job, both in words."""

    @abstractmethod
    def make(self, *job: Any) -> dict[str, Any]:
        """Measure and store a record; its result is returned."""

    def forget(self, *job: Any) -> None:  # noqa: B027
        """Before a refresh: drop what a job would go on from."""

    def keep(self, key: RecordKey, result: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Store a result with its circumstances; it is returned."""
        self.store.put(key, result, Provenance(self.profile.name, code_revision(), machine(), seconds))
        return result

    def is_current(self, *job: Any) -> bool:
        """Whether the record of these weights, data and settings is there; says why if another is."""
        key = self.key(*job)
        if stale := self.store.stale(key):
            tqdm.write(f"to be made again: {stale}")
        return not stale and self.store.get(key) is not None

    def make_missing(
        self, jobs: Sequence[tuple], refresh: bool, processes: int, cluster: "Cluster | None" = None
    ) -> Made:
        """Make the records that are missing or stale, all if `refresh`; whatever ends this, finished ones are kept.

        The jobs lie beside those that are made together with them, in one of the processes or of the cluster's. A
        ValueError says of which job it is, a ChildProcessError that one of several processes died.
        """
        pending = [job for job in jobs if refresh or not self.is_current(*job)]
        groups = [list(group) for _, group in groupby(pending, key=lambda job: self.named(*job)[0])]
        made = self._making(groups, refresh, processes, cluster)
        said = {"desc": f"{self.unit}s ({self.profile.name})", "unit": self.unit, "smoothing": 0}
        with closing(made), tqdm(total=len(pending), **said) as progress:
            for count, what in made:
                progress.set_postfix_str(what, refresh=False)
                progress.update(count)
        return Made(len(pending), len(jobs) - len(pending))

    def _making(
        self, groups: list[list[tuple]], refresh: bool, processes: int, cluster: "Cluster | None"
    ) -> Iterator[tuple[int, str]]:
        """Make the groups here, in processes or on a cluster; yields how many jobs are done, and which."""
        if cluster:
            from lrm_core.records.on_cluster import make_on_cluster

            return make_on_cluster(self, groups, refresh, cluster)
        calls = [(self, group, refresh) for group in groups]
        if processes == 1:
            return (one for call in calls for one in make_each(*call))
        return side_by_side(_together, calls, processes)


def make_each(runner: Runner, jobs: Iterable[tuple], refresh: bool) -> Iterator[tuple[int, str]]:
    """Make jobs one by one, unless another process has meanwhile; yields 1 and what it was, which errors say too."""
    for job in jobs:
        key, (_, what) = runner.key(*job), runner.named(*job)
        try:
            with alone(runner.store.path(key).with_suffix(".lock")):
                if refresh:
                    runner.forget(*job)
                if refresh or runner.store.stale(key) or runner.store.get(key) is None:
                    runner.make(*job)
        except ValueError as error:
            raise ValueError(f"{what}: {error}") from error
        except Exception as error:
            error.add_note(f"in {what}")
            raise
        yield 1, what


def _together(runner: Runner, jobs: list[tuple], refresh: bool) -> tuple[int, str]:
    """In a process of its own: `make_each`, quietly, since its progress would run into that of the others."""
    with redirect_stderr(StringIO()):
        return sum(made for made, _ in make_each(runner, jobs, refresh)), runner.named(*jobs[0])[0]


def record_all(
    profile: str = "mini",
    experiments: Sequence[str] | None = None,
    refresh: bool = False,
    *,
    objects: Sequence[str] | None = None,
    store: ResultStore | None = None,
    cache: OracleCache | None = None,
    like: ResultStore | None = None,
    processes: int = 1,
    device: str | None = None,
    cluster: "Cluster | None" = None,
) -> Made:
    """Make every record of a profile that is missing or stale.

    Ctrl-C keeps what is finished; the next call goes on from there.

    Args:
        experiments, objects: names; all of the profile if None.
        refresh: make current records again as well, and fit their oracles anew.
        store: `data/results/<profile>` if None.
        cache: of oracles; the one of the checkout if None, of which a refresh uses nothing older than itself.
        like: make only records that this store has as well.
        processes: how many objects are worked on at once, with one thread each; 1 stays in this process.
        device: "cpu" or "cuda"; the profile's own if None.
        cluster: of machines that make the records instead, as in `make_on_cluster`.

    ValueError if the profile, an experiment or an object is unknown, FileNotFoundError if the model or the objects
    are missing, ChildProcessError if one of several processes died.
    """
    plan = get_profile(profile)
    chosen = [get_experiment(name) for name in experiments or EXPERIMENTS]
    store = store or ResultStore(plan.results)
    jobs = _jobs(plan, chosen, objects)
    device = "cpu" if cluster else device or plan.device
    model = load_model(plan.model, device=device).eval().requires_grad_(False)
    cache = cache or OracleCache(newer_than=time.time() if refresh else 0.0)
    recorder = Recorder(plan, model, store, cache)
    if like:
        jobs = [job for job in jobs if like.get(recorder.key(*job))]
    return recorder.make_missing(jobs, refresh, processes, cluster)


class Recorder(Runner):
    """Runs experiments of one profile and model on objects."""

    def __init__(self, profile: Profile, model: LRM, store: ResultStore, cache: OracleCache) -> None:
        self.profile, self.model, self.store, self.cache = profile, model, store, cache
        self.hashes = (model_hash(model),)

    def key(self, item: RenderedObject, experiment: Experiment, seed: int) -> RecordKey:
        """What the record of an object and seed is filed under."""
        configuration = asdict(experiment.configuration(self.profile))
        return RecordKey(experiment.name, item.name, seed, *self.hashes, data_hash(item), configuration)

    def named(self, item: RenderedObject, experiment: Experiment, seed: int) -> tuple[str, str]:
        """The object, whose oracles are so fitted once, and what is measured on it."""
        return item.name, f"{item.name}, {experiment.name}, seed {seed}"

    def make(self, item: RenderedObject, experiment: Experiment, seed: int) -> dict[str, Any]:
        """Run an experiment and store its result, which is returned."""
        began = time.perf_counter()
        result = experiment.run(self.model, item, experiment.configuration(self.profile), seed, self.cache)
        return self.keep(self.key(item, experiment, seed), result, time.perf_counter() - began)


def load_item(profile: Profile, folder: Path) -> RenderedObject:
    """An object with views, size and source as the profile has them; ValueError if it is damaged."""
    check_listed(folder)
    item = load_object(folder).first(profile.views).averaged(profile.side)
    return replace(item, source=profile.source(item.name))


def _jobs(
    profile: Profile, experiments: Iterable[Experiment], objects: Sequence[str] | None
) -> list[tuple[RenderedObject, Experiment, int]]:
    """Every (object, experiment, seed) of a profile, object by object so that oracles are shared while warm."""
    members = profile.members()
    if objects:
        named = [profile.object_folder(name) for name in objects]
        members = [[f for f in named if f.parent == parent] for parent in dict.fromkeys(f.parent for f in named)]
    reached = profile.reached(members)
    return [
        (item, experiment, seed)
        for folder in reached["every"]
        for item in [load_item(profile, folder)]
        for experiment in experiments
        if folder in reached[experiment.objects]
        for seed in experiment.seeds(profile, folder in reached["few"])
    ]
