"""Rendering meshes into datasets.

Depth and visibility are not stored. They are recomputed from the stored poses when needed, by `render_mesh`
for a mesh and by `render_object` for a procedural object.
"""

import csv
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from lrm_core.atomic import replacing
from lrm_core.files import files_of, fingerprint, printable
from lrm_core.objects.blender import SUFFIXES, Cycles
from lrm_core.objects.companions import mesh_parts
from lrm_core.objects.dataset import SETTINGS, load_cameras, save_object
from lrm_core.objects.files import write_splits
from lrm_core.objects.mesh import UP_AXIS
from lrm_core.objects.mesh_render import render_mesh
from lrm_core.objects.poses import sample_poses
from lrm_core.render.cameras import pinhole_intrinsics

VIEWS, RESOLUTION = 32, 128
SPLIT_SEED = 0
FAILURES = "failures.csv"
MESH = "mesh"  # in the settings, what was rendered


@dataclass
class RenderReport:
    """Names of objects by what happened to them; `failed` says why."""

    rendered: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def render_path(
    path: str | Path,
    out: str | Path,
    *,
    views: int = VIEWS,
    resolution: int = RESOLUTION,
    seed: int = 0,
    cycles: Cycles | None = None,
) -> RenderReport:
    """Render a mesh file, or every mesh file of a folder, into a dataset with train and val lists.

    An object that exists with the same cameras, of the same mesh, is kept, so an interrupted call can be repeated
    and two can work at once. A file that cannot be rendered is reported and the others go on; `failures.csv` lists
    those of the last call, which the next one tries again.

    Args:
        path: a .glb, .gltf, .obj, .ply or .stl file (.fbx too with Cycles), or a folder, not searched deeper.
        out: root of the dataset; an object's folder is named after its file.
        resolution: side of the images, in pixels.
        seed: of the camera poses.
        cycles: how to render with Blender; None is the ray caster.

    Raises:
        FileNotFoundError: if there is no such file, or no mesh in the folder.
        ValueError: if `views` or `resolution` is below 1, or two files of the folder have the same stem.
        OSError: if Blender cannot be started, or nothing can be written into `out`.
    """
    check_sizes(views, resolution)
    files, out, report = files_of(Path(path), SUFFIXES if cycles else UP_AXIS, "meshes"), Path(out), RenderReport()
    by_stem: dict[str, Path] = {}
    for file in files:
        if (other := by_stem.setdefault(file.stem, file)) != file:
            raise ValueError(f"{file}: would overwrite the views of {other.name}; rename one")
    _write_failures(out, report.failed)
    for file in (progress := tqdm(files, desc="render", unit="object")):
        progress.set_postfix_str(printable(file.stem))
        try:
            _check_name(file)
            how = {"views": views, "resolution": resolution, "seed": seed, "cycles": cycles}
            rendered = render_file(file, out / file.stem, **how)
        except (ValueError, FileNotFoundError) as error:
            report.failed[printable(file.stem)] = printable(str(error))
            _write_failures(out, report.failed)
            continue
        (report.rendered if rendered else report.kept).append(file.stem)
    split_finished(out)
    return report


def check_sizes(views: int, resolution: int) -> None:
    """Raise ValueError if `views` or `resolution` is below 1."""
    if views < 1 or resolution < 1:
        raise ValueError(f"views and resolution must be at least 1, found {views} and {resolution}")


def _check_name(file: Path) -> None:
    """Raise ValueError if no folder of views can be named after a file."""
    if printable(file.name) != file.name:
        raise ValueError(f"{file}: its name is not UTF-8; rename it")
    if file.stem.startswith(".") or file.stem in (FAILURES, "meta"):
        raise ValueError(f"{file}: no name for the folder of its views; rename it")


def _write_failures(out: Path, failed: Mapping[str, str]) -> None:
    """The table of objects that failed and why; no file if none did."""
    if not failed:
        (out / FAILURES).unlink(missing_ok=True)
        return
    with replacing(out / FAILURES) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("object", "reason"), *failed.items()])


def render_file(
    file: Path, folder: Path, *, views: int, resolution: int, seed: int, cycles: Cycles | None = None
) -> bool:
    """Render one mesh file, as `render_path` does, into an object's folder; False if the object is there already.

    The name of the folder and the seed fix the cameras, whatever else is rendered beside it.

    Raises:
        FileNotFoundError, ValueError: as `render_mesh` or `Cycles.render`, and if `folder` was rendered otherwise, of
            another mesh, or of this one before it was edited.
        OSError: if Blender cannot be started, or `folder` cannot be written.
    """
    engine = {"engine": "cycles", "samples": cycles.samples} if cycles else {}
    settings = engine | {MESH: fingerprint(mesh_parts(file))}
    cameras = {"views": views, "resolution": resolution, "seed": seed}
    if folder.exists():
        _check_same(folder, cameras, settings)
        return False
    poses = object_poses(folder.name, views, seed)
    if cycles:
        rgba = cycles.render(file, folder, poses, resolution, seed)
    else:
        rgba = render_mesh(file, poses, resolution).rgba
    try:
        save_object(folder, rgba, poses, pinhole_intrinsics(resolution), settings)
    except FileExistsError:
        _check_same(folder, cameras, settings)  # by another run, meanwhile
        return False
    return True


def _check_same(folder: Path, cameras: Mapping[str, int], settings: Mapping[str, str | int]) -> None:
    """Raise ValueError if the object in `folder` was rendered otherwise, or of another mesh as far as it says."""
    check_same_cameras(folder, **cameras)
    stored = folder / SETTINGS
    try:
        found = json.loads(stored.read_text(encoding="utf-8")) if stored.exists() else {}
        mesh = found.pop(MESH, settings[MESH])
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"{stored}: not readable ({error}); remove {folder} to render again") from error
    if {**found, MESH: settings[MESH]} != settings:
        raise ValueError(f"{folder}: exists with another engine or other samples; remove it or change --out")
    if mesh != settings[MESH]:
        other = "another mesh of this name, or of this one before it was edited"
        raise ValueError(f"{folder}: exists with the views of {other}; remove it or change --out")


def check_same_cameras(folder: Path, *, views: int, resolution: int, seed: int) -> None:
    """Raise ValueError if the object in `folder` was rendered from other cameras; raises as `load_object` too."""
    stored = load_cameras(folder)
    expected = (object_poses(folder.name, views, seed), pinhole_intrinsics(resolution))
    if any(a.shape != b.shape or not torch.allclose(a, b) for a, b in zip(stored, expected, strict=True)):
        raise ValueError(f"{folder}: exists with other views, resolution or seed; remove it to render again")


def split_finished(out: Path) -> None:
    """Write the lists of all objects that `out` holds, if it holds any."""
    if finished := [folder.parent.name for folder in out.glob("[!.]*/intrinsics.npy")]:
        write_splits(out, finished, SPLIT_SEED)


def object_poses(name: str, views: int, seed: int) -> Float[Tensor, "V 3 4"]:
    """Every object has poses of its own."""
    return sample_poses(torch.Generator().manual_seed(zlib.crc32(f"{seed} {name}".encode())), views)
