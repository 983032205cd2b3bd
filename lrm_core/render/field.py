"""The radiance field of a triplane, at points and on lattices: lookup, then the decoder."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, grid_sample, linear, pad, relu

from lrm_core.model.lrm import activate
from lrm_core.render.lookup import corners_and_weights, gather, lookup, padded, scatter

TILE = 8_192  # rows at a time: more fall out of the cache
CUDA_TILE = 2**17  # fewer leave a GPU idle
ROUND = 512  # rows are filled up to a multiple of it, since oneDNN compiles a kernel for each number of rows

Layer = tuple[Float[Tensor, "outputs inputs"], Float[Tensor, "outputs"]]

ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def fused(like: Tensor) -> bool:
    """Whether oneDNN's layer takes such numbers; with so few outputs it needs half the time of a product."""
    return ONEDNN and like.dtype == torch.float32 and not like.is_cuda


def filled_up(index: Tensor, like: Tensor) -> Tensor:
    """More along the last axis by some zeros, for layers that will be applied to numbers such as `like`."""
    return pad(index, (0, -index.shape[-1] % ROUND)) if fused(like) else index


def affine(x: Float[Tensor, "*rows inputs"], layer: Layer, relu: bool) -> Float[Tensor, "*rows outputs"]:
    """x W^T + b, and what is negative of it set to 0 if wanted."""
    if fused(x):
        return torch.ops.mkldnn._linear_pointwise(x, *layer, "relu" if relu else "none", [], "")
    return linear(x, *layer).relu_() if relu else linear(x, *layer)


def pulled(grad: Float[Tensor, "rows outputs"], layer: Layer) -> Float[Tensor, "rows inputs"]:
    """The gradient of what enters a layer, grad W."""
    if fused(grad):
        return torch.ops.mkldnn._linear_pointwise(grad, layer[0].T.contiguous(), None, "none", [], "")
    return grad @ layer[0]


def check_planes(planes: Tensor, dims: int) -> None:
    """Raise ValueError unless `planes` is a finite stack of square triplanes with `dims` dimensions."""
    shape = tuple(planes.shape)
    if planes.ndim != dims or shape[-4] != 3 or shape[-1] != shape[-2]:
        expected = ("(N, 3, C, R, R)", "(3, C, R, R)")[5 - dims]
        raise ValueError(f"planes: expected shape {expected}, found {shape}")
    if not planes.sum().isfinite() and not torch.isfinite(planes).all():  # the sum is sooner looked at
        bad = int((~torch.isfinite(planes)).sum())
        raise ValueError(f"planes: {bad} of {planes.numel()} values are NaN or infinite; check the model or the fit")


def check_decoder(decoder: nn.Module, planes: Tensor) -> None:
    """Raise ValueError unless the decoder reads as many features as planes (..., 3, C, R, R) give."""
    read, given = decoder.net[0].in_features, 3 * planes.shape[-3]
    if read != given:
        raise ValueError(
            f"decoder: its first layer reads {read} features, but planes of shape {tuple(planes.shape)} give {given}"
        )


class Field:
    """Raw decoder output anywhere in the box for one triplane (3, C, R, R), or the table of several (N, 3, C, R, R).

    Since a linear layer commutes with bilinear interpolation, the first layer is applied to the planes once
    instead of to every sample; exact up to rounding.
    """

    def __init__(self, planes: Float[Tensor, "*N 3 C R R"], decoder: nn.Module):
        first, *rest = (layer for layer in decoder.net if isinstance(layer, nn.Linear))
        check_decoder(decoder, planes)
        weight = first.weight.unflatten(1, (3, planes.shape[-3]))  # (H, 3, C)
        self.table = padded(torch.einsum("...pcyx,hpc->...pyxh", planes, weight))
        self.bias = first.bias
        self.layers = [(layer.weight, layer.bias) for layer in rest]
        self.resolution = planes.shape[-1]

    @property
    def parameters(self) -> tuple[Tensor, ...]:
        """What values depend on: the table, the first bias, then weight and bias of each further layer."""
        return (self.table, self.bias, *(part for layer in self.layers for part in layer))

    def raw(self, points: Float[Tensor, "points 3"]) -> Float[Tensor, "points 4"]:
        """Raw density, then the three raw colours, before activation."""
        if torch.is_grad_enabled():
            return self.tail(lookup(self.table, points))
        return self.evaluate(points.T)

    def tail(self, features: Float[Tensor, "*batch H"]) -> Float[Tensor, "*batch 4"]:
        """The decoder from the first layer's output (without its bias) onwards; overwrites `features`."""
        hidden = features.add_(self.bias)
        for layer in self.layers:
            hidden = linear(relu(hidden, inplace=True), *layer)
        return hidden

    @torch.no_grad()
    def evaluate(self, points: Float[Tensor, "3 points"]) -> Float[Tensor, "points 4"]:
        """`raw` of points given axis by axis, without autograd."""
        tiles = filled_up(points.to(self.table.dtype), self.table).split(TILE, 1)
        entered = (self._entering(*corners_and_weights(tile, self.table.shape[1]))[-1] for tile in tiles)
        return torch.cat([affine(each, self.layers[-1], relu=False) for each in entered])[: points.shape[1]]

    @torch.no_grad()
    def pulled(
        self, points: Float[Tensor, "3 points"], grad: Float[Tensor, "points 4"], trained: bool
    ) -> list[Tensor | None]:
        """Gradient of the `parameters` from that of the raw values; of the table only, unless they are `trained`.

        What enters each layer is computed again, a tile at a time, which is sooner done than kept and fetched.
        """
        points = filled_up(points.to(self.table.dtype), self.table)
        grad = pad(grad.to(self.table.dtype), (0, 0, 0, points.shape[1] - len(grad)))
        texels = corners_and_weights(points, self.table.shape[1])
        sums = [torch.zeros_like(part) for part in self.parameters[1:] if trained]
        tiles = zip(grad.split(TILE), *(part.split(TILE) for part in texels), strict=True)
        features = [self._pulled_tile(self._entering(*tile), back, sums) for back, *tile in tiles]
        table = scatter(*texels, torch.cat(features), self.table.shape)
        return [table, *(sums if trained else [None] * (len(self.parameters) - 1))]

    def _entering(self, corners: Int[Tensor, "rows 12"], weights: Float[Tensor, "rows 12"]) -> list[Tensor]:
        """What enters each layer after the first."""
        entered = [gather(self.table, corners, weights).add_(self.bias).relu_()]
        for layer in self.layers[:-1]:
            entered.append(affine(entered[-1], layer, relu=True))
        return entered

    def _pulled_tile(
        self, entered: Sequence[Tensor], grad: Tensor, sums: Sequence[Tensor]
    ) -> Float[Tensor, "rows H"]:
        """Gradient of the features; those of the bias and of the layers are added to `sums`, if there are any."""
        for place in reversed(range(len(self.layers))):
            if sums:
                sums[2 * place + 1].addmm_(grad.T, entered[place])
                sums[2 * place + 2].add_(grad.sum(0))
            grad = pulled(grad, self.layers[place])
            grad = torch.ops.aten.threshold_backward.grad_input(grad, entered[place], 0, grad_input=grad)
        if sums:
            sums[0].add_(grad.sum(0))
        return grad


