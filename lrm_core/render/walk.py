"""One chunk of rays: which samples need the decoder, and what they add up to."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import embedding_bag, pad

from lrm_core.model.decoder import colour_of
from lrm_core.render.field import Field
from lrm_core.render.occupancy import Occupancy
from lrm_core.render.quadrature import Intervals, absorption, fine_samples, intervals, places, shares_of
from lrm_core.render.rays import RaySegments, indices

BLOCK_SAMPLES = 16  # evaluated between two looks at whether a ray still sees anything
DARK = 1e-5  # share of the light behind which samples are left out

Rendered = tuple[Float[Tensor, "rays 3"], Float[Tensor, "rays"], Float[Tensor, "rays"]]


class Evaluated(NamedTuple):
    """Samples that went through the decoder, ray by ray."""

    spot: Int[Tensor, "some"]  # in the samples of all rays in order of depth
    ray: Int[Tensor, "some"]  # of each
    first: Int[Tensor, "rays"]  # the first of each ray
    points: Float[Tensor, "3 some"]  # where they are, axis by axis
    colour: Float[Tensor, "some 4"]  # in the last three columns


class Walked(NamedTuple):
    """Every sample of every ray in order of depth, and those that were evaluated."""

    depths: Float[Tensor, "rays samples"]  # in world units
    density: Float[Tensor, "rays samples"]  # raw, -inf outside the box and in the dark
    between: Intervals  # neighbouring samples
    evaluated: list[Evaluated]  # in several parts


def skim(
    occupancy: Occupancy | None,
    rays: RaySegments,
    depths: Float[Tensor, "rays samples"],
    end: Float[Tensor, "rays"],
) -> Float[Tensor, "rays samples"]:
    """Raw density without the decoder: inf where that is needed, -inf behind the end."""
    limit = torch.copysign(depths.new_tensor(torch.inf), end[:, None] - depths)
    return limit if occupancy is None else torch.minimum(occupancy.along(rays, depths), limit, out=limit)


class _Samples:
    """Samples of rays on their way through the decoder."""

    def __init__(self, field: Field, rays: RaySegments) -> None:
        self.field = field
        self.origins, self.directions = rays.origins.T.contiguous(), rays.directions.T.contiguous()
        self.evaluated: list[Evaluated] = []

    def filled(
        self, depths: Float[Tensor, "rays some"], skimmed: Float[Tensor, "rays some"]
    ) -> Float[Tensor, "rays some"]:
        """Densities, which take the place of what is inf; as yet the spots of those samples are in `depths`."""
        missing = skimmed == torch.inf
        index, count = indices(missing), missing.sum(1)
        ray = torch.repeat_interleave(count, output_size=len(index))
        origins, directions = (part.index_select(1, ray) for part in (self.origins, self.directions))
        points = torch.addcmul(origins, directions, depths.reshape(-1).index_select(0, index))
        raw = self.field.evaluate(points).to(skimmed.dtype)
        skimmed.view(-1).scatter_(0, index, raw[:, 0])
        self.evaluated.append(Evaluated(index, ray, count.cumsum(0).sub_(count), points, colour_of(raw)))
        return skimmed


def walk(
    field: Field,
    occupancy: Occupancy | None,
    rays: RaySegments,
    depths: Float[Tensor, "rays coarse"],
    skimmed: Float[Tensor, "rays coarse"],
    quantiles: Float[Tensor, "rays fine"] | int,
) -> Walked:
    """Samples front to back in blocks, leaving out those behind what lets no light through; then the fine ones."""
    samples, coarse = _Samples(field, rays), depths.shape[1]
    block = coarse if occupancy is None else BLOCK_SAMPLES
    parts = [slice(first, min(first + block, coarse)) for first in range(0, coarse, block)]
    density = _coarse_densities(samples, depths, skimmed, parts)
    weights = intervals(depths, density).weights
    fine, bins = fine_samples(depths, weights, quantiles)
    end = rays.end if occupancy is None else torch.minimum(rays.end, _opaque_from(depths, weights))
    more = samples.filled(fine, skim(occupancy, rays, fine, end))
    place = places(depths, fine, bins)
    place += torch.arange(0, place.numel(), place.shape[1])[:, None]
    ordered = depths.new_empty(2, *place.shape)
    for whole, found in zip(ordered.flatten(1), ((depths, fine), (density, more)), strict=True):
        whole.scatter_(0, place.view(-1), torch.cat(found, dim=1).view(-1))
    spots = (place[:, part].reshape(-1) for part in (*parts, slice(coarse, None)))
    pairs = zip(samples.evaluated, spots, strict=True)
    evaluated = [each._replace(spot=spot.index_select(0, each.spot)) for each, spot in pairs]
    return Walked(*ordered, intervals(*ordered), evaluated)


def _coarse_densities(
    samples: _Samples, depths: Float[Tensor, "rays coarse"], skimmed: Float[Tensor, "rays coarse"], parts: list[slice]
) -> Float[Tensor, "rays coarse"]:
    """Part after part, of those rays that still see anything."""
    density, absorbed = torch.empty_like(depths), depths.new_zeros(len(depths))
    for part in parts:
        light = torch.copysign(depths.new_tensor(torch.inf), -math.log(DARK) - absorbed)
        density[:, part] = samples.filled(depths[:, part], torch.minimum(skimmed[:, part], light[:, None]))
        if part is not parts[-1]:
            since = slice(max(part.start - 1, 0), part.stop)
            absorbed += absorption(depths[:, since], density[:, since])
    return density


def _opaque_from(depths: Tensor, weights: Float[Tensor, "rays intervals"]) -> Float[Tensor, "rays"]:
    """Depth from which on less than `DARK` of a ray's light is left, inf if there is none."""
    lit = (weights.cumsum(1) < 1 - DARK).sum(1, keepdim=True)
    return pad(depths[:, 1:], (0, 1), value=torch.inf).gather(1, lit)[:, 0]


def seen(walked: Walked) -> Rendered:
    """Colour, depth and weight of each ray."""
    weights, depths = walked.between.weights, walked.depths
    weight = weights.sum(1)
    depth = (weights * (depths[:, 1:] + depths[:, :-1])).sum(1) / (2 * weight)
    shares, colour = shares_of(weights).view(-1), depths.new_zeros(len(depths), 4)
    for each in walked.evaluated:
        if len(each.spot):
            every, share = torch.arange(len(each.spot)), shares.index_select(0, each.spot)
            colour += embedding_bag(every, each.colour, each.first, mode="sum", per_sample_weights=share)
    return colour[:, 1:], depth, weight
