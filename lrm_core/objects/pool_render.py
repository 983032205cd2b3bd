"""Rendering of a folder of meshes into a pool (`pool.py`), without those that the project evaluates on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from lrm_core.atomic import save_tensors
from lrm_core.files import digest as file_digest
from lrm_core.objects.build import RenderReport
from lrm_core.objects.held_out_meshes import HeldOutMeshes
from lrm_core.objects.mesh_render import render_mesh
from lrm_core.objects.pool import Credit, header
from lrm_core.objects.poses import SOURCE_ELEVATION, sample_poses
from lrm_core.objects.splits import write_json

VIEWS, RESOLUTION = 16, 128
INDEX, FAULTS = "index.json", "faults.json"
LEAST_COVERAGE = 0.01  # of a view that can be a source


@dataclass
class PoolReport(RenderReport):
    """And why a mesh was left out."""

    left_out: dict[str, str] = field(default_factory=dict)


def render_pool(
    folder: Path, out: Path, data: Path, *, views: int = VIEWS, resolution: int = RESOLUTION
) -> PoolReport:
    """Render every GLB of a folder that is not for evaluation; finished ones are kept.

    Args:
        folder: of .glb files (not searched deeper), perhaps with an `index.json`: a list of objects with the keys
            file, name, author, licence and library.
        out: the pool.
        data: the data folder of the project, whose meshes are left out; see `HeldOutMeshes`.
        views, resolution: of each object, and the side of its images in pixels.

    Raises:
        FileNotFoundError: if there is no such folder, or no GLB in it.
        ValueError: if the index cannot be read.
        OSError: if a file cannot be written.
    """
    files, credits = sorted(folder.glob("*.glb")), _read_index(folder / INDEX)
    if not files:
        raise FileNotFoundError(f"{folder}: no GLB files; expected a folder of them")
    held_out, report = HeldOutMeshes.of(data), PoolReport()
    for file in (progress := tqdm(files, desc="pool", unit="object")):
        progress.set_postfix_str(file.stem)
        credit, digest = credits.get(file.name, Credit()), file_digest(file)[0]
        facts = {"mesh": digest, "views": str(views), "resolution": str(resolution)} | asdict(credit)
        if reason := held_out.reason(file.stem, digest, credit.library):
            report.left_out[file.name] = reason
        elif header(out / f"{file.stem}.safetensors") == facts:
            report.kept.append(file.name)
        else:
            try:
                tensors = _render(file, digest, views, resolution)
            except (ValueError, FileNotFoundError) as error:
                report.failed[file.name] = str(error)
                continue
            save_tensors(out / f"{file.stem}.safetensors", tensors, facts)
            report.rendered.append(file.name)
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / FAULTS, report.failed)
    return report


def _render(file: Path, digest: str, views: int, resolution: int) -> dict[str, Tensor]:
    """What a file of the pool holds; the mesh's digest fixes its cameras."""
    poses = sample_poses(torch.Generator().manual_seed(int(digest[:15], 16)), views)
    rgba = render_mesh(file, poses, resolution).rgba
    elevation = torch.rad2deg(torch.asin(poses[:, 2, 3] / poses[:, :, 3].norm(dim=-1)))
    level = (elevation >= SOURCE_ELEVATION[0]) & (elevation <= SOURCE_ELEVATION[1])
    sources = (level & (rgba[:, 3].mean((1, 2)) >= LEAST_COVERAGE)).nonzero()[:, 0]
    if not len(sources):
        raise ValueError(f"{file}: no level view shows the object on {LEAST_COVERAGE:.0%} of its pixels")
    pixels = (rgba * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
    return {"rgba": pixels.contiguous(), "poses": poses, "sources": sources}


def _read_index(path: Path) -> dict[str, Credit]:
    """Credits by file name; none if there is no index."""
    if not path.exists():
        return {}
    try:
        return {facts["file"]: Credit.of(facts) for facts in json.loads(path.read_text(encoding="utf-8"))}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path}: expected a list of objects with the key file ({error!r})") from error
