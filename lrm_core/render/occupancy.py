"""Where a field is empty, so that samples there need no decoder."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import max_pool3d

from lrm_core.render.field import Field, Lattice
from lrm_core.render.rays import BOX_MIN, indices

# a sample is skipped where density < EMPTY_DENSITY (1 / world unit) all around it:
# along the whole diagonal of the box such samples absorb less than 0.04% of the light
EMPTY_DENSITY = 1e-4
RAW_EMPTY = math.log(math.expm1(EMPTY_DENSITY)) + 1
# without gradients less care is enough: 0.1% of the light along that diagonal, an error about 60 dB below white
FAINT_DENSITY = 3e-4
RAW_FAINT = math.log(math.expm1(FAINT_DENSITY)) + 1
# below this density a sample adds less than a rounding to the light that a ray has lost, and to a gradient
LOST_DENSITY = 1e-7
RAW_LOST = math.log(LOST_DENSITY) + 1
NEIGHBOURS = 0.125  # world units; coarse samples along a ray are nearer to each other, and are averaged pairwise
RANGE_MARGIN = 0.25
COARSE_MARGIN = 0.5
SURPRISES = 0.005
CHECKED_SIDE = 32  # centres looked at along each axis


def _over_corners(
    combine: Callable[[Tensor, Tensor], Tensor], corner: Float[Tensor, "*N R+1 R+1 R+1"]
) -> Float[Tensor, "*N R R R"]:
    """`combine` over the eight corners of each cell, an axis at a time; faster than pooling."""
    count = corner.shape[-1] - 1
    for axis in (-3, -2, -1):
        corner = combine(corner.narrow(axis, 1, count), corner.narrow(axis, 0, count))
    return corner


def _extremes(corner: Float[Tensor, "*N L+1 L+1 L+1"]) -> tuple[Tensor, Tensor]:
    return tuple(_over_corners(extreme, corner) for extreme in (torch.maximum, torch.minimum))


def _highest(values: tuple[Tensor, Tensor], margin: float, *more: Float[Tensor, "L L L"]) -> Float[Tensor, "L L L"]:
    """What cells are taken to stay below: their highest value, and more by a share (`margin`) of their range.

    Values are the highest and lowest of the corners, and `more` of each cell.
    """
    highest, lowest = values
    for value in more:
        highest, lowest = torch.maximum(highest, value), torch.minimum(lowest, value)
    return torch.add(highest, highest - lowest, alpha=margin)


def _corner_densities(lattice: Lattice, empty: float) -> tuple[Float[Tensor, "R+1 R+1 R+1"], Bool[Tensor, "R R R"]]:
    """Raw density at the texel corners, and the cells at all of whose corners it was evaluated.

    Two cells a side make a coarse one. Where its corners and its centre are empty, with `COARSE_MARGIN` of their
    range, the corners between them are interpolated. If more than `SURPRISES` of the centres contradict their
    corners, the field has more detail than that, and nothing is interpolated.
    """
    side = lattice.rows.shape[1]
    if side % 2 == 0:
        return lattice.density(), torch.ones(3 * [side - 1], dtype=torch.bool, device=lattice.rows.device)
    coarse, centre = lattice.every(2).density(), lattice.every(2, first=1).density()
    extremes = _extremes(coarse)
    empty_corners = _highest(extremes, COARSE_MARGIN) <= empty
    refined = _highest(extremes, COARSE_MARGIN, centre) > empty
    if ((centre > empty) & empty_corners).sum() > SURPRISES * empty_corners.sum():
        refined = torch.ones_like(refined)
    corner, needed = _between(coarse), _touched(refined)
    corner[1::2, 1::2, 1::2] = centre
    needed[::2, ::2, ::2] = needed[1::2, 1::2, 1::2] = False  # known
    index = indices(needed)
    corner.view(-1)[index] = lattice.density_at(index)
    side = refined.shape[0]
    return corner, refined[:, None, :, None, :, None].expand(side, 2, side, 2, side, 2).reshape(3 * [2 * side])


def _spread(axis: int, cells: Tensor, points: int) -> tuple[Tensor, Tensor, Tensor]:
    """Zeros at so many points of an axis instead of `cells`; views of the even and the odd ones."""
    shape = list(cells.shape)
    shape[axis] = points
    fine = cells.new_zeros(shape)
    before = (slice(None),) * axis
    return fine, fine[(*before, slice(0, None, 2))], fine[(*before, slice(1, None, 2))]


def _between(coarse: Float[Tensor, "n+1 n+1 n+1"]) -> Float[Tensor, "2n+1 2n+1 2n+1"]:
    """Values at points twice as dense, interpolated."""
    for axis in range(3):
        count = coarse.shape[axis] - 1
        fine, even, odd = _spread(axis, coarse, 2 * count + 1)
        even.copy_(coarse)
        torch.add(coarse.narrow(axis, 0, count), coarse.narrow(axis, 1, count), out=odd).mul_(0.5)
        coarse = fine
    return coarse


def _touched(cells: Bool[Tensor, "n n n"]) -> Bool[Tensor, "2n+1 2n+1 2n+1"]:
    """Points in or on the faces of some cells, two to a side."""
    for axis in range(3):
        count = cells.shape[axis]
        points, even, odd = _spread(axis, cells, 2 * count + 1)
        odd.copy_(cells)
        even.narrow(axis, 0, count).copy_(cells)
        even.narrow(axis, 1, count).logical_or_(cells)
        cells = points
    return cells


@dataclass(frozen=True)
class Occupancy:
    """Cells around the texel centres of the box, indexed [z, y, x]."""

    # inf where the density may exceed the threshold somewhere in the cell, else the mean raw density of its corners,
    # which is what a skipped sample contributes to its neighbours
    skimmed: Float[Tensor, "R R R"]
    highest: Float[Tensor, "R R R"]  # raw density that each cell is taken to stay below

    @cached_property
    def explorable(self) -> Float[Tensor, "R R R"]:
        """inf where the density, or that of a neighbouring sample, is not so low that float32 loses its gradient.

        Elsewhere -inf.
        """
        values = self.highest.new_tensor(torch.inf).copysign(self.highest - RAW_LOST)
        reach = math.ceil(NEIGHBOURS * len(values) / 2)
        for axis in range(3):
            kernel, padding = [1, 1, 1], [0, 0, 0]
            kernel[axis], padding[axis] = 2 * reach + 1, reach
            values = max_pool3d(values[None], kernel, 1, padding)[0]
        return values

    @cached_property
    def box(self) -> Float[Tensor, "2 3"]:
        """Corners (x, y, z), in world units, of the box around all occupied cells; the first is higher if none is."""
        cells = len(self.skimmed)
        used = torch.stack([self.skimmed.amax(axes) for axes in ((0, 1), (0, 2), (1, 2))]).isposinf()  # of x, y, z
        index = torch.arange(cells, device=used.device)
        corners = torch.where(used, index, cells).amin(1), torch.where(used, index + 1, 0).amax(1)
        return torch.stack(corners) * (2 / cells) + BOX_MIN

    @classmethod
    def of(cls, field: Field) -> "Occupancy | None":
        """Cells of a field, from its densities at the eight corners of each.

        A cell's densities are taken to stay below the highest corner plus `RANGE_MARGIN` of the corners' range.
        No field has to obey that, so it is checked on the field itself: where the corners call a cell empty, its
        centre has to be empty too (at about `CHECKED_SIDE` centres a side, evenly spaced). Where the field stays
        empty over two cells a side, most corners and centres are not looked at. Empty means below
        `EMPTY_DENSITY`, or below `FAINT_DENSITY` where gradients are off.

        None if more than `SURPRISES` of the centres looked at are not: the field varies within its cells, and nothing
        can be skipped.
        """
        empty = RAW_EMPTY if torch.is_grad_enabled() else RAW_FAINT
        corner, refined = _corner_densities(Lattice.of_corners(field), empty)
        highest = _highest(_extremes(corner), RANGE_MARGIN)
        infinite = highest.new_tensor(torch.inf)
        skimmed = torch.maximum(_over_corners(torch.add, corner).div_(8), infinite.copysign(highest - empty))
        stride = max(1, field.resolution // CHECKED_SIDE)
        checked, refined, unlike = (part[::stride, ::stride, ::stride] for part in (highest, refined, skimmed))
        empties = checked <= empty
        index = indices(refined & empties)  # elsewhere the centres of coarse cells were looked at
        surprises = index[Lattice.of_centres(field).every(stride).density_at(index) > empty]
        if len(surprises) > SURPRISES * empties.sum():
            return None
        unlike[torch.unravel_index(surprises, checked.shape)] = torch.inf
        return cls(skimmed, highest)

    def explored(self, fraction: float, generator: torch.Generator) -> "Occupancy":
        """Also visit a random share of 4x4x4 blocks, so that a fit can grow density in empty space."""
        cells = len(self.skimmed)
        blocks = -(-cells // 4)
        draw = torch.rand(blocks, blocks, blocks, generator=generator, device=generator.device)
        drawn = torch.where(draw < fraction, torch.inf, -torch.inf).to(self.skimmed)[:, None, :, None, :, None]
        drawn = drawn.expand(blocks, 4, blocks, 4, blocks, 4).reshape(3 * [4 * blocks])[:cells, :cells, :cells]
        return Occupancy(torch.maximum(self.skimmed, torch.minimum(drawn, self.explorable)), self.highest)


def skimmed_along(
    skimmed: Float[Tensor, "*N R R R"],
    origins: Float[Tensor, "rays 3"],
    directions: Float[Tensor, "rays 3"],
    depths: Float[Tensor, "rays samples"],
    of: Int[Tensor, "rays"] | None = None,
) -> Float[Tensor, "rays samples"]:
    """Raw density of the cells that samples lie in, inf where occupied (`Occupancy.skimmed`); outside, the nearest.

    The cells are those of one field, or of the one among several that each ray is `of`.
    """
    # Rounding must not leave the last cell: the factor keeps near cameras to it, the clamp those far away.
    cells = skimmed.shape[-1]
    scale = cells / 2 * (1 - 1e-6)
    start, step = (origins - BOX_MIN) * scale, directions * scale
    x, y, z = (
        torch.addcmul(start[:, axis, None], step[:, axis, None], depths).int().clamp_(0, cells - 1)
        for axis in range(3)
    )
    index = x.add_(y.add_(z, alpha=cells), alpha=cells)
    if of is not None:
        index.add_(of[:, None], alpha=cells**3)
    return skimmed.view(-1).index_select(0, index.view(-1)).view_as(depths)


def skimmed_of(fields: Field) -> Float[Tensor, "N R R R"]:
    """`Occupancy.skimmed` of several fields at once, at no wait for the host: every corner and centre is looked at.

    A field that varies within its cells is inf everywhere, where `Occupancy.of` returns None.
    """
    empty = RAW_EMPTY if torch.is_grad_enabled() else RAW_FAINT
    corner, centre = Lattice.of_corners(fields).density(), Lattice.of_centres(fields).density()
    highest = _highest(_extremes(corner), RANGE_MARGIN)
    surprises = (highest <= empty) & (centre > empty)
    share = surprises.sum((1, 2, 3)) / (highest <= empty).sum((1, 2, 3))
    looked = (highest > empty) | surprises | (share > SURPRISES)[:, None, None, None]
    return torch.where(looked, torch.inf, _over_corners(torch.add, corner).div_(8))
