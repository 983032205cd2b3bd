"""The kernels against plain torch: on a GPU where there is one, else by the interpreter of Triton."""

import pytest
import torch
from scenes import SAMPLES, assert_alike, rays, smooth

from lrm_core.render.batched import render_packed
from lrm_core.render.field import Field
from lrm_core.render.occupancy import skimmed_of

pytest.importorskip("triton", reason="triton is not installed; it comes with torch for CUDA")
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def scene(objects, bias, dtype=torch.float32):
    planes, decoder = smooth(0, objects, bias, dtype)
    segments = rays(0, objects, 8 - 2 * objects, dtype)
    parts = (getattr(segments, name).to(DEVICE) for name in segments.__dataclass_fields__)
    return planes.detach().to(DEVICE).requires_grad_(), decoder.to(DEVICE), type(segments)(*parts)


@pytest.mark.parametrize(("objects", "bias"), [(2, 5.0), (1, 600.0), (1, -600.0)])
def test_values_and_gradients_equal_those_of_plain_torch(objects, bias):
    planes, decoder, segments = scene(objects, bias)
    field = Field(planes, decoder)
    skimmed, parameters = skimmed_of(field), [planes, *decoder.parameters()]
    expected = render_packed(field, skimmed, segments, SAMPLES)
    found = render_packed(field, skimmed, segments, SAMPLES, fused=True)
    assert (expected[2].max() > 0.5) == (bias > -600)
    assert_alike(found, expected, parameters, 1e-4)


def test_a_frozen_decoder_leaves_the_gradient_of_the_planes():
    planes, decoder, segments = scene(1, 10.0)
    decoder.requires_grad_(False)
    field = Field(planes, decoder)
    seen = [render_packed(field, skimmed_of(field), segments, SAMPLES, fused=fused) for fused in (True, False)]
    assert_alike(*seen, [planes], 1e-4)


def test_other_numbers_than_float32_are_named():
    planes, decoder, segments = scene(1, 0.0, torch.float64)
    field = Field(planes, decoder)
    with pytest.raises(ValueError, match=r"float32, found torch\.float64; use the packed path"):
        render_packed(field, skimmed_of(field), segments, SAMPLES, fused=True)
