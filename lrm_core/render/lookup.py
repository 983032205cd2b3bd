"""Bilinear triplane lookup as one weighted gather, with the transposed gather for its gradient."""

import math
from functools import cache

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.sparse import csr_array
from torch import Tensor
from torch.nn.functional import embedding_bag, pad

# point axis that gives the (column, row) of planes xy, xz, zy
COLUMN_AXIS, ROW_AXIS = (0, 0, 2), (1, 2, 1)


def padded(table: Float[Tensor, "*N 3 R R H"]) -> Float[Tensor, "*N 3 S S H"]:
    """Add the ring of zeros that a lookup outside the plane reads; S = R + 2."""
    return pad(table, (0, 0, 1, 1, 1, 1))


@cache
def _stencil(side: int, dtype: torch.dtype, device: torch.device) -> tuple[tuple[Tensor, Tensor], ...]:
    """Affine maps from coordinates (n, 3) to one number for each of the 12 texels, as (constant, matrix).

    Of the lowest texel of each axis to rows of the table, of the share of the next one to the factor of the rows of
    texels, and to that of the columns.
    """
    start, stride = torch.zeros(12, dtype=torch.float64), torch.zeros(3, 12, dtype=torch.float64)
    factors = [(torch.zeros(12, dtype=dtype), torch.zeros(3, 12, dtype=dtype)) for _ in range(2)]
    for texel in range(12):
        plane, corner = divmod(texel, 4)
        axes, nexts = (ROW_AXIS[plane], COLUMN_AXIS[plane]), divmod(corner, 2)
        start[texel] = plane * side**2 + nexts[0] * side + nexts[1]
        stride[axes, texel] = torch.tensor([side, 1.0], dtype=torch.float64)
        for (constant, matrix), axis, following in zip(factors, axes, nexts, strict=True):
            constant[texel], matrix[axis, texel] = (0, 1) if following else (1, -1)
    return tuple((constant.to(device), matrix.to(device)) for constant, matrix in ((start, stride), *factors))


def corners_and_weights(
    points: Float[Tensor, "3 points"], side: int, of: Int[Tensor, "points"] | None = None
) -> tuple[Int[Tensor, "points 12"], Float[Tensor, "points 12"]]:
    """The texels that the lookup of each point reads, as rows of the table (N 3 S^2, H), and their weights.

    Points are world coordinates, axis by axis; `side` is S = R + 2 texels; `of` as in `lookup`.
    """
    continuous = (points * ((side - 2) / 2)).add_((side - 1) / 2).clamp_(0, side - 1)
    lower = continuous.floor().clamp_(max=side - 2)
    share, lower = continuous.sub_(lower).T, lower.T.double()
    (start, stride), row, column = _stencil(side, points.dtype, points.device)
    weights = torch.addmm(row[0], share, row[1]).mul_(torch.addmm(column[0], share, column[1]))
    corners = torch.addmm(start, lower, stride).int()
    return corners if of is None else corners.add_(of[:, None], alpha=3 * side**2), weights


def gather(
    table: Float[Tensor, "*N 3 S S H"], corners: Int[Tensor, "points 12"], weights: Float[Tensor, "points 12"]
) -> Float[Tensor, "points H"]:
    """`lookup` without gradients, from `corners_and_weights`."""
    return embedding_bag(corners, table.flatten(0, -2), mode="sum", per_sample_weights=weights)


def scatter(
    corners: Int[Tensor, "points 12"],
    weights: Float[Tensor, "points 12"],
    grad: Float[Tensor, "points H"],
    shape: torch.Size,
) -> Float[Tensor, "*N 3 S S H"]:
    """Transpose of `gather`, of the shape of a table: one gather for each texel of the points that read it."""
    if not len(grad):
        return grad.new_zeros(shape)
    reader, weight, starts = _transposed(corners, weights, math.prod(shape[:-1]))
    out = embedding_bag(
        reader, grad.contiguous(), starts, mode="sum", per_sample_weights=weight, include_last_offset=True
    )
    return out.view(shape)


def _transposed(
    corners: Int[Tensor, "points 12"], weights: Float[Tensor, "points 12"], texels: int
) -> tuple[Int[Tensor, "n"], Float[Tensor, "n"], Int[Tensor, "texels+1"]]:
    """The points that read each texel and their weights, texel by texel, and where each texel's begin."""
    count = len(corners)
    if corners.is_cuda:
        flat, order = corners.flatten().sort()
        starts = torch.searchsorted(flat, torch.arange(texels + 1, device=flat.device, dtype=flat.dtype))
        return order.div(12, rounding_mode="floor"), weights.flatten()[order], starts
    rows = np.arange(0, 12 * count + 1, 12, dtype=np.int32)
    matrix = csr_array((weights.numpy().ravel(), corners.numpy().ravel(), rows), shape=(count, texels))
    columns = matrix.tocsc()  # sorts by counting
    return tuple(torch.from_numpy(part) for part in (columns.indices, columns.data, columns.indptr))


class _Lookup(torch.autograd.Function):
    @staticmethod
    def forward(ctx, table: Tensor, points: Tensor, of: Tensor | None) -> Tensor:
        ctx.save_for_backward(points, of)
        ctx.shape = table.shape
        return gather(table, *corners_and_weights(points, table.shape[-2], of))

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None, None]:
        points, of = ctx.saved_tensors
        return scatter(*corners_and_weights(points, ctx.shape[-2], of), grad, ctx.shape), None, None


def lookup(
    table: Float[Tensor, "*N 3 S S H"], points: Float[Tensor, "points 3"], of: Int[Tensor, "points"] | None = None
) -> Float[Tensor, "points H"]:
    """Sum over the three planes of their bilinear values at `points` (spec, section Planes).

    Plane 0 is read at (x, y), plane 1 at (x, z), plane 2 at (z, y), first coordinate = column; zeros outside
    the box, texel centres at half integers (align_corners False).

    The table holds the planes, channels last, with their ring of zeros (`padded`). Points are world coordinates, to
    which no gradient flows; `of` says which of several triplanes each is looked up in, None for the only one.
    """
    return _Lookup.apply(table, points.T.contiguous(), of)