class FieldValues(NamedTuple):
    """Activated field: rgb (N, points, 3) and density (N, points, 1) in 1 / world unit."""

    rgb: Float[Tensor, "N points 3"]
    density: Float[Tensor, "N points 1"]


def query_points(
    planes: Float[Tensor, "N 3 C R R"], decoder: nn.Module, points: Float[Tensor, "N points 3"]
) -> FieldValues:
    """Colour and density of each triplane at its own points; outside the box the planes read as zero.

    The decoder is applied as it stands, not folded: this is the spec to the letter, for few points. ValueError if a
    shape is wrong or a plane holds NaN or infinity.
    """
    check_planes(planes, 5)
    if points.ndim != 3 or points.shape[0] != planes.shape[0] or points.shape[2] != 3:
        raise ValueError(f"points: expected shape ({planes.shape[0]}, points, 3), found {tuple(points.shape)}")
    return FieldValues(*activate(raw_at(planes, decoder, points)))


def raw_at(
    planes: Float[Tensor, "N 3 C R R"], decoder: nn.Module, points: Float[Tensor, "N points 3"]
) -> Float[Tensor, "N points 4"]:
    """Raw density, then the three raw colours, of each triplane at its own points, to the letter of the spec."""
    check_decoder(decoder, planes)
    x, y, z = points.unbind(-1)
    grids = torch.stack([torch.stack(pair, dim=-1) for pair in ((x, y), (x, z), (z, y))], dim=1)  # (N, 3, P, 2)
    features = grid_sample(planes.flatten(0, 1), grids.flatten(0, 1)[:, None], align_corners=False)
    features = features[:, :, 0].unflatten(0, (-1, 3)).permute(0, 3, 1, 2).flatten(2)  # (N, P, 3C), plane 0 first
    return decoder(features)


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

        def at_some_z(xz: Float[Tensor, "*N slabs L H"], zy: Float[Tensor, "*N slabs L H"]) -> Tensor:
            return self._finished((xy.unsqueeze(-4) + xz.unsqueeze(-3)).add_(zy.unsqueeze(-2)).relu_())

        parts = zip(xz.split(slabs, -3), zy.transpose(-3, -2).split(slabs, -3), strict=True)
        return torch.cat(side_by_side(at_some_z, list(parts)), -3)

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

    def _finished(self, hidden: Float[Tensor, "*points H"]) -> Float[Tensor, "*points"]:
        """Densities from what enters the second layer."""
        for layer in self.field.layers[:-1]:
            hidden = affine(hidden, layer, relu=True)
        weight, bias = self.field.layers[-1]
        return linear(hidden, weight[:1], bias[:1])[..., 0]


def side_by_side(function: Callable[..., Any], calls: Sequence[tuple]) -> list[Any]:
    """`function` of each tuple of arguments, in order, without gradients, in as many threads as PyTorch may use.

    A piece is many small operations, and those gain little when several cores share each of them.
    """
    threads = torch.get_num_threads()

    @torch.no_grad()  # the mode belongs to a thread
    def piece(call: tuple) -> Any:
        return function(*call)

    if threads == 1 or len(calls) == 1:
        return list(map(piece, calls))
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(piece, calls))
    finally:
        torch.set_num_threads(threads)  # the number set in a worker holds for threads that start later
