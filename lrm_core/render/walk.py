"""One chunk of rays: which samples need the decoder, what they add up to, and the gradient of that in closed form."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from lrm_core.model.decoder import activate, colour_of
from lrm_core.render.field import Field
from lrm_core.render.occupancy import Occupancy
from lrm_core.render.quadrature import (
    FLOOR,
    Intervals,
    absorption,
    coarse_depths,
    composite,
    fine_samples,
    intervals,
    places,
    raw_density_gradient,
    shares_of,
)
from lrm_core.render.rays import RaySegments

BLOCK_SAMPLES = 16  # evaluated between two looks at whether a ray still sees anything
DARK = 1e-5  # share of the light behind which samples are left out
NEGLIGIBLE = 8  # roundings of the largest gradient of a sample; smaller ones are not followed to the planes

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


def march(
    field: Field,
    occupancy: Occupancy | None,
    rays: RaySegments,
    offsets: Float[Tensor, "rays coarse"],
    quantiles: Float[Tensor, "rays fine"] | None,
) -> tuple[Int[Tensor, "found"], *Rendered]:
    """Which rays meet something; their colour without background, depth and weight.

    Args:
        field: of one triplane.
        occupancy: where to look; None evaluates every sample inside the box.
        rays: within the box.
        offsets: of the coarse samples in their bins.
        quantiles: of the fine samples, ascending; None spaces as many evenly.
    """
    with torch.no_grad():
        depths = coarse_depths(rays.start, rays.end, offsets, offsets.shape[1])
        skimmed = _skim(occupancy, rays, depths, rays.end)
        found = (skimmed.amax(1) == torch.inf).nonzero()[:, 0]
        drawn = offsets.shape[1] if quantiles is None else quantiles[found]
        start = (occupancy, rays[found], depths[found], skimmed[found], drawn)
    if torch.is_grad_enabled():
        return found, *_March.apply(field, start, *field.parameters)
    return found, *_seen(_walk(field, *start)[0])


def _skim(
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

    def fill(
        self, first: int, depths: Float[Tensor, "rays some"], skimmed: Float[Tensor, "rays some"]
    ) -> None:
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


def _walk(
    field: Field,
    occupancy: Occupancy | None,
    rays: RaySegments,
    depths: Float[Tensor, "rays coarse"],
    skimmed: Float[Tensor, "rays coarse"],
    quantiles: Float[Tensor, "rays fine"] | int,
) -> tuple[Walked, list[Evaluated]]:
    """Samples front to back in blocks, leaving out those behind what lets no light through; then the fine ones."""
    coarse = depths.shape[1]
    samples = _Samples(
        field, rays, coarse + (quantiles if isinstance(quantiles, int) else quantiles.shape[1])
    )
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
    samples.fill(coarse, fine, _skim(occupancy, rays, fine, end))
    place = places(depths, fine, bins)
    ordered = torch.empty_like(samples.density)
    depths = ordered.scatter(1, place, torch.cat([depths, fine], dim=1))
    between = intervals(depths, ordered.scatter_(1, place, samples.density))
    return Walked(samples.density, samples.colour, place, depths, between), samples.evaluated


def _opaque_from(depths: Tensor, weights: Float[Tensor, "rays intervals"]) -> Float[Tensor, "rays"]:
    """Depth from which on less than `DARK` of a ray's light is left, inf if there is none."""
    lit = (weights.cumsum(1) < 1 - DARK).sum(1, keepdim=True)
    return pad(depths[:, 1:], (0, 1), value=torch.inf).gather(1, lit)[:, 0]


def _seen(walked: Walked) -> Rendered:
    """Colour, depth and weight of each ray."""
    weights, depths = walked.between.weights, walked.depths
    weight = weights.sum(1)
    depth = (weights * (depths[:, 1:] + depths[:, :-1])).sum(1) / (2 * weight)
    shares = shares_of(weights).gather(1, walked.place)
    return (walked.colour * shares).sum(2).T, depth, weight


