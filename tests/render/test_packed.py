"""Packed samples against every sample: values and gradients, several objects, empty and opaque, rays that miss."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import interpolate, normalize

from lrm_core.model.decoder import Decoder
from lrm_core.render import packed
from lrm_core.render.dense import render_dense
from lrm_core.render.field import Field
from lrm_core.render.occupancy import Occupancy, skimmed_of
from lrm_core.render.packed import render_packed
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


@settings(deadline=None, max_examples=25)
@given(
    st.integers(0, 2**31),
    st.integers(1, 3),
    st.sampled_from([-600.0, -40.0, -10.0, 30.0, 600.0]),
    st.booleans(),
)
def test_values_and_gradients_equal_the_dense_path(seed, objects, bias, drawn):
    planes, decoder = smooth(seed, objects, bias)
    field, segments, parameters = (
        Field(planes, decoder),
        rays(seed, objects, 30),
        [planes, *decoder.parameters()],
    )

    def jitter():
        return torch.Generator().manual_seed(seed) if drawn else None

    expected = render_dense(planes, decoder, segments, SAMPLES, jitter())
    skimmed = skimmed_of(field)
    assert_alike(render_packed(field, skimmed, segments, SAMPLES, jitter()), expected, parameters, 1e-3)
    everywhere = torch.full_like(skimmed, torch.inf)
    assert_alike(render_packed(field, everywhere, segments, SAMPLES, jitter()), expected, parameters, 1e-4)
    if abs(bias) == 600:
        assert skimmed.isposinf().all() == (expected[2].max() > 0.9) == (bias > 0)


def test_several_fields_are_skipped_as_each_alone(ball):
    planes, decoder = ball
    several = torch.stack([planes, planes.roll(3, dims=-1), planes.new_full(planes.shape, 9.0)])
    for plane, found in zip(several, skimmed_of(Field(several, decoder)), strict=True):
        expected = Occupancy.of(Field(plane, decoder)).skimmed
        assert not (expected.isposinf() & ~found.isposinf()).any()
        assert (found.isposinf() & ~expected.isposinf()).double().mean() < 0.01


def test_a_rough_field_is_never_skipped(vectors, rough_decoder):
    assert skimmed_of(Field(vectors["planes"], rough_decoder)).isposinf().all()


@pytest.mark.parametrize("chunk", [50, 1000])
def test_chunks_change_nothing(ball, monkeypatch, chunk):
    planes, decoder = ball
    several = torch.stack([planes, planes.roll(3, dims=-1)]).requires_grad_()
    field, segments = Field(several, decoder), rays(0, 2, 30)
    expected = render_packed(field, skimmed_of(field), segments, SAMPLES)
    monkeypatch.setattr(packed, "CHUNK_SAMPLES", chunk)
    monkeypatch.setattr(packed, "CUDA_TILE", chunk // 5)
    found = render_packed(field, skimmed_of(field), segments, SAMPLES)
    assert_alike(found, expected, [several, *decoder.parameters()], 1e-9)


def test_the_host_waits_as_often_as_is_said(ball, monkeypatch):
    """Sizes that depend on the data come from `nonzero` alone."""
    planes, decoder = ball
    field = Field(planes[None], decoder)
    skimmed, waits, nonzero = skimmed_of(field), [], torch.Tensor.nonzero
    monkeypatch.setattr(torch.Tensor, "nonzero", lambda self: waits.append(self) or nonzero(self))
    render_packed(field, skimmed, rays(0, 1, 30), 96)
    assert len(waits) == 6


def test_the_gradient_can_be_differentiated(ball):
    planes, decoder = ball
    planes = planes[None].requires_grad_()
    field = Field(planes, decoder)
    seen = render_packed(field, skimmed_of(field), rays(0, 1, 30), SAMPLES)[0]
    dual = torch.ones_like(seen, requires_grad=True)
    (linear,) = torch.autograd.grad(seen, planes, dual, create_graph=True)
    direction = torch.randn_like(planes)
    (forward,) = torch.autograd.grad(linear, dual, direction)
    torch.testing.assert_close((forward * dual).sum(), (linear * direction).sum())
