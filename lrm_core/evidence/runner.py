"""Making the records of a profile: resumable, oracles shared, objects side by side."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from tqdm import tqdm

from lrm_core import load_model
from lrm_core.evidence.experiments import EXPERIMENTS, Experiment, get_experiment
from lrm_core.evidence.oracles import OracleCache
from lrm_core.evidence.provenance import Provenance, code_revision, data_hash, machine
from lrm_core.evidence.store import RecordKey, ResultStore
from lrm_core.files import check_listed
from lrm_core.model.hashing import model_hash
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject, load_object
from lrm_core.processes import side_by_side
from lrm_core.profiles import Profile, get_profile


@dataclass(frozen=True)
class Made:
    """How many records were written, and how many were current already."""

    written: int
    kept: int


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
) -> Made:
    """Make every record of a profile that is missing or stale.

    Ctrl-C keeps what is finished; the next call goes on from there.

    Args:
        profile: "smoke", "mini", "cycles" or "paper".
        experiments: names; all if None.
        refresh: make current records again as well, and fit their oracles anew.
        objects: names; all of the profile if None.
        store: `data/results/<profile>` if None.
        cache: of oracles; the one of the checkout if None, of which a refresh uses nothing older than itself.
        like: make only records that this store has as well.
        processes: how many objects are worked on at once, with one thread each; 1 stays in this process.
        device: "cpu" or "cuda"; the profile's own if None.

    Raises:
        ValueError: if the profile, an experiment or an object is unknown.
        FileNotFoundError: if the model or the objects are missing.
        ChildProcessError: if one of several processes died.
    """
    plan = get_profile(profile)
    chosen = [get_experiment(name) for name in experiments or EXPERIMENTS]
    store = store or ResultStore(plan.results)
    jobs = _jobs(plan, chosen, objects)
    model = load_model(plan.model, device=device or plan.device).eval().requires_grad_(False)
    cache = cache or OracleCache(newer_than=time.time() if refresh else 0.0)
    recorder = Recorder(plan, model, store, cache)
    if like:
        jobs = [job for job in jobs if like.get(recorder.key(*job))]
    pending = [job for job in jobs if refresh or not recorder.is_current(*job)]
    make = recorder.make_all(pending) if processes == 1 else recorder.make_side_by_side(pending, processes)
    with (
        closing(make),
        tqdm(total=len(pending), desc=f"records ({plan.name})", unit="record", smoothing=0) as progress,
    ):
        for made, what in make:
            progress.set_postfix_str(what, refresh=False)
            progress.update(made)
    return Made(len(pending), len(jobs) - len(pending))


Job = tuple[RenderedObject, Experiment, int]


class Recorder:
    """Runs experiments of one profile and model, and stores what they find."""

    def __init__(self, profile: Profile, model: LRM, store: ResultStore, cache: OracleCache) -> None:
        self.profile, self.model, self.store, self.cache = profile, model, store, cache
        self._model_hash = model_hash(model)

    def key(self, item: RenderedObject, experiment: Experiment, seed: int) -> RecordKey:
        """What the record of an object and seed is filed under."""
        configuration = asdict(experiment.configuration(self.profile))
        return RecordKey(experiment.name, item.name, seed, self._model_hash, data_hash(item), configuration)

    def is_current(self, item: RenderedObject, experiment: Experiment, seed: int) -> bool:
        """Whether the record of these weights, data and settings is there; says why if another is."""
        key = self.key(item, experiment, seed)
        if stale := self.store.stale(key):
            tqdm.write(f"to be made again: {stale}")
        return not stale and self.store.get(key) is not None

    def make(self, item: RenderedObject, experiment: Experiment, seed: int) -> dict[str, Any]:
        """Run an experiment and store its result, which is returned."""
        began = time.perf_counter()
        result = self.run(item, experiment, seed)
        seconds = time.perf_counter() - began
        provenance = Provenance(self.profile.name, code_revision(), machine(), seconds)
        self.store.put(self.key(item, experiment, seed), result, provenance)
        return result

    def make_all(self, jobs: Iterable[Job]) -> Iterator[tuple[int, str]]:
        """`make` of every job; yields how many were made (1) and which, after each."""
        for item, experiment, seed in jobs:
            self.make(item, experiment, seed)
            yield 1, f"{item.name} {experiment.name} seed {seed}"

    def make_side_by_side(self, jobs: Iterable[Job], processes: int) -> Iterator[tuple[int, str]]:
        """`make_all` with several objects at once; yields the number of records and the name of each object.

        The jobs of an object stay together, so that its oracles are fitted once. Ctrl-C and a failure end them.
        """
        objects = [(self, list(group)) for _, group in groupby(jobs, key=lambda job: job[0].name)]
        yield from side_by_side(_make_object, objects, processes)

    def run(self, item: RenderedObject, experiment: Experiment, seed: int) -> dict[str, Any]:
        """The result of an experiment, without storing it."""
        return experiment.run(self.model, item, experiment.configuration(self.profile), seed, self.cache)


def _make_object(recorder: Recorder, jobs: list[Job]) -> tuple[int, str]:
    """In a process of its own: every record of one object."""
    return sum(made for made, _ in recorder.make_all(jobs)), jobs[0][0].name


def load_item(profile: Profile, folder: Path) -> RenderedObject:
    """An object with the views that the profile uses, in the size that it uses, told what the profile tells.

    Raises:
        ValueError: if it is damaged.
    """
    check_listed(folder)
    item = load_object(folder).first(profile.views).averaged(profile.side)
    return replace(item, told=profile.told(item.name))


def _jobs(profile: Profile, experiments: Iterable[Experiment], objects: Sequence[str] | None) -> list[Job]:
    """Every (object, experiment, seed) of a profile, object by object so that oracles are shared while warm."""
    named = None if objects is None else [profile.object_folder(name) for name in objects]
    selected = named or profile.object_folders()
    every = named or profile.object_folders(every=True)
    few = profile.few_of(selected)
    fewest = [folder for folder in few if folder.parent == few[0].parent]
    reached = {"every": every, "selected": selected, "few": few, "fewest": fewest}
    return [
        (item, experiment, seed)
        for folder in every
        for item in [load_item(profile, folder)]
        for experiment in experiments
        if folder in reached[experiment.objects]
        for seed in experiment.seeds(profile, folder in few)
    ]
