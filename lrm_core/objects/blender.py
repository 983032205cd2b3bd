"""Views of a mesh by Blender's path tracer Cycles, each object in a process of its own that ends in time.

The cameras, the frame of the object and the format are those of the ray caster (`mesh_render.py`); what differs is
the light: shadows, light between surfaces, gloss, and pixels that are averaged as linear light. EEVEE is not
offered: without a GPU it takes fifty times as long as Cycles.
"""

import importlib.util
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.objects.files import read_rgba
from lrm_core.objects.mesh import RADIUS, UP_AXIS, load_mesh
from lrm_core.objects.mesh_render import LIGHT
from lrm_core.render.cameras import pinhole_intrinsics

SCRIPT = Path(__file__).with_name("blender_scene.py")
NO_BLENDER = 77  # exit code of the script where `bpy` cannot be imported
VARIABLE = "LRM_BLENDER_PYTHON"
HOW_TO_GET_IT = (
    "make an environment for Blender (python3.11 -m venv blender-env && blender-env/bin/pip install bpy==4.2.23) "
    f"and name it: --blender-python blender-env/bin/python, or {VARIABLE}"
)
SUFFIXES = (*UP_AXIS, ".fbx")
SAMPLES, TIME_LIMIT = 32, 600.0
SKY = 0.3  # radiance, linear
SUN = math.pi * (1 - SKY)  # irradiance; a white surface that faces the sun comes out white


@dataclass(frozen=True)
class Cycles:
    """How to render with Cycles."""

    command: tuple[str, ...]  # what starts the script; see `blender_command`
    samples: int = SAMPLES  # rays per pixel
    gpu: bool = False
    time_limit: float = TIME_LIMIT  # for all views of an object together, in seconds

    def __post_init__(self) -> None:
        if self.samples < 1 or self.time_limit <= 0:
            found = f"found {self.samples} and {self.time_limit:g} s"
            raise ValueError(f"samples must be at least 1 and the time limit above 0 s, {found}")

    def render(
        self, file: Path, folder: Path, poses: Float[Tensor, "V 3 4"], resolution: int, seed: int
    ) -> Float[Tensor, "V 4 H W"]:
        """Straight RGBA in [0, 1] of one mesh file, fitted into its sphere as in `load_mesh`.

        Work is done beside the object's folder, whose name and the seed fix the noise. Else as `render_mesh`.
        FileNotFoundError, ValueError as `load_mesh`; ValueError too if Blender fails, takes longer than the limit, or
        leaves other pictures than were asked for. OSError if the interpreter has no Blender, or nothing can be
        written beside `folder`.
        """
        if file.suffix.lower() != ".fbx":
            load_mesh(file)  # its complaints cost no start of Blender
        elif not file.is_file():
            raise FileNotFoundError(f"{file}: no such file")
        folder.parent.mkdir(parents=True, exist_ok=True)
        names = {"prefix": f".{folder.name}.", "suffix": f".{os.getpid()}.tmp"}
        with TemporaryDirectory(**names, dir=folder.parent) as place:
            job = Path(place) / "job.json"
            content = {
                "mesh": str(file.resolve()),
                "poses": poses.tolist(),
                "intrinsics": pinhole_intrinsics(resolution).tolist(),
                "radius": RADIUS,
                "seeds": [zlib.crc32(f"{seed} {folder.name} {view}".encode()) >> 1 for view in range(len(poses))],
                **{"samples": self.samples, "gpu": self.gpu, "light": LIGHT.tolist(), "sun": SUN, "sky": SKY},
            }
            job.write_text(json.dumps(content), encoding="utf-8")
            try:
                run_script(self.command, job, self.time_limit)
                return _read_views(Path(place), len(poses), resolution)
            except ValueError as error:
                raise ValueError(f"{file}: {error}") from error


def _read_views(place: Path, count: int, resolution: int) -> Float[Tensor, "V 4 H W"]:
    """The pictures that Blender left; ValueError if one is missing, unreadable or of another size."""
    views = []
    for name in (f"{index:03d}.png" for index in range(count)):
        if not (place / name).is_file():
            raise ValueError(f"Blender left no view {name}")
        views.append(read_rgba(place / name))
        if views[-1].shape != (resolution, resolution, 4):
            found = "{1}x{0}".format(*views[-1].shape)
            raise ValueError(f"Blender's view {name} is {found}, expected {resolution}x{resolution} pixels")
    return torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2).float() / 255


def blender_command(interpreter: str | None = None) -> tuple[str, ...]:
    """What starts the script: a Python that has `bpy` or the program `blender`, given or in `LRM_BLENDER_PYTHON`.

    Raises FileNotFoundError if there is no such program, or none is named and this Python has no `bpy`.
    """
    chosen = interpreter or os.environ.get(VARIABLE)
    if not chosen and importlib.util.find_spec("bpy"):
        chosen = sys.executable
    if not chosen:
        raise FileNotFoundError(f"Cycles needs Blender, which this Python does not have; {HOW_TO_GET_IT}")
    program = shutil.which(chosen)
    if program is None:
        raise FileNotFoundError(f"{chosen}: no such program; {HOW_TO_GET_IT}")
    if Path(program).name.lower().startswith("blender"):
        return program, "-b", "--factory-startup", "--python-exit-code", "1", "--python", str(SCRIPT), "--"
    return program, "-I", str(SCRIPT)


def run_script(command: Sequence[str], job: Path, time_limit: float) -> None:
    """Run the script on a job to its end or to the limit in seconds; nothing that it started is left.

    The job is a JSON file, beside which what the program prints is kept. Raises ValueError if the program fails or
    takes longer, OSError if it cannot be started or has no Blender.
    """
    errors = job.with_name("errors.txt")
    with job.with_name("log.txt").open("wb") as log, errors.open("wb") as complaints:
        process = subprocess.Popen(
            [*command, job], stdin=subprocess.DEVNULL, stdout=log, stderr=complaints, start_new_session=True
        )
        try:
            code = process.wait(time_limit)
        except subprocess.TimeoutExpired:
            raise ValueError(f"not finished after {time_limit:g} s and stopped; raise --time-limit") from None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if code:
        said = errors.read_text(encoding="utf-8", errors="replace").strip() or "without a message"
        message = said.split("\n")[-1].strip()
        if code == NO_BLENDER:
            raise OSError(f"{command[0]}: has no Blender ({message}); {HOW_TO_GET_IT}")
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        raise ValueError(f"Blender {how} ({message})")
