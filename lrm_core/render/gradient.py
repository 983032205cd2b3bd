"""The gradient of a walk along rays in closed form, for the samples that have one."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from lrm_core.model.decoder import activate
from lrm_core.render.field import Field
from lrm_core.render.quadrature import FLOOR, Intervals, composite, raw_density_gradient, shares_of
from lrm_core.render.rays import indices
from lrm_core.render.walk import Evaluated, Rendered, Walked, seen, walk

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
        walked = Walked(*saved[:2], Intervals(*saved[2:7]), [Evaluated(*part) for part in parts])
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
        grad += (middle - averages[0][:, None]).nan_to_num_() * (depth / averages[1].clamp(min=FLOOR))[:, None]
    density = raw_density_gradient(walked.between, grad).view(-1)
    shares = shares_of(walked.between.weights).mul_(1.002).view(-1)
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
    field: Field,
    walked: Walked,
    grads: tuple[Tensor | None, ...],
    wanted: list[bool],
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
    result = composite(walked.depths, density.view_as(walked.density))
    colour = result.shares.new_zeros(len(walked.depths), 3)
    for each, part in zip(walked.evaluated, shown, strict=True):
        colour = colour.index_add(0, each.ray, part * result.shares.view(-1)[each.spot, None])
    return colour, result.depth, result.weight