class _March(torch.autograd.Function):
    """`_walk` and `_seen`, and the gradient of the parameters of the field."""

    @staticmethod
    def forward(ctx, field: Field, start: tuple, *parameters: Tensor) -> Rendered:
        walked, evaluated = _walk(field, *start)
        ctx.field, seen = field, _seen(walked)
        ctx.set_materialize_grads(False)
        flat = [part for each in evaluated for part in each]
        ctx.save_for_backward(*parameters, *walked[:-1], *walked.between, *seen[1:], *flat)
        return seen

    @staticmethod
    def backward(ctx, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors[len(ctx.field.parameters) :]
        walked, averages, rest = Walked(*saved[:4], Intervals(*saved[4:9])), saved[9:11], iter(saved[11:])
        evaluated = [Evaluated(*pair) for pair in zip(rest, rest, strict=True)]
        wanted = ctx.needs_input_grad[2:]
        if torch.is_grad_enabled():
            found = _differentiable_gradient(ctx.field, walked, evaluated, grads, wanted)
        else:
            sample_grads = _gradient_of_samples(walked, averages, evaluated, grads)
            found = _gradient_of_field(ctx.field, evaluated, sample_grads, trained=any(wanted[1:]))
        return None, None, *(part if want else None for part, want in zip(found, wanted, strict=True))


def _gradient_of_samples(
    walked: Walked,
    averages: tuple[Tensor, Tensor],
    evaluated: list[Evaluated],
    grads: tuple[Tensor | None, ...],
) -> list[Float[Tensor, "some 4"]]:
    """Gradient of the raw values of each sample that was evaluated."""
    rgb, depth, weight = grads
    weights, samples = walked.between.weights, walked.density.shape[1]
    grad = torch.zeros_like(weights)
    if rgb is not None:
        light = torch.empty_like(walked.depths).scatter_(
            1, walked.place, (walked.colour * rgb.T[..., None]).sum(0)
        )
        grad += (light[:, 1:] + light[:, :-1]) / 2
    if weight is not None:
        grad += weight[:, None]
    if depth is not None:
        middle = (walked.depths[:, 1:] + walked.depths[:, :-1]) / 2
        grad += (middle - averages[0][:, None]).nan_to_num_() * (depth / averages[1].clamp(min=FLOOR))[
            :, None
        ]
    density = raw_density_gradient(walked.between, grad).gather(1, walked.place).view(-1)
    shares = shares_of(weights).gather(1, walked.place).view(-1)
    found = []
    for index, _ in evaluated:
        raw = density.new_zeros(4, len(index))
        raw[0] = density.index_select(0, index)
        if rgb is not None:
            ray = index.div(samples, rounding_mode="floor")
            shade = (walked.colour.view(3, -1).index_select(1, index) + 0.001) / 1.002
            raw[1:] = (shade - shade.square()).mul_(1.002 * shares.index_select(0, index))
            raw[1:] *= rgb.T.index_select(1, ray)
        found.append(raw.T.contiguous())
    return found


def _gradient_of_field(
    field: Field, evaluated: list[Evaluated], grads: list[Float[Tensor, "some 4"]], trained: bool
) -> list[Tensor]:
    """Gradient of the parameters from that of samples, without those whose gradient would be lost in rounding."""
    grad, points = torch.cat(grads), torch.cat([each.points for each in evaluated], dim=1)
    size = grad.abs().amax(1) if len(grad) else grad.new_zeros(1)
    followed = (~(size <= NEGLIGIBLE * torch.finfo(grad.dtype).eps * size.max())).nonzero()[
        :, 0
    ]  # NaN is followed
    return field.pulled(points.index_select(1, followed), grad.index_select(0, followed), trained)


def _differentiable_gradient(
    field: Field,
    walked: Walked,
    evaluated: list[Evaluated],
    grads: tuple[Tensor | None, ...],
    wanted: list[bool],
) -> list[Tensor | None]:
    """The gradient by autograd, so that it can be differentiated once more."""
    inputs = [part for part, want in zip(field.parameters, wanted, strict=True) if want]
    seen = zip(replayed(field, walked, evaluated), grads, strict=True)
    outputs, grads = zip(*((part, grad) for part, grad in seen if grad is not None), strict=True)
    found = iter(torch.autograd.grad(outputs, inputs, grads, create_graph=True, materialize_grads=True))
    return [next(found) if want else None for want in wanted]


def replayed(field: Field, walked: Walked, evaluated: list[Evaluated]) -> Rendered:
    """What the samples add up to, by operations that autograd knows: the plain twin of `_March`."""
    density, colour = walked.density.view(-1), walked.colour.view(3, -1).T
    for index, points in evaluated:
        raw = field.raw(points.T).to(density.dtype)
        density = density.index_put((index,), raw[:, 0])
        colour = colour.index_put((index,), activate(raw).colour)
    ordered = torch.zeros_like(walked.density).scatter(1, walked.place, density.view_as(walked.density))
    result = composite(walked.depths, ordered)
    shares = result.shares.gather(1, walked.place)
    return (shares[..., None] * colour.view(*shares.shape, 3)).sum(1), result.depth, result.weight
