"""Packed samples against every sample: values and gradients, several objects, empty and opaque, rays that miss."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import SAMPLES, assert_alike, rays, smooth

from lrm_core.render import batched
from lrm_core.render.batched import render_dense, render_packed
from lrm_core.render.field import Field
from lrm_core.render.occupancy import Occupancy, skimmed_of

# samples of a ray: coarse ones are nearer than `occupancy.NEIGHBOURS`, which skipping takes for granted
DENSELY = 64


@settings(deadline=None, max_examples=15)
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

    expected = render_dense(planes, decoder, segments, DENSELY, jitter())
    skimmed = skimmed_of(field)
    assert_alike(render_packed(field, skimmed, segments, DENSELY, jitter()), expected, parameters, 1e-3)
    everywhere = torch.full_like(skimmed, torch.inf)
    assert_alike(render_packed(field, everywhere, segments, DENSELY, jitter()), expected, parameters, 1e-3)
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
    monkeypatch.setattr(batched, "PACKED_CHUNK", chunk)
    monkeypatch.setattr(batched, "CUDA_TILE", chunk // 5)
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
