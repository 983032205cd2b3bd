"""Rendering meshes into datasets; the objects that come with the project, and the list of all its data files.

Depth and visibility are not stored. They are recomputed from the stored poses when needed, by `render_mesh`
for a mesh and by `render_object` for a procedural object.
"""

import csv
import json
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from lrm_core.atomic import replacing
from lrm_core.files import MANIFEST, digest, files_of, fingerprint, printable, read_json
from lrm_core.objects.blender import SUFFIXES, Cycles
from lrm_core.objects.caster import render_object
from lrm_core.objects.companions import mesh_parts
from lrm_core.objects.dataset import SETTINGS, load_cameras, sample_poses, save_object
from lrm_core.objects.files import write_json, write_splits
from lrm_core.objects.mesh import UP_AXIS
from lrm_core.objects.mesh_render import render_mesh
from lrm_core.objects.procedural import held_out_seeds, procedural_name
from lrm_core.render.cameras import pinhole_intrinsics

VIEWS, RESOLUTION = 32, 128
SPLIT_SEED = 0
FAILURES = "failures.csv"
MESH = "mesh"  # in the settings, what was rendered
HELD_OUT_OBJECTS = 24
OWN_LICENCE = "Apache-2.0"
RENDERERS = {"mini/objects/real": "", "mini/objects/cycles": " by Cycles, 256 pixels, 32 samples"}  # of one mesh


@dataclass
class RenderReport:
    """Names of objects by what happened to them; `failed` and `left_out` (of a pool) say why."""

    rendered: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


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
    those of the last call, which the next one tries again. An object's folder in `out` is named after its file.

    Args:
        path: a .glb, .gltf, .obj, .ply or .stl file (.fbx too with Cycles), or a folder, not searched deeper.
        resolution: side of the images, in pixels.
        seed: of the camera poses.
        cycles: how to render with Blender; None is the ray caster.

    FileNotFoundError if there is no such file, or no mesh in the folder. ValueError if `views` or `resolution` is
    below 1, or two files have the same stem. OSError if Blender cannot be started, or nothing be written into `out`.
    """
    check_sizes(views, resolution)
    cameras = {"views": views, "resolution": resolution, "seed": seed}
    files, out, report = files_of(Path(path), SUFFIXES if cycles else UP_AXIS, "meshes"), Path(out), RenderReport()
    for other, file in pairwise(sorted(files, key=lambda file: file.stem)):
        if other.stem == file.stem:
            raise ValueError(f"{file}: would overwrite the views of {other.name}; rename one")
    _write_failures(out, report.failed)
    for file in (progress := tqdm(files, desc="render", unit="object")):
        progress.set_postfix_str(printable(file.stem))
        try:
            if printable(file.name) != file.name:
                raise ValueError(f"{file}: its name is not UTF-8; rename it")
            if file.stem.startswith(".") or file.stem in (FAILURES, "meta"):
                raise ValueError(f"{file}: no name for the folder of its views; rename it")
            rendered = render_file(file, out / file.stem, **cameras, cycles=cycles)
        except (ValueError, FileNotFoundError) as error:
            report.failed[printable(file.stem)] = printable(str(error))
            _write_failures(out, report.failed)
            continue
        (report.rendered if rendered else report.kept).append(file.stem)
    split_finished(out)
    return report


def check_sizes(views: int, resolution: int) -> None:
    """Raise ValueError if `views` or `resolution` is below 1."""
    if min(views, resolution) < 1:
        raise ValueError(f"views and resolution must be at least 1, found {views} and {resolution}")


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

    The name of the folder and the seed fix the cameras, whatever else is rendered beside it. Raises as `render_mesh`
    or `Cycles.render`, ValueError too if `folder` was rendered otherwise, of another mesh, or of this one before it
    was edited, and OSError if it cannot be written.
    """
    engine = {"engine": "cycles", "samples": cycles.samples} if cycles else {}
    settings = engine | {MESH: fingerprint(mesh_parts(file))}
    cameras = {"views": views, "resolution": resolution, "seed": seed}
    if not folder.exists():
        poses = object_poses(folder.name, views, seed)
        traced = cycles.render(file, folder, poses, resolution, seed) if cycles else None
        rgba = render_mesh(file, poses, resolution).rgba if traced is None else traced
        with suppress(FileExistsError):  # made by another run, meanwhile
            save_object(folder, rgba, poses, pinhole_intrinsics(resolution), settings)
            return True
    _check_same(folder, cameras, settings)
    return False


