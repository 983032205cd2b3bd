"""Volume rendering along sampled rays (spec, section Volume rendering; Max 1995; NeRF's hierarchical sampling)."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad, softplus, threshold_

FLOOR = 1e-10  # light that any interval lets through


class Composite(NamedTuple):
    """Along each ray: the share of each sample's colour, mean depth, total weight, and that of each interval."""

    shares: Float[Tensor, "rays samples"]
    depth: Float[Tensor, "rays"]
    weight: Float[Tensor, "rays"]
    weights: Float[Tensor, "rays intervals"]


class Intervals(NamedTuple):
    """What lies between neighbouring samples along each ray, each (rays, samples - 1)."""

    middle: Float[Tensor, "rays intervals"]  # mean raw density of the two samples, less 1 as the activation has it
    length: Float[Tensor, "rays intervals"]  # in world units
    passed: Float[Tensor, "rays intervals"]  # share of the light that the interval lets through
    reach: Float[Tensor, "rays intervals"]  # share of a ray's light that comes to the interval
    weights: Float[Tensor, "rays intervals"]  # share of a ray's light that the interval absorbs


def intervals(depths: Float[Tensor, "rays samples"], raw_density: Float[Tensor, "rays samples"]) -> Intervals:
    """Absorption between neighbouring samples (step 4), sorted by depth; raw density is -inf outside the box."""
    middle = (raw_density[:, 1:] + raw_density[:, :-1]).mul_(0.5).sub_(1)
    length = depths[:, 1:] - depths[:, :-1]
    passed = softplus(middle).mul_(length).neg_().exp_()
    left = torch.cumprod(passed + FLOOR, dim=-1)
    reach = pad(left[:, :-1], (1, 0), value=1.0)
    return Intervals(middle, length, passed, reach, (1 - passed).mul_(reach))


def absorption(
    depths: Float[Tensor, "rays samples"], raw_density: Float[Tensor, "rays samples"]
) -> Float[Tensor, "rays"]:
    """Optical depth from the first to the last sample: exp(-absorption) of the light is left."""
    density = softplus((raw_density[:, 1:] + raw_density[:, :-1]) / 2 - 1)
    return (density * (depths[:, 1:] - depths[:, :-1])).sum(1)


def raw_density_gradient(between: Intervals, grad: Float[Tensor, "rays intervals"]) -> Float[Tensor, "rays samples"]:
    """Gradient of the raw densities from that of the weights: an interval takes light from all behind it."""
    absorbed = between.weights * grad
    behind = absorbed.flip(1).cumsum(1).flip(1)[:, 1:] / (between.passed[:, :-1] + FLOOR)
    alpha = between.reach * grad
    alpha[:, :-1] -= behind
    middle = alpha.mul_(between.passed).mul_(between.length).mul_(torch.sigmoid(between.middle)).mul_(0.5)
    raw = pad(middle, (0, 1))
    raw[:, 1:] += middle
    return raw


def shares_of(weights: Float[Tensor, "rays intervals"]) -> Float[Tensor, "rays samples"]:
    """Share of each sample's colour: half the weight of the intervals on its two sides."""
    shares = pad(weights, (0, 1))
    shares[:, 1:] += weights
    return shares.mul_(0.5)


def composite(depths: Float[Tensor, "rays samples"], raw_density: Float[Tensor, "rays samples"]) -> Composite:
    """Emission-absorption quadrature with samples averaged pairwise (step 4).

    An interval shows the mean colour of its two samples, so each sample gets half the weight of the intervals
    on its two sides: shares that sum to `weight`. The depth is the weighted mean, NaN where nothing absorbs.
    """
    weights = intervals(depths, raw_density).weights
    middle = (depths[:, 1:] + depths[:, :-1]) / 2
    weight = weights.sum(-1)
    absorbs = weight > 0
    depth = (weights * middle).sum(-1) / torch.where(absorbs, weight, 1)  # no NaN, which would reach the gradients
    return Composite(shares_of(weights), torch.where(absorbs, depth, torch.nan), weight, weights)


