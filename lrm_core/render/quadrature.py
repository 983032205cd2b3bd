"""Volume rendering along sampled rays (spec, section Volume rendering; Max 1995; NeRF's hierarchical sampling)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool1d, max_pool1d, softplus


class Composite(NamedTuple):
    """Along each ray: the share of each sample's colour (rays, samples), mean depth and total weight (rays,)."""

    shares: Float[Tensor, "rays samples"]
    depth: Float[Tensor, "rays"]
    weight: Float[Tensor, "rays"]


def interval_weights(
    depths: Float[Tensor, "rays samples"], raw_density: Float[Tensor, "rays samples"]
) -> Float[Tensor, "rays intervals"]:
    """Share of a ray's light that each interval between neighbouring samples absorbs (step 4).

    Args:
        depths: sorted distances along the ray, in world units.
        raw_density: before activation, -inf where a sample is outside the box.
    """
    density = softplus((raw_density[:, 1:] + raw_density[:, :-1]) / 2 - 1)
    alpha = 1 - torch.exp(-density * (depths[:, 1:] - depths[:, :-1]))
    reach = torch.cumprod(1 - alpha + 1e-10, dim=-1)
    return alpha * torch.cat([torch.ones_like(reach[:, :1]), reach[:, :-1]], dim=-1)


def composite(depths: Float[Tensor, "rays samples"], raw_density: Float[Tensor, "rays samples"]) -> Composite:
    """Emission-absorption quadrature with samples averaged pairwise (step 4).

    An interval shows the mean colour of its two samples, so each sample gets half the weight of the intervals
    on its two sides.

    Args:
        depths: sorted distances along the ray, in world units.
        raw_density: before activation, -inf outside the box.

    Returns:
        shares that sum to `weight`, the weighted mean depth (NaN where nothing absorbs), and the weight.
    """
    weights = interval_weights(depths, raw_density)
    half = torch.nn.functional.pad(weights, (1, 1)) / 2
    middle = (depths[:, 1:] + depths[:, :-1]) / 2
    weight = weights.sum(-1)
    return Composite(half[:, 1:] + half[:, :-1], (weights * middle).sum(-1) / weight, weight)


def composite_unsorted(
    depths: Float[Tensor, "rays samples"], raw_density: Float[Tensor, "rays samples"]
) -> Composite:
    """`composite` of samples in any order; the shares are in theirs."""
    depths, order = depths.sort(dim=1)
    result = composite(depths, raw_density.gather(1, order))
    return result._replace(shares=torch.zeros_like(depths).scatter(1, order, result.shares))


def coarse_depths(
    start: Float[Tensor, "rays"],
    end: Float[Tensor, "rays"],
    offsets: Float[Tensor, "rays samples"] | float,
    count: int,
) -> Float[Tensor, "rays samples"]:
    """Evenly spaced distances from start to end, each moved by `offsets` of a step (step 2)."""
    step = ((end - start) / (count - 1))[:, None]
    return start[:, None] + (torch.arange(count, device=start.device) + offsets) * step


@torch.no_grad()
def fine_depths(
    depths: Float[Tensor, "rays coarse"],
    weights: Float[Tensor, "rays intervals"],
    quantiles: Float[Tensor, "rays fine"],
) -> Float[Tensor, "rays fine"]:
    """Distances drawn where the coarse weights lie, by inverse CDF (step 5).

    Args:
        depths: coarse distances, in world units.
        weights: coarse interval weights, one fewer than `depths`.
        quantiles: in [0, 1], per ray.
    """
    smooth = avg_pool1d(max_pool1d(weights[:, None], 2, 1, padding=1), 2, 1)[:, 0] + 0.01
    mass = smooth[:, 1:-1] + 1e-5
    cdf = torch.cumsum(mass / mass.sum(-1, keepdim=True), dim=-1)
    cdf = torch.cat([torch.zeros_like(cdf[:, :1]), cdf], dim=-1)  # (rays, coarse - 2)
    edges = (depths[:, 1:] + depths[:, :-1]) / 2
    upper = torch.searchsorted(cdf, quantiles.contiguous(), right=True)
    below, above = (upper - 1).clamp(min=0), upper.clamp(max=mass.shape[1])
    cdf_below, edge_below = cdf.gather(1, below), edges.gather(1, below)
    step = cdf.gather(1, above) - cdf_below
    step = torch.where(step < 1e-5, torch.ones_like(step), step)
    return edge_below + (quantiles - cdf_below) / step * (edges.gather(1, above) - edge_below)
