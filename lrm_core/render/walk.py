"""One chunk of rays: which samples need the decoder, and what they add up to."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from lrm_core.model.decoder import colour_of
from lrm_core.render.field import Field
from lrm_core.render.occupancy import Occupancy
from lrm_core.render.quadrature import Intervals, absorption, fine_samples, intervals, places, shares_of
from lrm_core.render.rays import RaySegments

BLOCK_SAMPLES = 16  # evaluated between two looks at whether a ray still sees anything
DARK = 1e-5  # share of the light behind which samples are left out

Rendered = tuple[Float[Tensor, "rays 3"], Float[Tensor, "rays"], Float[Tensor, "rays"]]


class Evaluated(NamedTuple):
    """Samples that went through the decoder.

    Attributes:
        index: in the samples of all rays, coarse before fine on each.
        points: where they are, axis by axis.
    """

    index: Int[Tensor, "some"]
    points: Float[Tensor, "3 some"]


class Walked(NamedTuple):
    """Every sample of every ray, coarse before fine on each.

    Attributes:
        density: raw, -inf outside the box and in the dark.
        colour: channel by channel; 0 where not evaluated.
        place: of each sample in order of depth.
        depths: in that order.
        between: neighbouring samples in that order.
    """

    density: Float[Tensor, "rays samples"]
    colour: Float[Tensor, "3 rays samples"]
    place: Int[Tensor, "rays samples"]
    depths: Float[Tensor, "rays samples"]
    between: Intervals


def skim(
    occupancy: Occupancy | None,
    rays: RaySegments,
    depths: Float[Tensor, "rays samples"],
    end: Float[Tensor, "rays"],
) -> Float[Tensor, "rays samples"]:
    """Raw density without the decoder: inf where that is needed, -inf behind the end."""
    limit = torch.copysign(depths.new_tensor(torch.inf), end[:, None] - depths)
    if occupancy is None:
        return limit
    within = torch.minimum(depths, rays.end[:, None])
    return torch.minimum(occupancy.along(rays.origins, rays.directions, within), limit)


class _Samples:
    """Samples of rays on their way through the decoder."""

    def __init__(self, field: Field, rays: RaySegments, samples: int) -> None:
        self.field = field
        self.origins, self.directions = rays.origins.T.contiguous(), rays.directions.T.contiguous()
        self.density = rays.end.new_empty(len(rays), samples)
        self.colour = rays.end.new_zeros(3, len(rays), samples)
        self.evaluated: list[Evaluated] = []

    def fill(self, first: int, depths: Float[Tensor, "rays some"], skimmed: Float[Tensor, "rays some"]) -> None:
        """Densities and colours of the samples from the `first` on of each ray."""
        count, samples = skimmed.shape[1], self.density.shape[1]
        self.density[:, first : first + count] = skimmed
        chosen = (skimmed == torch.inf).flatten().nonzero()[:, 0]
        ray = chosen.div(count, rounding_mode="floor")
        index = ray * (samples - count) + chosen + first
        origins, directions = (part.index_select(1, ray) for part in (self.origins, self.directions))
        points = torch.addcmul(origins, directions, depths.reshape(-1).index_select(0, chosen))
        raw = self.field.evaluate(points).T.to(self.density.dtype).contiguous()
        self.density.view(-1).scatter_(0, index, raw[0])
        self.colour.view(3, -1).scatter_(1, index.expand(3, -1), colour_of(raw[1:]))
        self.evaluated.append(Evaluated(index, points))


def walk(
    field: Field,
    occupancy: Occupancy | None,
    rays: RaySegments,
    depths: Float[Tensor, "rays coarse"],
    skimmed: Float[Tensor, "rays coarse"],
    quantiles: Float[Tensor, "rays fine"] | int,
) -> tuple[Walked, list[Evaluated]]:
    """Samples front to back in blocks, leaving out those behind what lets no light through; then the fine ones."""
    coarse = depths.shape[1]
    samples = _Samples(field, rays, coarse + (quantiles if isinstance(quantiles, int) else quantiles.shape[1]))
    absorbed = torch.zeros_like(rays.end)
    block = coarse if occupancy is None else BLOCK_SAMPLES
    for first in range(0, coarse, block):
        stop = min(first + block, coarse)
        part, since = slice(first, stop), slice(max(first - 1, 0), stop)
        light = torch.copysign(depths.new_tensor(torch.inf), -math.log(DARK) - absorbed)
        samples.fill(first, depths[:, part], torch.minimum(skimmed[:, part], light[:, None]))
        if stop < coarse:
            absorbed += absorption(depths[:, since], samples.density[:, since])
    weights = intervals(depths, samples.density[:, :coarse]).weights
    fine, bins = fine_samples(depths, weights, quantiles)
    end = rays.end if occupancy is None else torch.minimum(rays.end, _opaque_from(depths, weights))
    samples.fill(coarse, fine, skim(occupancy, rays, fine, end))
    place = places(depths, fine, bins)
    ordered = torch.empty_like(samples.density)
    depths = ordered.scatter(1, place, torch.cat([depths, fine], dim=1))
    between = intervals(depths, ordered.scatter_(1, place, samples.density))
    return Walked(samples.density, samples.colour, place, depths, between), samples.evaluated


def _opaque_from(depths: Tensor, weights: Float[Tensor, "rays intervals"]) -> Float[Tensor, "rays"]:
    """Depth from which on less than `DARK` of a ray's light is left, inf if there is none."""
    lit = (weights.cumsum(1) < 1 - DARK).sum(1, keepdim=True)
    return pad(depths[:, 1:], (0, 1), value=torch.inf).gather(1, lit)[:, 0]


def seen(walked: Walked) -> Rendered:
    """Colour, depth and weight of each ray."""
    weights, depths = walked.between.weights, walked.depths
    weight = weights.sum(1)
    depth = (weights * (depths[:, 1:] + depths[:, :-1])).sum(1) / (2 * weight)
    shares = shares_of(weights).gather(1, walked.place)
    return (walked.colour * shares).sum(2).T, depth, weight
