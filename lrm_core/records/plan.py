"""What a profile costs on the device at hand, before it is paid: hours, memory and disk of each stage.

A prediction with its views and a step of an oracle are measured here in a few seconds. How many of them an
experiment makes is taken from the time that its records of the profile `mini` took: what is left of that without the
oracles that it fits goes with the cost of the experiment `extent`, which is a prediction and six views, and with the
number of views of an object, of which a share is held out and rendered.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median

import pandas as pd
import psutil
import torch
from torch.nn.functional import interpolate

from lrm_core.fit import fit_oracle
from lrm_core.fit.oracle import REPORT_STEPS, REPORTS
from lrm_core.measure.e17_source_distance import Extent, run_extent
from lrm_core.measure.experiments import EXPERIMENTS, Experiment
from lrm_core.measure.oracles import predicted_planes
from lrm_core.model.checkpoints import load_model
from lrm_core.model.config import PRESETS
from lrm_core.model.hub import cached, parameter_count
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject, load_object
from lrm_core.paths import data_dir
from lrm_core.profiles import MINI, Profile
from lrm_core.records.arms import EXPERIMENT, arm_seeds, plan_arms
from lrm_core.records.store import ResultStore

GIB = 2**30
LIBRARIES = 1.5 * GIB  # of an interpreter with PyTorch, an object, and the activations of a step
COPIES = 4  # of the weights in full fine-tuning: themselves, their gradients, two moments of Adam
# Oracles of a whole length that an experiment fits itself, with every further seed, and the steps at which the length
# of a profile's oracles cuts those of an experiment off.
FITS = {"e01_oracle": 3.0, "e18_oracle_length": 3.75}
FITS_AGAIN = {"e02_basins": 2.0}
OWN_STEPS = {"e12_test_time": 500, "longer_fits": 1250}
VIEWS = 32  # of an object in the repository
STEPS, RAYS = 16, 2048  # of the oracle that is measured
RECORD = 20_000  # bytes
BASIS = "cc0_ammoBox"  # the object that is measured on


@dataclass(frozen=True)
class Costs:
    """What one device needs, of a CPU one core."""

    look: float  # seconds of a prediction and six views
    ray: float  # seconds of one ray in a step of an oracle
    side: int  # of the images, in pixels
    oracle: int  # bytes of one on the disk


def plan_costs(profile: Profile, costs: Costs, devices: int) -> pd.DataFrame:
    """Columns stage, records, hours and GiB of disk: a row for each stage of a profile, the sum last.

    So many devices, or cores of a CPU, share the work.
    """
    rows = [*_experiments(profile, costs), _arms(profile, costs)]
    table = pd.DataFrame(rows, columns=["stage", "records", "hours", "GiB"])
    table["hours"] /= 3600 * devices
    table.loc[len(table)] = ["all", *table[["records", "hours", "GiB"]].sum()]
    return table.astype({"records": int})


def measure_costs(profile: Profile, device: str) -> tuple[Costs, str]:
    """What things cost on a device with the model of a profile, and in words which weights that was measured with.

    Where the weights are not on this machine, random ones of the same sizes stand for them: nothing is fetched.
    """
    model, words = _model(profile.model)
    model = model.to(device).eval().requires_grad_(False)
    item = _object(model.config.source_size)
    run_extent(model, item, Extent(), 0)  # what is made once
    look = _seconds(lambda: run_extent(model, item, Extent(), 0), device)
    planes = predicted_planes(model, item)
    samples = model.config.rendering_samples_per_ray
    fit = {"iterations": STEPS, "rays_per_step": RAYS, "samples_per_ray": samples, "progress": False}
    views = item.views(range(8))
    starts = planes, 0.1 * torch.randn_like(planes)  # noise is dense: its steps cost more
    steps = [_seconds(lambda start=of: fit_oracle(start, model.decoder, views, **fit), device) for of in starts]
    return Costs(look, fmean(steps) / STEPS / RAYS, model.config.source_size, 4 * planes.numel()), words


def needed_memory(profile: Profile) -> float:
    """Bytes that a process of a profile needs at most: what fine-tunes all weights."""
    return LIBRARIES + COPIES * _weight_bytes(profile.model)


def check_memory(profile: Profile, device: str) -> None:
    """Raise ValueError, with the numbers, if a profile does not fit into the memory of a device."""
    needed, there, kind = needed_memory(profile), psutil.virtual_memory().available, "this machine has free"
    if device == "cuda" and torch.cuda.is_available():
        there, kind = torch.cuda.mem_get_info()[1], "the GPU has"
    if needed > there:
        raise ValueError(
            f"profile {profile.name}: a process needs up to {needed / GIB:.1f} GiB of memory, {kind} "
            f"{there / GIB:.1f} GiB; free some, or take a machine with more"
        )


def _experiments(profile: Profile, costs: Costs) -> Iterator[tuple[str, int, float, float]]:
    store = ResultStore(MINI.results)
    mini = _first_seed(store, "extent")
    fit_of_mini = _first_seed(store, "e01_oracle") / FITS["e01_oracle"]
    rays = profile.rays_per_step or profile.views_per_step * costs.side**2
    fit = profile.iterations * rays * costs.ray + min(REPORTS, profile.iterations / REPORT_STEPS) * costs.look
    for name, experiment in EXPERIMENTS.items():
        objects, more = _reach(profile, experiment)
        rest = max(0.0, _first_seed(store, name) - FITS.get(name, 0.0) * fit_of_mini) * costs.look / mini
        if name in OWN_STEPS:
            rest *= min(1.0, profile.iterations / OWN_STEPS[name])
        elif experiment is not EXPERIMENTS["extent"]:
            rest *= (profile.views or VIEWS) / VIEWS
        fits = objects * FITS.get(name, 0.0) + more * FITS_AGAIN.get(name, 0.0)
        records = objects + more
        yield name, records, fits * fit + records * rest, (records * RECORD + fits * costs.oracle) / GIB


def _arms(profile: Profile, costs: Costs) -> tuple[str, int, float, float]:
    """Fine-tuning: its runs, each as long as those of `mini` but for the steps and the cost of a look."""
    store, runs = ResultStore(MINI.results), plan_arms(profile)
    count = sum(len(arm_seeds(profile, arm)) for arm in runs)
    whole = sum(arm.config.rank is None for arm in runs)
    longer = profile.finetuning.steps / MINI.finetuning.steps
    each = _first_seed(store, EXPERIMENT) * longer * costs.look / _first_seed(store, "extent")
    return EXPERIMENT, count, count * each, (count * RECORD + whole * 3 * _weight_bytes(profile.model)) / GIB


def _first_seed(store: ResultStore, experiment: str) -> float:
    """Median seconds of the records of an experiment with the first seed, for which the oracles are fitted once."""
    seconds = [r["provenance"]["seconds"] for r in store.records(experiment) if r["seed"] == 0]
    if not seconds:
        raise FileNotFoundError(f"{store.root / experiment}: no record to estimate from; `git checkout -- data`")
    return median(seconds)


def _reach(profile: Profile, experiment: Experiment) -> tuple[int, int]:
    """How many records of an experiment have the first seed, and how many a further one."""
    try:
        members = profile.members()
    except FileNotFoundError:  # rendered later
        members = [range(profile.per_group)] * len(profile.objects)
    reached = {reach: len(objects) for reach, objects in profile.reached(members).items()}
    more = (len(profile.seeds) - 1) * reached["few"] if experiment.every_seed else 0
    return reached[experiment.objects], more


def _model(name: str) -> tuple[LRM, str]:
    if name not in PRESETS or name == MINI.model or cached(name):
        return load_model(name), f"the weights of {name}"
    return LRM(PRESETS[name]), f"random weights of the sizes of {name}, which are not on this machine"


def _object(side: int) -> RenderedObject:
    """The object that is measured on, in images of so many pixels."""
    item = load_object(data_dir() / "mini/objects/real" / BASIS)
    scale = side / item.images.shape[-1]
    images, masks = (interpolate(part, size=side, mode="area") for part in (item.images, item.masks))
    return replace(item, images=images, masks=masks, intrinsics=item.intrinsics * scale)


def _seconds(call: Callable[[], object], device: str) -> float:
    """Of a call: wall time of a GPU, the time that a CPU worked."""
    clock = time.perf_counter if device == "cuda" else time.process_time
    began = clock()
    call()
    if device == "cuda":
        torch.cuda.synchronize()
    return clock() - began


def _weight_bytes(model: str) -> float:
    """Of the parameters in float32, from the sizes of a named model or from its files; 0 where there are none."""
    if model in PRESETS:
        return 4.0 * parameter_count(PRESETS[model])
    path = Path(model)
    files = path.glob("*.safetensors") if path.is_dir() else [path]
    return float(sum(file.stat().st_size for file in files if file.is_file()))
