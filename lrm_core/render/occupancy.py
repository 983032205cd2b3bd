"""Where a field is empty, so that samples there need no decoder."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lrm_core.render.field import Field
from lrm_core.render.rays import BOX_MIN

# a sample is skipped where density < EMPTY_DENSITY (1 / world unit) all around it:
# along the whole diagonal of the box such samples absorb less than 0.04% of the light
EMPTY_DENSITY = 1e-4
RAW_EMPTY = math.log(math.expm1(EMPTY_DENSITY)) + 1
# without gradients less care is enough: 0.1% of the light along that diagonal, an error about 60 dB below white
FAINT_DENSITY = 3e-4
RAW_FAINT = math.log(math.expm1(FAINT_DENSITY)) + 1
RANGE_MARGIN = 0.25
SURPRISES = 0.005
CHECKED_SIDE = 32  # centres looked at along each axis


def _over_corners(
    combine: Callable[[Tensor, Tensor], Tensor], corner: Float[Tensor, "R+1 R+1 R+1"]
) -> Float[Tensor, "R R R"]:
    """`combine` over the eight corners of each cell, an axis at a time; faster than pooling."""
    count = len(corner) - 1
    for axis in range(3):
        corner = combine(corner.narrow(axis, 1, count), corner.narrow(axis, 0, count))
    return corner


@dataclass(frozen=True)
class Occupancy:
    """Cells around the texel centres of the box, indexed [z, y, x].

    Attributes:
        occupied: whether the density may exceed the threshold somewhere in the cell, (R, R, R).
        raw: mean raw density of the cell's corners, (R, R, R); what a skipped sample contributes to its neighbours.
        skimmed: both in one flat table, inf where a cell is occupied, else its raw density, (R^3,).
        low, high: corners of the box around all occupied cells, (3,) as (x, y, z), in world units.
        resolution: R.
    """

    occupied: Bool[Tensor, "R R R"]
    raw: Float[Tensor, "R R R"]
    skimmed: Float[Tensor, "cells"]
    low: Float[Tensor, "3"]
    high: Float[Tensor, "3"]
    resolution: int

    @classmethod
    def of(cls, field: Field) -> "Occupancy | None":
        """Cells of a field, from its densities at the eight corners of each.

        A cell's densities are taken to stay below the highest corner plus `RANGE_MARGIN` of the corners' range.
        No field has to obey that, so it is checked on the field itself: where the corners call a cell empty, its
        centre has to be empty too (at about `CHECKED_SIDE` centres a side, evenly spaced). Empty means below
        `EMPTY_DENSITY`, or below `FAINT_DENSITY` where gradients are off.

        Returns:
            None if more than `SURPRISES` of the centres looked at are not: the field varies within its cells, and
            nothing can be skipped.
        """
        empty = RAW_EMPTY if torch.is_grad_enabled() else RAW_FAINT
        corner = field.density_at_corners()
        highest, lowest = (_over_corners(extreme, corner) for extreme in (torch.maximum, torch.minimum))
        occupied = highest + RANGE_MARGIN * (highest - lowest) > empty
        stride = max(1, field.resolution // CHECKED_SIDE)
        checked = occupied[::stride, ::stride, ::stride]
        surprise = (field.density_at_centres(stride) > empty) & ~checked
        if surprise.sum() > SURPRISES * (~checked).sum():
            return None
        checked |= surprise
        return cls.around(occupied, _over_corners(torch.add, corner) / 8)

    @classmethod
    def around(cls, occupied: Bool[Tensor, "R R R"], raw: Float[Tensor, "R R R"]) -> "Occupancy":
        """An occupancy with its bounding box; an empty one has low > high."""
        cells = occupied.shape[0]
        low, high = [], []
        for other in ((0, 1), (0, 2), (1, 2)):  # the axes to reduce for x, y, z
            used = occupied.any(dim=other[1]).any(dim=other[0]).nonzero()[:, 0]
            low.append(int(used[0]) if len(used) else cells)
            high.append(int(used[-1]) + 1 if len(used) else 0)
        corners = torch.tensor([low, high], device=raw.device) * (2 / cells) + BOX_MIN
        skimmed = raw.masked_fill(occupied, torch.inf).flatten()
        return cls(occupied, raw, skimmed, corners[0], corners[1], cells)

    def explored(self, fraction: float, generator: torch.Generator) -> "Occupancy":
        """Also visit a random share of 4x4x4 blocks, so that a fit can grow density in empty space."""
        blocks = -(-self.resolution // 4)
        draw = torch.rand(blocks, blocks, blocks, generator=generator, device=generator.device) < fraction
        for axis in range(3):
            draw = draw.repeat_interleave(4, dim=axis)
        cells = slice(self.resolution)
        draw = draw[cells, cells, cells].to(self.occupied.device)
        return Occupancy.around(self.occupied | draw, self.raw)

    def along(
        self,
        origins: Float[Tensor, "rays 3"],
        directions: Float[Tensor, "rays 3"],
        depths: Float[Tensor, "rays samples"],
    ) -> Float[Tensor, "rays samples"]:
        """Raw density of the cells that samples inside the box lie in, inf where the cell is occupied."""
        # Rounding must not leave the last cell: the factor keeps near cameras to it, the clamp those far away.
        scale, last = self.resolution / 2 * (1 - 1e-6), self.resolution - 1
        start, step = (origins - BOX_MIN) * scale, directions * scale
        x, y, z = (
            torch.addcmul(start[:, axis, None], step[:, axis, None], depths).int().clamp_(0, last)
            for axis in range(3)
        )
        index = x.add_(y.add_(z, alpha=self.resolution), alpha=self.resolution)
        return self.skimmed.index_select(0, index.flatten()).view_as(depths)
