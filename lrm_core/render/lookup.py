"""Bilinear triplane lookup as one weighted gather, with a sorted gather for its gradient."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import embedding_bag, pad

# point axis that gives the (column, row) of planes xy, xz, zy
COLUMN_AXIS, ROW_AXIS = (0, 0, 2), (1, 2, 1)


def padded(table: Float[Tensor, "3 R R H"]) -> Float[Tensor, "3 S S H"]:
    """Add the ring of zeros that a lookup outside the plane reads; S = R + 2."""
    return pad(table, (0, 0, 1, 1, 1, 1))


def texel_coordinates(points: Float[Tensor, "points 3"], side: int) -> tuple[Tensor, Tensor]:
    """Lower texel and fraction of each coordinate in a padded plane of `side` = R + 2 texels."""
    continuous = ((points + 1) * ((side - 2) / 2) + 0.5).clamp(0, side - 1)
    lower = continuous.floor().clamp(max=side - 2)
    return lower.long(), continuous - lower


def cells_and_weights(
    points: Float[Tensor, "points 3"], side: int
) -> tuple[Int[Tensor, "3 points"], Float[Tensor, "3 4 points"]]:
    """The cell (its upper left texel) that holds each point on each plane, and the weights of its corners.

    Corners are ordered (0, 0), (0, 1), (1, 0), (1, 1) in (row, column).
    """
    lower, fraction = texel_coordinates(points, side)
    lower, fraction = lower.T.contiguous(), fraction.T.contiguous()  # (3 axes, points)
    column, row = lower[list(COLUMN_AXIS)], lower[list(ROW_AXIS)]
    right, down = fraction[list(COLUMN_AXIS)], fraction[list(ROW_AXIS)]
    both = right * down
    weights = torch.stack([1 - right - down + both, right - both, down - both, both], dim=1)
    return row * side + column, weights


def _corner_offsets(side: int, device: torch.device) -> Int[Tensor, "4"]:
    return torch.tensor([0, 1, side, side + 1], device=device)


class _Lookup(torch.autograd.Function):
    @staticmethod
    def forward(ctx, table: Tensor, points: Tensor) -> Tensor:
        side, width = table.shape[1], table.shape[3]
        cells, weights = cells_and_weights(points, side)
        plane = torch.arange(3, device=points.device)[:, None] * side**2
        corners = (cells + plane)[:, None] + _corner_offsets(side, points.device)[:, None]  # (3, 4, points)
        index = corners.flatten(0, 1).T.contiguous()  # (points, 12)
        ctx.save_for_backward(points)
        ctx.side = side
        bag_weights = weights.flatten(0, 1).T.contiguous()
        return embedding_bag(index, table.reshape(-1, width), mode="sum", per_sample_weights=bag_weights)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        (points,) = ctx.saved_tensors
        cells, weights = cells_and_weights(points, ctx.side)
        grad = grad.contiguous()
        planes = [_scatter(cells[p], weights[p], grad, ctx.side) for p in range(3)]
        return torch.stack(planes), None


def _scatter(cells: Tensor, weights: Tensor, grad: Tensor, side: int) -> Float[Tensor, "S S H"]:
    """Transpose of the lookup on one plane: points sorted by cell, one gather-sum per corner."""
    order = torch.argsort(cells)
    ends = torch.bincount(cells, minlength=side**2).cumsum(0)
    starts = torch.cat([ends.new_zeros(1), ends[:-1]])
    out = grad.new_zeros(side**2 + side + 1, grad.shape[1])
    for offset, weight in zip(_corner_offsets(side, cells.device).tolist(), weights, strict=True):
        share = embedding_bag(order, grad, starts, mode="sum", per_sample_weights=weight[order])
        out[offset : offset + side**2] += share
    return out[: side**2].unflatten(0, (side, side))


def lookup(table: Float[Tensor, "3 S S H"], points: Float[Tensor, "points 3"]) -> Float[Tensor, "points H"]:
    """Sum over the three planes of their bilinear values at `points` (spec, section Planes).

    Plane 0 is read at (x, y), plane 1 at (x, z), plane 2 at (z, y), first coordinate = column; zeros outside
    the box, texel centres at half integers (align_corners False).

    Args:
        table: channels-last planes with their ring of zeros (`padded`).
        points: world coordinates; no gradient flows to them.
    """
    return _Lookup.apply(table, points)
