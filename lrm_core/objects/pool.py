"""A pool of meshes for training: views of every object, rendered once, one file each, and read again quickly.

    <pool>/<mesh>.safetensors    rgba (V, H, W, 4) uint8 with straight alpha, poses (V, 3, 4), sources (S,)
    <pool>/faults.json           why a mesh has no file

The header of a file says which mesh it shows, who made that and under which licence.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int, UInt8
from safetensors import safe_open
from torch import Tensor
from tqdm import tqdm

from lrm_core.atomic import save_tensors
from lrm_core.files import read_json
from lrm_core.fingerprint import sha256
from lrm_core.model.checkpoints import read_metadata
from lrm_core.objects.build import RenderReport
from lrm_core.objects.dataset import SOURCE_ELEVATION, sample_poses
from lrm_core.objects.files import write_json
from lrm_core.objects.mesh_render import render_mesh

VIEWS, RESOLUTION = 16, 128
INDEX, FAULTS = "index.json", "faults.json"
LEAST_COVERAGE = 0.01  # of a view that can be a source
LIBRARY = "Scopia"  # of the evaluated meshes; no training may see any other of it either
PREFIX = "cc0_"  # of the evaluated objects, before the name that they have in their library


@dataclass(frozen=True)
class Credit:
    """Who made a mesh and under which licence; empty where the folder has no index that says so."""

    title: str = ""
    author: str = ""
    licence: str = ""
    library: str = ""


@dataclass(frozen=True)
class PoolObject:
    """V views of one object."""

    rgba: UInt8[Tensor, "V H H 4"]  # straight alpha, 0 to 255
    poses: Float[Tensor, "V 3 4"]  # camera-to-world, Blender axes, world units
    sources: Int[Tensor, " S"]  # the views that are as level as a source view and show enough


class Pool:
    """The objects of a pool, in the order of their names, with their credits.

    Its digest, sixteen hexadecimal digits, stands for the meshes and how they were rendered.
    """

    def __init__(self, folder: Path) -> None:
        """Read the headers; FileNotFoundError if there are none, ValueError if views differ in number or size."""
        self.folder, self.files = folder, sorted(folder.glob("*.safetensors"))
        if not self.files:
            raise FileNotFoundError(f"{folder}: no rendered objects; make them with `lrm pool`")
        headers = [header(file) or {} for file in self.files]
        kinds = {(int(header.get("views", 0)), int(header.get("resolution", 0))) for header in headers}
        if len(kinds) > 1 or (0, 0) in kinds:
            found = ", ".join(f"{views} views of {size} pixels" for views, size in sorted(kinds))
            raise ValueError(f"{folder}: expected objects rendered alike, found {found}; repeat `lrm pool`")
        ((self.views, self.resolution),) = kinds
        self.credits = [Credit(**{key: header[key] for key in vars(Credit())}) for header in headers]
        listing = [(file.stem, h["mesh"], *kinds) for file, h in zip(self.files, headers, strict=True)]
        self.digest = sha256(repr(listing))[:16]

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> PoolObject:
        with safe_open(self.files[index], framework="pt") as file:
            return PoolObject(**{name: file.get_tensor(name) for name in ("rgba", "poses", "sources")})


def header(path: Path) -> dict[str, str] | None:
    """What a file of a pool says of itself; None if there is none or it cannot be read."""
    try:
        return read_metadata(path)
    except (FileNotFoundError, ValueError):
        return None


def render_pool(
    folder: Path, out: Path, data: Path, *, views: int = VIEWS, resolution: int = RESOLUTION
) -> RenderReport:
    """Render every GLB of a folder that is not for evaluation; finished ones are kept.

    The folder, which is not searched deeper, may have an `index.json`: a list of objects with the keys file, name,
    author, licence and library. Meshes of `data`, the data folder of the project, are left out; see `held_out`.
    Raises FileNotFoundError if there is no such folder, or no GLB in it, ValueError if the index cannot be read.
    """
    files, credits = sorted(folder.glob("*.glb")), _read_index(folder / INDEX)
    if not files:
        raise FileNotFoundError(f"{folder}: no GLB files; expected a folder of them")
    evaluated, report = evaluated_meshes(data), RenderReport()
    for file in (progress := tqdm(files, desc="pool", unit="object")):
        progress.set_postfix_str(file.stem)
        credit, digest, made = credits.get(file.name, Credit()), sha256(file), out / f"{file.stem}.safetensors"
        facts = {"mesh": digest, "views": str(views), "resolution": str(resolution)} | asdict(credit)
        if reason := held_out(evaluated, file.stem, digest, credit.library):
            report.left_out[file.name] = reason
        elif header(made) == facts:
            report.kept.append(file.name)
        else:
            try:
                tensors = _render(file, digest, views, resolution)
            except (ValueError, FileNotFoundError) as error:
                report.failed[file.name] = str(error)
                continue
            save_tensors(made, tensors, facts)
            report.rendered.append(file.name)
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / FAULTS, report.failed)
    return report


def evaluated_meshes(data: Path) -> dict[str, str]:
    """SHA-256 of the meshes that `objects/LICENSES.json` in the data folder lists, by their names in lower case."""
    facts = read_json(data / "objects/LICENSES.json")["objects"]
    return {name.removeprefix(PREFIX).lower(): fact["sha256"] for name, fact in facts.items()}


def held_out(evaluated: Mapping[str, str], stem: str, digest: str, library: str = "") -> str | None:
    """Why no training may see a mesh; None if it may.

    The same object converted with other settings has another digest, so that names count as well: the stem of its
    file, which is `<name>`, `cc0_<name>` or `<library>__<name>`.
    """
    before, _, name = stem.rpartition("__")
    if LIBRARY in (library, before):
        return f"the library {LIBRARY} is for evaluation"
    if digest in evaluated.values():
        return "is an evaluated mesh"
    if name.removeprefix(PREFIX).lower() in evaluated:
        return "has the name of an evaluated mesh"
    return None


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
        keys = ("name", "author", "licence", "library")
        return {facts["file"]: Credit(*(facts.get(key) or "" for key in keys)) for facts in read_json(path)}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path}: expected a list of objects with the key file ({error!r})") from error
