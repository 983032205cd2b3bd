"""One chunk of rays: which samples need the decoder, what they add up to, and the gradient of that in closed form."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import embedding_bag, pad

from lrm_core.model.lrm import activate, colour_of
from lrm_core.render import quadrature
from lrm_core.render.field import Field
from lrm_core.render.occupancy import Occupancy, skimmed_along
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
    between: quadrature.Intervals  # neighbouring samples
    evaluated: list[Evaluated]  # in several parts


def skim(
    occupancy: Occupancy | None, rays: RaySegments, depths: Float[Tensor, "rays samples"], end: Float[Tensor, "rays"]
) -> Float[Tensor, "rays samples"]:
    """Raw density without the decoder: inf where that is needed, -inf behind the end."""
    limit = torch.copysign(depths.new_tensor(torch.inf), end[:, None] - depths)
    if occupancy is None:
        return limit
    return torch.minimum(skimmed_along(occupancy.skimmed, rays.origins, rays.directions, depths), limit, out=limit)


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
    weights = quadrature.intervals(depths, density).weights
    fine, bins = quadrature.fine_samples(depths, weights, quantiles)
    end = rays.end if occupancy is None else torch.minimum(rays.end, _opaque_from(depths, weights))
    more = samples.filled(fine, skim(occupancy, rays, fine, end))
    place = quadrature.places(depths, fine, bins)
    place += torch.arange(0, place.numel(), place.shape[1])[:, None]
    ordered = depths.new_empty(2, *place.shape)
    for whole, found in zip(ordered.flatten(1), ((depths, fine), (density, more)), strict=True):
        whole.scatter_(0, place.view(-1), torch.cat(found, dim=1).view(-1))
    spots = (place[:, part].reshape(-1) for part in (*parts, slice(coarse, None)))
    pairs = zip(samples.evaluated, spots, strict=True)
    evaluated = [each._replace(spot=spot.index_select(0, each.spot)) for each, spot in pairs]
    return Walked(*ordered, quadrature.intervals(*ordered), evaluated)


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
            absorbed += quadrature.absorption(depths[:, since], density[:, since])
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
    shares, colour = quadrature.shares_of(weights).view(-1), depths.new_zeros(len(depths), 4)
    for each in walked.evaluated:
        if len(each.spot):
            every, share = torch.arange(len(each.spot)), shares.index_select(0, each.spot)
            colour += embedding_bag(every, each.colour, each.first, mode="sum", per_sample_weights=share)
    return colour[:, 1:], depth, weight


NEGLIGIBLE = 8  # roundings of the largest gradient of a sample; smaller ones are not followed to the planes


class March(torch.autograd.Function):
    """`walk` and `seen`, and the gradient of the parameters of the field."""

    @staticmethod
    def forward(ctx, field: Field, start: tuple, *parameters: Tensor) -> Rendered:
        walked = walk(field, *start)
        ctx.field, pictured = field, seen(walked)
        ctx.set_materialize_grads(False)
        flat = [part for each in walked.evaluated for part in each]
        ctx.save_for_backward(*parameters, *walked[:2], *walked.between, *pictured[1:], *flat)
        return pictured

    @staticmethod
    def backward(ctx, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors[len(ctx.field.parameters) :]
        parts = (saved[first : first + 5] for first in range(9, len(saved), 5))
        walked = Walked(*saved[:2], quadrature.Intervals(*saved[2:7]), [Evaluated(*part) for part in parts])
        wanted = ctx.needs_input_grad[2:]
        if torch.is_grad_enabled():
            found = _differentiable_gradient(ctx.field, walked, grads, wanted)
        else:
            sample_grads = _gradient_of_samples(walked, saved[7:9], grads)
            found = _gradient_of_field(ctx.field, walked.evaluated, sample_grads, trained=any(wanted[1:]))
        return None, None, *(part if want else None for part, want in zip(found, wanted, strict=True))


def _gradient_of_samples(
    walked: Walked, averages: tuple[Tensor, Tensor], grads: tuple[Tensor | None, ...]
) -> list[Float[Tensor, "some 4"]]:
    """Gradient of the raw values of each sample that was evaluated."""
    rgb, depth, weight = grads
    grad, evaluated = torch.zeros_like(walked.between.weights), walked.evaluated
    if rgb is None:
        shades = [torch.zeros_like(each.colour) for each in evaluated]
    else:
        shades = [pad(rgb, (1, 0)).index_select(0, each.ray) for each in evaluated]
        light = torch.zeros_like(walked.depths)
        for each, shade in zip(evaluated, shades, strict=True):
            light.view(-1).scatter_(0, each.spot, (each.colour * shade) @ rgb.new_ones(4))
        grad += (light[:, 1:] + light[:, :-1]) / 2
    if weight is not None:
        grad += weight[:, None]
    if depth is not None:
        middle = (walked.depths[:, 1:] + walked.depths[:, :-1]) / 2
        share = depth / averages[1].clamp(min=quadrature.FLOOR)
        grad += (middle - averages[0][:, None]).nan_to_num_() * share[:, None]
    density = quadrature.raw_density_gradient(walked.between, grad).view(-1)
    shares = quadrature.shares_of(walked.between.weights).mul_(1.002).view(-1)
    for each, shade in zip(evaluated, shades, strict=True):
        sigmoid = (each.colour + 0.001).div_(1.002)
        shade.mul_(sigmoid).mul_(1 - sigmoid).mul_(shares.index_select(0, each.spot)[:, None])
        shade[:, 0] = density.index_select(0, each.spot)
    return shades


def _gradient_of_field(
    field: Field, evaluated: list[Evaluated], grads: list[Float[Tensor, "some 4"]], trained: bool
) -> list[Tensor]:
    """Gradient of the parameters from that of samples, without those whose gradient would be lost in rounding."""
    grad, points = torch.cat(grads), torch.cat([each.points for each in evaluated], dim=1)
    size = grad.abs()
    largest = size.max() if len(size) else 0
    followed = ~(size <= NEGLIGIBLE * torch.finfo(grad.dtype).eps * largest)  # NaN is followed
    index = indices(followed.view(torch.int32) != 0)  # any of four
    return field.pulled(points.index_select(1, index), grad.index_select(0, index), trained)


def _differentiable_gradient(
    field: Field, walked: Walked, grads: tuple[Tensor | None, ...], wanted: list[bool]
) -> list[Tensor | None]:
    """The gradient by autograd, so that it can be differentiated once more."""
    inputs = [part for part, want in zip(field.parameters, wanted, strict=True) if want]
    seen = zip(replayed(field, walked), grads, strict=True)
    outputs, grads = zip(*((part, grad) for part, grad in seen if grad is not None), strict=True)
    found = iter(torch.autograd.grad(outputs, inputs, grads, create_graph=True, materialize_grads=True))
    return [next(found) if want else None for want in wanted]


def replayed(field: Field, walked: Walked) -> Rendered:
    """What the samples add up to, by operations that autograd knows: the plain twin of `March`."""
    density, shown = walked.density.view(-1), []
    for each in walked.evaluated:
        raw = field.raw(each.points.T).to(density.dtype)
        density = density.index_put((each.spot,), raw[:, 0])
        shown.append(activate(raw).colour)
    result = quadrature.composite(walked.depths, density.view_as(walked.density))
    colour = result.shares.new_zeros(len(walked.depths), 3)
    for each, part in zip(walked.evaluated, shown, strict=True):
        colour = colour.index_add(0, each.ray, part * result.shares.view(-1)[each.spot, None])
    return colour, result.depth, result.weight
