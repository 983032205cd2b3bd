"""A pool of meshes for training: views of every object, rendered once, one file each, and read again quickly.

    <pool>/<mesh>.safetensors    rgba (V, H, W, 4) uint8 with straight alpha, poses (V, 3, 4), sources (S,)
    <pool>/faults.json           why a mesh has no file

The header of a file says which mesh it shows, who made that and under which licence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from jaxtyping import Float, Int, UInt8
from safetensors import safe_open
from torch import Tensor

from lrm_core.fingerprint import sha256
from lrm_core.model.checkpoints import read_metadata


@dataclass(frozen=True)
class Credit:
    """Who made a mesh and under which licence; empty where the folder has no index that says so."""

    title: str = ""
    author: str = ""
    licence: str = ""
    library: str = ""

    @classmethod
    def of(cls, facts: Mapping[str, str]) -> Self:
        """From a row of `index.json`, whose keys are name, author, licence and library."""
        named = {"title": "name", "author": "author", "licence": "licence", "library": "library"}
        return cls(**{ours: facts.get(theirs) or "" for ours, theirs in named.items()})


@dataclass(frozen=True)
class PoolObject:
    """V views of one object.

    Attributes:
        rgba: straight alpha, 0 to 255, (V, H, H, 4).
        poses: camera-to-world, Blender axes, world units, (V, 3, 4).
        sources: indices of the views that are as level as a source view and show enough, (S,).
    """

    rgba: UInt8[Tensor, "V H H 4"]
    poses: Float[Tensor, "V 3 4"]
    sources: Int[Tensor, " S"]


class Pool:
    """The objects of a pool, in the order of their names.

    Attributes:
        files, credits: one for each object; who made it.
        views, resolution: of every object.
        digest: sixteen hexadecimal digits that stand for the meshes and how they were rendered.
    """

    def __init__(self, folder: Path) -> None:
        """Read the headers.

        Raises:
            FileNotFoundError: if there is no such folder, or nothing in it.
            ValueError: if the objects have different numbers of views or sizes.
        """
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