def draws(
    rays: Sequence[int], samples: int, jitter: torch.Generator | None, like: Tensor
) -> tuple[Float[Tensor, "*rays samples"], Float[Tensor, "*rays samples"]]:
    """Where in its bin each coarse sample lies, and the quantiles of as many fine ones (steps 2 and 5).

    The shape is that of the rays, device and type are those of `like`; without jitter they are the middles.
    """
    if jitter is None:
        middle = (torch.arange(samples, device=like.device, dtype=like.dtype) + 0.5) / samples
        return like.new_full((1,), 0.5).expand(*rays, samples), middle.expand(*rays, samples)
    draw = torch.rand(2, *rays, samples, generator=jitter, device=jitter.device, dtype=like.dtype)
    return tuple(draw.to(like.device))


def coarse_depths(
    start: Float[Tensor, "rays"], end: Float[Tensor, "rays"], offsets: Float[Tensor, "rays samples"]
) -> Float[Tensor, "rays samples"]:
    """Evenly spaced distances from start to end, each moved by `offsets` of a step (step 2)."""
    count = offsets.shape[1]
    step = ((end - start) / (count - 1))[:, None]
    return start[:, None] + (torch.arange(count, device=start.device) + offsets) * step


@torch.no_grad()
def fine_samples(
    depths: Float[Tensor, "rays coarse"],
    weights: Float[Tensor, "rays intervals"],
    quantiles: Float[Tensor, "rays fine"] | int,
) -> tuple[Float[Tensor, "rays fine"], Int[Tensor, "rays fine"]]:
    """Distances drawn where the coarse weights lie, by inverse CDF (step 5), and the bin of each.

    Quantiles are in [0, 1], or a number of evenly spaced ones; the sample `coarse[bin + 1]` is the only one in a bin.
    """
    larger = torch.maximum(weights[:, 1:], weights[:, :-1])
    mass = (larger[:, 1:] + larger[:, :-1]).mul_(0.5).add_(0.01 + 1e-5)
    cdf = pad(mass.div_(mass.sum(-1, keepdim=True)).cumsum_(-1), (1, 0))  # (rays, coarse - 2)
    edges = (depths[:, 1:] + depths[:, :-1]).mul_(0.5)
    rise = edges[:, 1:-1] - edges[:, :-2]  # per unit of the CDF, but 0 at its end
    slope = pad(rise.div_(threshold_(cdf[:, 1:] - cdf[:, :-1], 1e-5, 1.0)), (0, 1))
    if isinstance(quantiles, int):
        place, quantiles = _bins_of_even(cdf, quantiles)
    else:
        place = (torch.searchsorted(cdf, quantiles.contiguous(), right=True) - 1).clamp_(min=0)
    offset = (quantiles - cdf.gather(1, place)).mul_(slope.gather(1, place))
    return offset.add_(edges.gather(1, place)), place


def _bins_of_even(
    cdf: Float[Tensor, "rays edges"], count: int
) -> tuple[Int[Tensor, "rays count"], Float[Tensor, "count"]]:
    """Bins of the quantiles (k + 1/2) / count, by counting the edges before each; and the quantiles."""
    first = (cdf * count).sub_(0.5).ceil_().clamp_(0, count).long()  # the first quantile that is not below an edge
    edges = torch.zeros(len(cdf), count + 1, dtype=cdf.dtype, device=cdf.device)
    edges.scatter_add_(1, first, torch.ones_like(cdf))
    even = (torch.arange(count, device=cdf.device, dtype=cdf.dtype) + 0.5) / count
    return edges[:, :-1].cumsum(1).sub_(1).long(), even


def places(
    coarse: Float[Tensor, "rays coarse"], fine: Float[Tensor, "rays fine"], bins: Int[Tensor, "rays fine"]
) -> Int[Tensor, "rays samples"]:
    """Where each of the coarse, then of the fine samples is in order of depth, if both are; without sorting."""
    before = bins + 1
    before += fine >= coarse.gather(1, before)  # coarse samples before each fine one
    count = coarse.new_zeros(len(coarse), coarse.shape[1] + 1)
    count.scatter_add_(1, before, torch.ones_like(fine))
    after = count[:, :-1].cumsum(1).long()  # fine samples before each coarse one
    index = torch.arange(max(coarse.shape[1], fine.shape[1]), device=coarse.device)
    return torch.cat([after + index[: coarse.shape[1]], before + index[: fine.shape[1]]], dim=1)
