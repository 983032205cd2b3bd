"""Values of a scalar field on a regular lattice over the box, evaluated only where a level set may pass."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lrm_core.render.rays import BOX_MAX, BOX_MIN

ScalarField = Callable[[Float[Tensor, "points 3"]], Float[Tensor, "points"]]
RANGE_MARGIN = 0.25  # of the range of a cell's corners that the field may leave inside the cell
BATCH = 500_000  # cells looked at, and points evaluated, at a time
RIM = 1e-3  # how far below the level the faces of the box are at least


@dataclass(frozen=True)
class SparseLattice:
    """A lattice of resolution + 1 points along each axis, indexed [x, y, z]."""

    values: Float[Tensor, "n n n"]  # of the field, NaN where it was not evaluated
    # cells, by their lowest corner, whose corners lie on both sides of the level, (n - 1, n - 1, n - 1)
    crossed: Bool[Tensor, "m m m"]
    level: float  # what the values are compared with

    @property
    def evaluated(self) -> int:
        """How many points were evaluated."""
        return int(self.values.isfinite().sum())


def sparse_lattice(
    field: ScalarField, resolution: int, level: float, detail: float, device: torch.device | str = "cpu"
) -> SparseLattice:
    """Evaluate a field near its level set, from coarse cells to fine ones.

    A cell is refined unless the values at its corners, widened by `RANGE_MARGIN` of their range, stay on one side of
    the level. The finest cells that the level set enters are followed across their faces until it is closed, so a
    connected piece of it is found whole or not at all. Faces of the box count as below the level. ValueError if
    `resolution` is below 2.

    Args:
        resolution: cells along each axis of the box; coarse cells need a power of two in it.
        detail: world units over which the field may bend; the coarsest cells are not longer.
    """
    if resolution < 2:
        raise ValueError(f"resolution: expected at least 2 cells along each axis, found {resolution}")
    lattice = _Lattice(field, resolution, level, device)
    step, cell = 1, (BOX_MAX - BOX_MIN) / resolution
    while resolution % (2 * step) == 0 and 2 * step * cell <= detail:
        step *= 2
    cells = lattice.all_cells(step)
    while True:
        lattice.evaluate(cells, step)
        cells = cells[lattice.may_cross(cells, step, RANGE_MARGIN if step > 1 else 0.0)]
        if step == 1:
            return SparseLattice(lattice.values, lattice.followed(cells), level)
        step //= 2
        cells = (cells[:, None] + lattice.corner_offsets(step)).flatten()


class _Lattice:
    """The values so far; cells are named by the flat index of their lowest corner."""

    def __init__(self, field: ScalarField, resolution: int, level: float, device: torch.device | str) -> None:
        self.field, self.resolution, self.level, self.side = field, resolution, level, resolution + 1
        self.values = torch.full((self.side,) * 3, torch.nan, device=device)
        self.strides = torch.tensor([self.side**2, self.side, 1], device=device)

    def corner_offsets(self, step: int) -> Int[Tensor, "8"]:
        """From a cell to its eight corners, which are also the lowest corners of the cells twice as fine."""
        bits = torch.cartesian_prod(*[torch.arange(2, device=self.values.device)] * 3)
        return (bits * self.strides).sum(-1) * step

    def all_cells(self, step: int) -> Int[Tensor, "cells"]:
        index = torch.arange(0, self.resolution, step, device=self.values.device)
        return (torch.cartesian_prod(index, index, index) * self.strides).sum(-1)

    def evaluate(self, cells: Int[Tensor, "cells"], step: int) -> None:
        """Fill in the corners of cells."""
        values = self.values.view(-1)
        for part in cells.split(BATCH):
            corners = (part[:, None] + self.corner_offsets(step)).flatten()
            for new in corners[values[corners].isnan()].unique().split(BATCH):
                values[new] = self._at(new)

    def _at(self, corners: Int[Tensor, "points"]) -> Float[Tensor, "points"]:
        """The field at lattice points, below the level on the faces of the box."""
        index = corners[:, None] // self.strides % self.side
        found = self.field(index * ((BOX_MAX - BOX_MIN) / self.resolution) + BOX_MIN).to(self.values)
        rim = ((index == 0) | (index == self.resolution)).any(-1)
        return torch.where(rim, found.clamp(max=self.level - RIM), found)

    def may_cross(self, cells: Int[Tensor, "cells"], step: int, margin: float) -> Bool[Tensor, "cells"]:
        """Whether the level lies within the range of each cell's corners, widened by a share of that range."""
        values, kept = self.values.view(-1), [cells.new_zeros(0, dtype=torch.bool)]
        for part in cells.split(BATCH):
            low, high = values[part[:, None] + self.corner_offsets(step)].aminmax(dim=1)
            slack = margin * (high - low)
            kept.append((low - slack <= self.level) & (high + slack > self.level))
        return torch.cat(kept)

    def followed(self, crossed: Int[Tensor, "cells"]) -> Bool[Tensor, "m m m"]:
        """Crossed cells, and those that the level set enters from them."""
        found = torch.zeros((self.side,) * 3, dtype=torch.bool, device=self.values.device)
        while len(crossed):
            found.view(-1)[crossed] = True
            entered = torch.cat([part for cells in crossed.split(BATCH) for part in self._entered(cells)])
            entered = entered[~found.view(-1)[entered]].unique()
            self.evaluate(entered, 1)
            crossed = entered[self.may_cross(entered, 1, 0.0)]
        return found[:-1, :-1, :-1]

    def _entered(self, cells: Int[Tensor, "cells"]) -> list[Int[Tensor, "neighbours"]]:
        """For each of the six faces, the neighbours behind it where its corners lie on both sides of the level."""
        above = self.values.view(-1)[cells[:, None] + self.corner_offsets(1)] > self.level
        above = above.view(-1, 2, 2, 2)
        neighbours = []
        for axis, stride in enumerate(self.strides.tolist()):
            for side, step in ((0, -stride), (1, stride)):
                face = above.select(axis + 1, side).flatten(1)
                neighbours.append(cells[face.any(1) & ~face.all(1)] + step)
        return neighbours