def _check_same(folder: Path, cameras: Mapping[str, int], settings: Mapping[str, str | int]) -> None:
    """Raise ValueError if the object in `folder` was rendered otherwise, or of another mesh as far as it says."""
    check_same_cameras(folder, **cameras)
    stored = folder / SETTINGS
    try:
        found = json.loads(stored.read_text(encoding="utf-8")) if stored.exists() else {}
        found.setdefault(MESH, settings[MESH])
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"{stored}: not readable ({error}); remove {folder} to render again") from error
    if found != settings:
        edited = "the views of another mesh of this name, or of this one before it was edited"
        other = edited if found | {MESH: settings[MESH]} == settings else "another engine or other samples"
        raise ValueError(f"{folder}: exists with {other}; remove it or change --out")


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


@dataclass(frozen=True)
class Entry:
    """One file of the data folder, or one folder that is used as a whole."""

    path: str  # relative to the data folder, with forward slashes
    source: str  # where it was taken from, or how it was made
    licence: str  # SPDX identifier
    sha256: str  # of the file or the folder, as `digest` says
    bytes: int
    seed: int | None = None  # number of a procedural object, or what a random split was drawn with


def make_entry(data: Path, path: str, *, source: str, licence: str, seed: int | None = None) -> Entry:
    """Entry for a file or folder `path` of the data folder; raises FileNotFoundError if there is none."""
    sha256, size = digest(data / path)
    return Entry(path, source, licence, sha256, size, seed)


def read_manifest(data: Path) -> list[Entry]:
    """Entries of `MANIFEST.json` in the data folder; FileNotFoundError if there is none, ValueError if damaged."""
    path = data / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        return [Entry(**entry) for entry in read_json(path)]
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: not a readable manifest ({error})") from error


def record_entries(data: Path, entries: list[Entry]) -> None:
    """Put entries into the manifest, in place of older ones for the same paths."""
    old = read_manifest(data) if (data / MANIFEST).exists() else []
    merged = {entry.path: entry for entry in [*old, *entries]}
    write_json(data / MANIFEST, [asdict(merged[path]) for path in sorted(merged)])


def forget_missing(data: Path) -> None:
    """Drop the entries of files and folders that are no longer there."""
    write_json(data / MANIFEST, [asdict(entry) for entry in read_manifest(data) if (data / entry.path).exists()])


def build_procedural(out: Path, *, views: int = VIEWS, resolution: int = RESOLUTION) -> None:
    """Render the held-out procedural objects that `out` does not hold yet, and write its lists."""
    for seed in tqdm(held_out_seeds(HELD_OUT_OBJECTS), desc="procedural", unit="object"):
        name = procedural_name(seed)
        if (out / name).exists():
            check_same_cameras(out / name, views=views, resolution=resolution, seed=0)
            continue
        poses = object_poses(name, views, seed=0)
        rgba, _, _ = render_object(seed, poses, resolution)
        save_object(out / name, rgba.clamp(0, 1), poses, pinhole_intrinsics(resolution))
    split_finished(out)


def build_mini_objects(data: Path) -> None:
    """Render the real and the held-out procedural objects into `mini/objects` and list them.

    Those in `mini/objects/cycles`, which only Blender can render, are listed as they are. Finished objects are kept.
    Their meshes and `LICENSES.json` lie in `objects` of the data folder. Raises ValueError if one cannot be rendered.
    """
    report = render_path(data / "objects/glb", data / "mini/objects/real")
    if report.failed:
        raise ValueError("\n".join(report.failed.values()))
    build_procedural(data / "mini/objects/procedural")
    record_entries(data, _entries(data))


def _entries(data: Path) -> list[Entry]:
    """All that comes with the project."""
    package, listed = "Debian sweethome3d-furniture 1.8-1", []
    for name, facts in read_json(data / "objects/LICENSES.json")["objects"].items():
        author, mesh, licence = facts["author"] or "unknown author", f"objects/glb/{name}.glb", facts["licence"]
        listed.append((mesh, f"{facts['title']} by {author}, {facts['source_package']}", licence, None))
        for group, renderer in RENDERERS.items():
            if (data / group / name).is_dir():
                listed.append((f"{group}/{name}", f"rendered from {mesh}{renderer}", licence, None))
    for seed in held_out_seeds(HELD_OUT_OBJECTS):
        made = "procedural object, rendered by lrm_core.objects"
        listed.append((f"mini/objects/procedural/{procedural_name(seed)}", made, OWN_LICENCE, seed))
    listed += [
        *((f"mini/objects/{n}/meta", "split 80/20 by seed", OWN_LICENCE, SPLIT_SEED) for n in ("real", "procedural")),
        ("objects/LICENSE-BlendSwap-CC-0.txt", package, "CC0-1.0", None),
        ("objects/LICENSES.json", f"compiled from {package}", OWN_LICENCE, None),
    ]
    return [make_entry(data, path, source=s, licence=licence, seed=n) for path, s, licence, n in listed]
