"""Rays of a camera's pixels and their passage through the box [-1, 1]^3."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

BOX_MIN, BOX_MAX = -1.0, 1.0


def indices(mask: Bool[Tensor, "*shape"]) -> Int[Tensor, "some"]:
    """Flat indices of what is true; on a CPU by numpy, which needs a tenth of the time."""
    return mask.flatten().nonzero()[:, 0] if mask.is_cuda else torch.from_numpy(np.flatnonzero(mask.numpy()))


class Rays(NamedTuple):
    """Origins and unit directions, each (..., rays, 3), in world units."""

    origins: Float[Tensor, "*batch rays 3"]
    directions: Float[Tensor, "*batch rays 3"]


class Span(NamedTuple):
    """Where each ray enters and leaves the box, (..., rays); `hit` is False where it misses."""

    near: Float[Tensor, "*batch rays"]
    far: Float[Tensor, "*batch rays"]
    hit: Tensor


def camera_rays(
    cameras: Float[Tensor, "*batch 25"],
    resolution: int,
    anchors: Float[Tensor, "*batch 2"] | None = None,
    region_size: int | None = None,
) -> Rays:
    """One ray per pixel of each camera's crop, row by row (spec, section Rays).

    Cameras are those of `standard_camera`, ValueError if they do not have 25 numbers each. The resolution is the side
    of the full image, `region_size` that of the crop (None is the whole image), in pixels; anchors are (row, column)
    of each crop's first pixel, None is the image's corner.
    """
    if cameras.shape[-1] != 25:
        raise ValueError(f"cameras: expected 25 numbers each (standard_camera), found {tuple(cameras.shape)}")
    if anchors is None:
        anchors = cameras.new_zeros(*cameras.shape[:-1], 2)
    index = torch.arange(region_size or resolution, device=cameras.device, dtype=cameras.dtype) + 0.5
    row, col = torch.meshgrid(index, index, indexing="ij")
    crop = torch.stack([col, row], dim=-1).flatten(0, 1)  # (pixels, 2), their centres
    return rays_through(cameras, (crop + anchors.to(cameras).flip(-1)[..., None, :]) / resolution)


def rays_through(cameras: Float[Tensor, "*batch 25"], uv: Float[Tensor, "*batch pixels 2"]) -> Rays:
    """Rays through image points `uv`, fractions of the image size with v pointing down."""
    pose = cameras[..., :16].unflatten(-1, (4, 4))[..., :3, :]
    intrinsics = cameras[..., 16:].unflatten(-1, (3, 3))
    focal = torch.stack([intrinsics[..., 0, 0], intrinsics[..., 1, 1]], dim=-1)[..., None, :]
    offset = (uv - intrinsics[..., None, :2, 2]) / focal
    local = torch.stack([offset[..., 0], -offset[..., 1], -torch.ones_like(offset[..., 0])], dim=-1)
    directions = torch.nn.functional.normalize(local @ pose[..., :3].transpose(-1, -2), dim=-1)
    return Rays(pose[..., None, :, 3].expand_as(directions), directions)


def box_span(
    origins: Float[Tensor, "*batch rays 3"],
    directions: Float[Tensor, "*batch rays 3"],
    low: float | Float[Tensor, "3"] = BOX_MIN,
    high: float | Float[Tensor, "3"] = BOX_MAX,
) -> Span:
    """Slab test against the box, or another one; the span starts at the origin where that lies inside."""
    inverse = 1 / directions
    first, second = (low - origins) * inverse, (high - origins) * inverse
    near = torch.minimum(first, second).nan_to_num(-torch.inf).amax(-1).clamp(min=0)
    far = torch.maximum(first, second).nan_to_num(torch.inf).amin(-1)
    return Span(near, far, far > near)


@dataclass(frozen=True)
class RaySegments:
    """Rays (..., 3) with the distances between which each is sampled, and whether it hits the box (...)."""

    origins: Float[Tensor, "*rays 3"]
    directions: Float[Tensor, "*rays 3"]
    start: Float[Tensor, "*rays"]
    end: Float[Tensor, "*rays"]
    hit: Tensor

    @classmethod
    def through_box(cls, origins: Tensor, directions: Tensor) -> "RaySegments":
        """Rays that miss the box are sampled from the least to the largest start of those that hit it (step 1)."""
        near, far, hit = box_span(origins, directions)
        first, last = (torch.where(hit, near, end) for end in (torch.inf, -torch.inf))  # a GPU need not wait
        near = torch.where(hit, near, torch.where(hit.any(), first.min(), 0))
        far = torch.where(hit, far, torch.where(hit.any(), last.max(), 1))
        return cls(origins, directions, near, far, hit)

    def __getitem__(self, index) -> "RaySegments":
        parts = (getattr(self, name) for name in self.__dataclass_fields__)
        if isinstance(index, Tensor):
            return RaySegments(*(part.index_select(0, index) for part in parts))  # sooner than by brackets
        return RaySegments(*(part[index] for part in parts))

    def flat(self) -> "RaySegments":
        """Of (N, rays), one after another."""
        return RaySegments(*(getattr(self, name).flatten(0, 1) for name in self.__dataclass_fields__))

    def __len__(self) -> int:
        return len(self.origins)
