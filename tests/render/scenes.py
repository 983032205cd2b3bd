"""Random smooth fields, rays around them, and two renderings of them compared."""

import math

import torch
from torch.nn.functional import interpolate, normalize

from lrm_core.model.lrm import Decoder
from lrm_core.render.rays import RaySegments

SAMPLES = 24


def smooth(seed, objects, bias, dtype=torch.float64):
    """Planes (objects, 3, 4, 16, 16) and a decoder whose raw densities lie some tens around `bias`."""
    generator = torch.Generator().manual_seed(seed)
    planes = torch.randn(objects, 3, 4, 4, 4, generator=generator, dtype=dtype)
    planes = interpolate(planes.flatten(0, 1), scale_factor=4, mode="bilinear").unflatten(0, (objects, 3))
    decoder = Decoder(4).to(dtype)
    with torch.no_grad():
        for weights in decoder.parameters():
            size = math.sqrt(2 / weights.shape[-1])
            weights.copy_(size * torch.randn(weights.shape, generator=generator, dtype=dtype))
        decoder.net[6].weight[0] *= 20
        decoder.net[6].bias[0] = bias
    return planes.requires_grad_(), decoder


def rays(seed, objects, count, dtype=torch.float64):
    """From around each object, some beside the box, the first away from it."""
    generator = torch.Generator().manual_seed(seed)
    origins = 2.5 * normalize(torch.randn(objects, count, 3, generator=generator, dtype=dtype), dim=-1)
    target = 1.5 * (2 * torch.rand(objects, count, 3, generator=generator, dtype=dtype) - 1)
    target[:, 0] = 2 * origins[:, 0]
    return RaySegments.through_box(origins, normalize(target - origins, dim=-1))


def gradients(seen, parameters):
    """Of a sum of all that is seen, differently weighted."""
    colour, depth, weight = seen
    weights = torch.linspace(1, 2, colour.numel(), dtype=colour.dtype).view_as(colour)
    far = torch.where(weight > 0.05, depth, 0).sin()  # the depth of what is hardly there is not defined
    loss = (colour * weights).sum() + weight.square().sum() + far.sum()
    return torch.autograd.grad(loss, parameters, retain_graph=True)


def assert_alike(found, expected, parameters, tolerance):
    """What is seen, and the gradients, unless there is hardly anything to see."""
    clear = expected[2] > 0.05
    for value, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(value[clear], wanted[clear], rtol=0, atol=tolerance)
    torch.testing.assert_close(found[2], expected[2], rtol=0, atol=tolerance)
    assert torch.equal(found[1].isnan(), found[2] == 0)
    if expected[2].max() > 0.5:
        for value, wanted in zip(*(gradients(seen, parameters) for seen in (found, expected)), strict=True):
            assert (value - wanted).norm() <= tolerance * wanted.norm()
