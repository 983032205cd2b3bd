"""The profile `paper` before there are weights or a GPU: `python benchmarks/paper.py`.

First the parts of the profile at their full size on this CPU, each in a process of its own. Then its rehearsal: every
chapter through papermill, from an empty store, with the base architecture on new random weights, two objects and ten
steps of each fit, images and rays made smaller so that a CPU can render them. It has to run; its numbers mean
nothing. Of all: seconds and peak memory. `python benchmarks/paper.py 07 13` rehearses those chapters again.
"""

import json
import math
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import torch
from keep import FOLDER, keep
from scene import orbit_cameras
from torch import Tensor

from lrm_core.fit import fit_oracle
from lrm_core.model.checkpoints import save_release
from lrm_core.model.config import PRESETS
from lrm_core.model.lrm import LRM
from lrm_core.objects.build import render_path
from lrm_core.paths import data_dir
from lrm_core.predict import PredictConfig
from lrm_core.profiles import PAPER, REHEARSAL
from lrm_core.reexecute import ChapterError, chapters, reexecute
from lrm_core.render import Views, render_views
from lrm_core.render.cameras import canonical_source_camera
from lrm_core.render.field import Field

OBJECTS = ("cc0_ammoBox", "cc0_barrel")
SOURCE, SAMPLES = 56, 16  # pixels and samples per ray of the rehearsal
SPREAD = 100  # times as far as in weights that were just drawn
FULL = PRESETS[PAPER.model]
GIB = 2**30


def prepare() -> None:
    """New random weights and two rendered objects, where `REHEARSAL` looks for them, and no record."""
    folder = Path(REHEARSAL.model)
    for old in (folder, REHEARSAL.results):
        shutil.rmtree(old, ignore_errors=True)
    small = replace(FULL, source_size=SOURCE, render_size=SOURCE, rendering_samples_per_ray=SAMPLES)
    model = LRM(small).eval()
    fill(model)
    save_release(model, folder)
    for name in OBJECTS:
        render_path(data_dir() / f"objects/glb/{name}.glb", folder.parent / "objects", resolution=SOURCE)


@torch.no_grad()
def fill(model: LRM) -> None:
    """Spread the density of random weights about that of the mesh, so that there is a surface to find."""
    size = model.config.source_size
    planes = model.predict_planes(torch.rand(1, 3, size, size), canonical_source_camera())
    model.decoder.net[-1].weight[0] *= SPREAD
    raw = Field(planes[0], model.decoder).raw(2 * torch.rand(4096, 3) - 1)[:, 0]
    model.decoder.net[-1].bias[0] += 1 + math.log(math.expm1(PredictConfig().density)) - raw.mean()


@contextmanager
def watched(figures: dict[str, float]):
    """Note the seconds inside, and the largest memory of all processes that were started from here."""
    began, done, largest = time.perf_counter(), threading.Event(), [0]

    def look() -> None:
        while not done.wait(0.2):
            largest.append(sum(map(_resident, psutil.Process().children(recursive=True))))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
        figures |= {"seconds": time.perf_counter() - began, "peak memory, GiB": max(largest) / GIB}


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0


def rehearse(numbers: Sequence[str] = ("",)) -> dict[str, dict[str, float | str]]:
    """Seconds and peak memory of the chapters with these numbers, all by default; of one that fails, the error."""
    figures = {}
    for number in numbers:
        for chapter in chapters(REHEARSAL.name, device=REHEARSAL.device, notebook=number):
            chapter.executed.with_suffix(".key").unlink(missing_ok=True)
            found = figures.setdefault(chapter.source.stem, {})
            with watched(found):
                try:
                    reexecute([chapter])
                except ChapterError as error:
                    print(error)
                    found["failed"] = str(error).splitlines()[0]
    return figures


def _model() -> LRM:
    torch.manual_seed(0)
    return LRM(FULL).eval().requires_grad_(False)


def _planes() -> Tensor:
    return 0.1 * torch.randn(3, FULL.triplane_dim, FULL.triplane_high_res, FULL.triplane_high_res)


def prediction() -> Callable[[], object]:
    model, image = _model(), torch.rand(1, 3, FULL.source_size, FULL.source_size)
    return torch.no_grad()(lambda: model.predict_planes(image, canonical_source_camera()))


def view() -> Callable[[], object]:
    decoder, planes, cameras = _model().decoder, _planes()[None], orbit_cameras(1)[None]
    samples = FULL.rendering_samples_per_ray
    return torch.no_grad()(lambda: render_views(planes, decoder, cameras, FULL.render_size, samples_per_ray=samples))


def oracle_step() -> Callable[[], object]:
    """A step as published, on four whole views."""
    count, size = PAPER.views_per_step, FULL.render_size
    decoder, planes = _model().decoder, _planes()
    views = Views(torch.rand(count, 3, size, size), orbit_cameras(count))
    plan = {"iterations": 1, "views_per_step": count, "progress": False}
    samples = FULL.rendering_samples_per_ray
    return lambda: fit_oracle(planes, decoder, views, samples_per_ray=samples, **plan)


def finetuning_step() -> Callable[[], object]:
    """Forward and backward of the planes to all weights of the transformer; adapters ask for less."""
    model, image = _model(), torch.rand(1, 3, FULL.source_size, FULL.source_size)
    model.transformer.requires_grad_(True)
    return lambda: model.predict_planes(image, canonical_source_camera()).square().mean().backward()


PARTS = {
    "a prediction": prediction,
    "a view": view,
    "a step of an oracle": oracle_step,
    "a step of full fine-tuning": finetuning_step,
}


def time_part(name: str) -> None:
    """In a process of its own: one call after the model is there, seconds and peak memory in GiB as two words."""
    call = PARTS[name]()
    began = time.perf_counter()
    call()
    print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB)


def full_size() -> dict[str, dict[str, float]]:
    """Seconds and peak memory of every part."""
    figures = {}
    for name in PARTS:
        command = [sys.executable, __file__, name]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        figures[name] = dict(zip(("seconds", "peak memory, GiB"), map(float, told), strict=True))
    return figures


def main(words: Sequence[str]) -> None:
    """Measure everything, or one part (words: its name), or some chapters again (their numbers)."""
    if words and words[0] in PARTS:
        time_part(words[0])
    elif words:
        figures = json.loads((FOLDER / "paper.json").read_text())["figures"]
        figures["rehearsal"] |= rehearse(words)
        keep("paper", figures)
    else:
        prepare()
        keep("paper", {"full size": full_size(), "rehearsal": rehearse()})


if __name__ == "__main__":
    main(sys.argv[1:])
