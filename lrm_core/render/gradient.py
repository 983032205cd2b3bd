"""The gradient of a walk along rays in closed form, for the samples that have one."""

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.model.decoder import activate
from lrm_core.render.field import Field
from lrm_core.render.quadrature import FLOOR, Intervals, composite, raw_density_gradient, shares_of
from lrm_core.render.walk import Evaluated, Rendered, Walked, seen, walk

NEGLIGIBLE = 8  # roundings of the largest gradient of a sample; smaller ones are not followed to the planes


class March(torch.autograd.Function):
    """`walk` and `seen`, and the gradient of the parameters of the field."""

    @staticmethod
    def forward(ctx, field: Field, start: tuple, *parameters: Tensor) -> Rendered:
        walked, evaluated = walk(field, *start)
        ctx.field, pictured = field, seen(walked)
        ctx.set_materialize_grads(False)
        flat = [part for each in evaluated for part in each]
        ctx.save_for_backward(*parameters, *walked[:-1], *walked.between, *pictured[1:], *flat)
        return pictured

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
        light = torch.empty_like(walked.depths).scatter_(1, walked.place, (walked.colour * rgb.T[..., None]).sum(0))
        grad += (light[:, 1:] + light[:, :-1]) / 2
    if weight is not None:
        grad += weight[:, None]
    if depth is not None:
        middle = (walked.depths[:, 1:] + walked.depths[:, :-1]) / 2
        grad += (middle - averages[0][:, None]).nan_to_num_() * (depth / averages[1].clamp(min=FLOOR))[:, None]
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
    followed = (~(size <= NEGLIGIBLE * torch.finfo(grad.dtype).eps * size.max())).nonzero()[:, 0]  # NaN is followed
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
    """What the samples add up to, by operations that autograd knows: the plain twin of `March`."""
    density, colour = walked.density.view(-1), walked.colour.view(3, -1).T
    for index, points in evaluated:
        raw = field.raw(points.T).to(density.dtype)
        density = density.index_put((index,), raw[:, 0])
        colour = colour.index_put((index,), activate(raw).colour)
    ordered = torch.zeros_like(walked.density).scatter(1, walked.place, density.view_as(walked.density))
    result = composite(walked.depths, ordered)
    shares = result.shares.gather(1, walked.place)
    return (shares[..., None] * colour.view(*shares.shape, 3)).sum(1), result.depth, result.weight
