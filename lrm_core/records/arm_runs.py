"""Making the records of the arms of fine-tuning (E13 to E15): on which objects, resumable, several runs at once."""

import shutil
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from statistics import fmean
from typing import Any

import pandas as pd
import torch

from lrm_core import LRM, LRMConfig, load_model
from lrm_core.fit.lora import Adapters
from lrm_core.fit.losses import FinetuneConfig
from lrm_core.fit.trainer import Finetuned, finetune
from lrm_core.measure import finetuning
from lrm_core.measure.finetuning import ArmData
from lrm_core.measure.metrics import METRICS
from lrm_core.model.config import BASE
from lrm_core.model.lrm import model_hash
from lrm_core.paths import repository_root
from lrm_core.profiles import Profile, get_profile
from lrm_core.records.arms import ARMS, EXPERIMENT, Arm, arm_seeds, configuration, plan_arms, recipe
from lrm_core.records.on_cluster import Cluster
from lrm_core.records.runner import Made, Runner
from lrm_core.records.store import RecordKey, ResultStore

PROCEDURAL = "procedural"  # the folder of the objects that are; all others are real
LOSS_STEPS = 10  # whose training losses are kept as one mean


def record_arms(
    profile: str = "mini",
    arms: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    refresh: bool = False,
    processes: int = 1,
    store: ResultStore | None = None,
    device: str | None = None,
    cluster: Cluster | None = None,
) -> Made:
    """Make the records of the arms of a profile that are missing or stale: seed 0 of every arm first.

    Whatever ends this, finished records are kept and begun runs resume. Arguments and errors as of `record_all`; a
    refresh begins at the first step, and `device` is that of the encoder: a run is where Accelerate puts it.
    """
    plan = get_profile(profile)
    store = store or ResultStore(plan.results)
    jobs = _jobs(plan, arms, seeds)
    device = "cpu" if cluster else device or plan.device
    recorder = ArmRecorder(plan, store, repository_root() / ".cache" / "finetune", device)
    return recorder.make_missing(jobs, refresh, processes, cluster)


class ArmRecorder(Runner):
    """Trains arms of one profile, each run in a folder of its own; an arm's record is filed as that of an object."""

    unit = "arm"

    def __init__(self, profile: Profile, store: ResultStore, runs: Path, device: str) -> None:
        self.profile, self.store, self.runs, self._device = profile, store, runs, device
        self.model = load_model(profile.model, device=device).eval().requires_grad_(False)
        self.train, self.validation = finetuning.object_folders(profile)
        self.hashes = model_hash(self.model), finetuning.objects_hash(self.train, self.validation)
        self._told: dict[tuple[float | None, float | None], ArmData] = {}

    def __reduce__(self) -> tuple:
        """In another process it is the one of that process, so that its examples are made once."""
        return _of_this_process, (self.profile, self.store.root, self.runs, self._device)

    def data(self, arm: Arm) -> ArmData:
        """The examples of an arm; made once for all arms that are told the same."""
        told = arm.told, arm.factor
        if told not in self._told:
            parts = (self.train, finetuning.TRAINING_VIEWS), (self.validation, finetuning.EVALUATION_VIEWS)
            how = partial(arm.distance, self.profile), self.profile.side
            self._told[told] = ArmData(*(finetuning.make_examples(self.model, *part, *how) for part in parts))
        data = self._told[told]
        return data.shuffled() if arm.shuffled else data

    def key(self, arm: Arm, seed: int) -> RecordKey:
        """What the record of an arm and seed is filed under."""
        return RecordKey(EXPERIMENT, arm.name, seed, *self.hashes, configuration(self.profile, arm, seed))

    def folder(self, arm: Arm, seed: int) -> Path:
        """Where the run of an arm and seed keeps its checkpoint, its tables and its weights."""
        return self.runs / self.key(arm, seed).fingerprint

    def named(self, arm: Arm, seed: int) -> tuple[str, str]:
        """An arm and a seed, made together with no other."""
        return (f"arm {arm.name}, seed {seed}",) * 2

    def forget(self, arm: Arm, seed: int) -> None:
        """Remove the checkpoint of a run, and all else of it."""
        shutil.rmtree(self.folder(arm, seed), ignore_errors=True)

    def make(self, arm: Arm, seed: int) -> dict[str, Any]:
        """Train an arm, from its last checkpoint if it has one, and store its result, which is returned."""
        run, config, data = self.folder(arm, seed), recipe(self.profile, arm, seed), self.data(arm)
        done = finetune(run, self.model, data.train, data.validation, config, METRICS)
        seconds = pd.read_csv(run / "curve.csv")["seconds"].iloc[-1]  # those before a kill included, validation too
        return self.keep(self.key(arm, seed), self._result(arm, config, done), float(seconds))

    def _result(self, arm: Arm, config: FinetuneConfig, done: Finetuned) -> dict[str, Any]:
        objects = {folder.name: _curves(folder, done) for folder in self.validation}
        if self.profile.condition == "published" and arm.told is not None:
            truth = self.data(ARMS["lora_mse_true_distance"]).validation
            learned = finetuning.told_and_truth(self.model, done.model, self.data(arm).validation, truth)
            objects = {name: curve | learned[name] for name, curve in objects.items()}
        parts = [done.losses[start : start + LOSS_STEPS] for start in range(0, config.steps, LOSS_STEPS)]
        return {
            "arm": arm.name,
            "steps": sorted({row["step"] for row in done.scores}),
            "objects": objects,
            "loss": [fmean(part) for part in parts],
            "first_loss": done.losses[0],
            "early_stop": {"metric": config.stop_on, **done.early_stop._asdict()},
            **count_parameters(self.model.config, config),
            "base": count_parameters(BASE, config),
        }


def count_parameters(architecture: LRMConfig, config: FinetuneConfig) -> dict[str, int]:
    """Parameters that a run trains, of the transformer, and of the whole model, the adapters not counted in."""
    with torch.device("meta"):
        model = LRM(architecture).requires_grad_(False)
        parts = {"transformer": [*model.transformer.parameters()], "parameters": [*model.parameters()]}
        trained = Adapters(model, config.rank, config.form).state().values() if config.rank else parts["transformer"]
    return {name: sum(x.numel() for x in tensors) for name, tensors in {**parts, "trainable": trained}.items()}


def _curves(folder: Path, done: Finetuned) -> dict[str, Any]:
    """Every metric of one object along a run."""
    rows = sorted((row for row in done.scores if row["object"] == folder.name), key=lambda row: row["step"])
    group = PROCEDURAL if folder.parent.name == PROCEDURAL else "real"
    return {"group": group} | {name: [row[name] for row in rows] for name in METRICS}


@cache
def _of_this_process(profile: Profile, store: Path, runs: Path, device: str) -> ArmRecorder:
    return ArmRecorder(profile, ResultStore(store), runs, device)


def _jobs(profile: Profile, names: Sequence[str] | None, seeds: Sequence[int] | None) -> list[tuple[Arm, int]]:
    """Every arm and seed, seed by seed: whatever cuts this off leaves whole comparisons."""
    jobs = [(arm, seed) for arm in plan_arms(profile, names) for seed in arm_seeds(profile, arm)]
    chosen = [job for job in jobs if seeds is None or job[1] in seeds]
    if not chosen:
        raise ValueError(f"no run has one of the seeds {', '.join(map(str, seeds))}; choose smaller ones")
    return sorted(chosen, key=lambda job: job[1])
