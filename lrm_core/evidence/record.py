"""Making the records of a profile: resumable, one record at a time, oracles shared."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from lrm_core import load_model
from lrm_core.evidence.experiments import EXPERIMENTS, Experiment, get_experiment
from lrm_core.evidence.oracles import OracleCache
from lrm_core.evidence.provenance import Provenance, code_revision, data_hash, machine, model_hash
from lrm_core.evidence.store import RecordKey, ResultStore
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject, load_object
from lrm_core.profiles import Profile, get_profile


@dataclass(frozen=True)
class Made:
    """How many records were written, and how many were current already."""

    written: int
    kept: int


def record_all(
    profile: str = "mini",
    experiments: Sequence[str] | None = None,
    *,
    objects: Sequence[str] | None = None,
    refresh: bool = False,
    store: ResultStore | None = None,
) -> Made:
    """Make every record of a profile that is missing or stale.

    Ctrl-C keeps what is finished; the next call goes on from there.

    Args:
        profile: "smoke", "mini" or "paper".
        experiments: names; all if None.
        objects: names; all of the profile if None.
        refresh: make current records again as well, and fit their oracles anew.
        store: `data/results/<profile>` if None.

    Raises:
        ValueError: if the profile, an experiment or an object is unknown.
        FileNotFoundError: if the model or the objects are missing.
    """
    plan = get_profile(profile)
    chosen = [get_experiment(name) for name in experiments or EXPERIMENTS]
    folders = _chosen_folders(plan, objects)
    store = store or ResultStore(plan.results)
    model = load_model(plan.model, device=plan.device).eval().requires_grad_(False)
    recorder = Recorder(plan, model, store, OracleCache(newer_than=time.time() if refresh else 0.0))
    jobs = [(folder, experiment, seed) for folder in folders for experiment, seed in _runs(chosen, plan)]
    written = 0
    with tqdm(jobs, desc=f"records ({plan.name})", unit="record", smoothing=0.1) as progress:
        for folder, experiment, seed in progress:
            progress.set_postfix_str(f"{folder.name} {experiment.name} s{seed}")
            written += recorder.make(load_object(folder), experiment, seed, refresh)
    return Made(written, len(jobs) - written)


class Recorder:
    """Runs experiments of one profile and model, and stores what they find."""

    def __init__(self, profile: Profile, model: LRM, store: ResultStore, cache: OracleCache) -> None:
        self.profile, self.model, self.store, self.cache = profile, model, store, cache
        self._model_hash = model_hash(model)

    def key(self, item: RenderedObject, experiment: Experiment, seed: int) -> RecordKey:
        """What the record of an object and seed is filed under."""
        configuration = asdict(experiment.configuration(self.profile))
        return RecordKey(experiment.name, item.name, seed, self._model_hash, data_hash(item), configuration)

    def make(self, item: RenderedObject, experiment: Experiment, seed: int, refresh: bool = False) -> bool:
        """Make one record unless it is current; says why if one is there that is not. True if it was made."""
        key = self.key(item, experiment, seed)
        if not refresh:
            if self.store.get(key) is not None:
                return False
            if stale := self.store.stale(key):
                tqdm.write(f"recomputing {stale}")
        began = time.perf_counter()
        result = self.run(item, experiment, seed)
        seconds = time.perf_counter() - began
        self.store.put(key, result, Provenance(self.profile.name, code_revision(), machine(), seconds))
        return True

    def run(self, item: RenderedObject, experiment: Experiment, seed: int) -> dict[str, Any]:
        """The result of an experiment, without storing it."""
        return experiment.run(self.model, item, experiment.configuration(self.profile), seed, self.cache)


def _runs(experiments: Iterable[Experiment], profile: Profile) -> list[tuple[Experiment, int]]:
    return [(experiment, seed) for experiment in experiments for seed in experiment.seeds(profile)]


def _chosen_folders(profile: Profile, objects: Sequence[str] | None) -> list[Path]:
    folders = profile.object_folders()
    unknown = sorted(set(objects or ()) - {folder.name for folder in folders})
    if unknown:
        known = ", ".join(folder.name for folder in folders)
        raise ValueError(f"profile {profile.name} has no object {unknown[0]!r}; it has {known}")
    return [folder for folder in folders if objects is None or folder.name in objects]
