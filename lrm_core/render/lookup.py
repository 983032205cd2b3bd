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


def cells_and_weights(
    points: Float[Tensor, "points 3"], side: int
) -> tuple[Int[Tensor, "3 points"], Float[Tensor, "3 4 points"]]:
    """The cell (its upper left texel) that holds each point on each plane, and the weights of its corners.

    Args:
        points: world coordinates.
        side: of the padded planes, R + 2 texels.

    Returns:
        row * side + column of the cell, and weights of the corners (0, 0), (0, 1), (1, 0), (1, 1) in
        (row, column).
    """
    continuous = (points.T.contiguous() + 1).mul_((side - 2) / 2).add_(0.5).clamp_(0, side - 1)
    lower = continuous.floor().clamp_(max=side - 2)
    after = continuous.sub_(lower)  # (3, points): share of the corner at lower + 1
    lower, before = lower.int(), 1 - after
    cells, weights = [], []
    for column, row in zip(COLUMN_AXIS, ROW_AXIS, strict=True):
        cells.append(torch.add(lower[column], lower[row], alpha=side))
        weights += [r[row] * c[column] for r in (before, after) for c in (before, after)]
    return torch.stack(cells), torch.stack(weights).unflatten(0, (3, 4))


def _corner_offsets(side: int, device: torch.device) -> Int[Tensor, "4"]:
    return torch.tensor([0, 1, side, side + 1], device=device, dtype=torch.int32)


class _Lookup(torch.autograd.Function):
    @staticmethod
    def forward(ctx, table: Tensor, points: Tensor) -> Tensor:
        ctx.save_for_backward(points)
        ctx.side = side = table.shape[1]
        cells, weights = cells_and_weights(points, side)
        plane = torch.arange(3, device=points.device, dtype=torch.int32)[:, None] * side**2
        corners = cells[:, None] + (plane + _corner_offsets(side, points.device))[..., None]  # (3, 4, points)
        bags, shares = (part.flatten(0, 1).T.contiguous() for part in (corners, weights))  # (points, 12)
        rows = table.reshape(-1, table.shape[3])
        return embedding_bag(bags, rows, mode="sum", per_sample_weights=shares)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        (points,) = ctx.saved_tensors
        cells, weights = cells_and_weights(points, ctx.side)
        grad = grad.contiguous()
        return torch.stack([_scatter(cells[p], weights[p], grad, ctx.side) for p in range(3)]), None


def _scatter(
    cells: Int[Tensor, "points"],
    weights: Float[Tensor, "4 points"],
    grad: Float[Tensor, "points H"],
    side: int,
) -> Float[Tensor, "S S H"]:
    """Transpose of the lookup on one plane: points sorted by cell, one gather-sum per corner."""
    order = torch.argsort(cells)
    ends = torch.bincount(cells, minlength=side**2).cumsum(0)
    starts = torch.cat([ends.new_zeros(1), ends[:-1]])
    sorted_weights = weights[:, order]
    out = grad.new_zeros(side**2 + side + 1, grad.shape[1])
    for offset, weight in zip((0, 1, side, side + 1), sorted_weights, strict=True):
        out[offset : offset + side**2] += embedding_bag(
            order, grad, starts, mode="sum", per_sample_weights=weight
        )
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
