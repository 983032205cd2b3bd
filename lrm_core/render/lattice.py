"""Raw density at the points of a lattice whose lookups are sums of three rows, one of each plane."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import embedding_bag, linear

from lrm_core.render.field import CUDA_TILE, TILE, Field, affine, filled_up
from lrm_core.render.side_by_side import side_by_side


@dataclass(frozen=True)
class Lattice:
    """Points with L coordinates on each axis, indexed [z, y, x], and what the planes have for each two of them."""

    field: Field  # that is looked at
    # of the planes (y, x), (z, x) and (y, z), with the bias in the first; for each of several fields
    rows: Float[Tensor, "*N 3 L L H"]

    @classmethod
    @torch.no_grad()
    def of_centres(cls, field: Field) -> "Lattice":
        """The texel centres."""
        return cls._with_bias(field, field.table[..., 1:-1, 1:-1, :].clone())

    @classmethod
    @torch.no_grad()
    def of_corners(cls, field: Field) -> "Lattice":
        """The texel corners, the faces of the box included."""
        rows = field.table[..., 1:, :, :] + field.table[..., :-1, :, :]
        return cls._with_bias(field, (rows[..., 1:, :] + rows[..., :-1, :]).mul_(0.25))

    @classmethod
    def _with_bias(cls, field: Field, rows: Tensor) -> "Lattice":
        rows[..., 0, :, :, :] += field.bias
        return cls(field, rows)

    def every(self, step: int, first: int = 0) -> "Lattice":
        """Every `step`-th point of each axis from the `first` on."""
        return Lattice(self.field, self.rows[..., first::step, first::step, :])

    @torch.no_grad()
    def density(self) -> Float[Tensor, "*N L L L"]:
        """At every point."""
        xy, xz, zy = self.rows.unbind(-4)
        slabs = max(1, (CUDA_TILE if xy.is_cuda else TILE) // (xy.numel() // xy.shape[-1]))
        parts = zip(xz.split(slabs, -3), zy.transpose(-3, -2).split(slabs, -3), strict=True)
        return torch.cat(side_by_side(self._slabs, [(xy, *part) for part in parts]), -3)

    @torch.no_grad()
    def density_at(self, index: Int[Tensor, "points"]) -> Float[Tensor, "points"]:
        """At the points of these flat indices."""
        side = self.rows.shape[1]
        rows, x = self.rows.flatten(0, 2), index % side
        zy = index // side
        z, y = zy // side, zy % side
        bags = torch.stack([y * side + x, z * side + (x + side**2), y * side + (z + 2 * side**2)], dim=1)
        parts = (filled_up(part.T, rows).T for part in bags.split(TILE))
        found = [self._finished(embedding_bag(part, rows, mode="sum").relu_()) for part in parts]
        return torch.cat([rows.new_empty(0), *found])[: len(index)]

    def _slabs(
        self,
        xy: Float[Tensor, "*N L L H"],
        xz: Float[Tensor, "*N slabs L H"],
        zy: Float[Tensor, "*N slabs L H"],
    ) -> Float[Tensor, "*N slabs L L"]:
        """Densities at some z."""
        return self._finished((xy.unsqueeze(-4) + xz.unsqueeze(-3)).add_(zy.unsqueeze(-2)).relu_())

    def _finished(self, hidden: Float[Tensor, "*points H"]) -> Float[Tensor, "*points"]:
        """Densities from what enters the second layer."""
        for layer in self.field.layers[:-1]:
            hidden = affine(hidden, layer, relu=True)
        weight, bias = self.field.layers[-1]
        return linear(hidden, weight[:1], bias[:1])[..., 0]
