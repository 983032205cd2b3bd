"""FreqLoss against its definition with explicit transforms, and against the published numbers."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from lrm_core.fit.losses import LOSSES, ImageLoss, freq_weighted_mse

PARITY = Path(__file__).parents[1] / "fixtures" / "parity" / "published_metrics.safetensors"


def images(seed: int, height: int = 9, width: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    pair = torch.rand(2, 2, 3, height, width, generator=generator, dtype=torch.float64)
    return pair[0], pair[1]


def _ref_freq_weighted_mse(
    pred: torch.Tensor, target: torch.Tensor, low_weight: float, cutoff: float
) -> torch.Tensor:
    """The published form, cutoff in cycles per pixel: weight the spectrum, go back, square, average."""
    error = torch.fft.fft2(pred - target)
    rows = torch.fft.fftfreq(pred.shape[-2], dtype=torch.float64)
    columns = torch.fft.fftfreq(pred.shape[-1], dtype=torch.float64)
    low = rows[:, None] ** 2 + columns[None, :] ** 2 < cutoff**2 - 1e-12
    return torch.fft.ifft2(error * torch.where(low, low_weight, 1.0)).real.square().mean()


def test_reproduces_the_published_numbers():
    fixture = load_file(PARITY)
    pred, target = fixture["freqloss_pred"], fixture["freqloss_gt"]
    assert freq_weighted_mse(pred, target) == pytest.approx(fixture["freqloss_w5_c03"].item(), rel=1e-5)
    assert freq_weighted_mse(pred, target, 1.0) == pytest.approx(fixture["mse"].item(), rel=1e-5)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), weight=st.floats(0, 10), cutoff=st.floats(0.01, 0.8))
def test_values_and_gradients_match_the_published_form(seed, weight, cutoff):
    pred, target = images(seed)
    results = []
    for function in (freq_weighted_mse, _ref_freq_weighted_mse):
        leaf = pred.clone().requires_grad_()
        loss = function(leaf, target, weight, cutoff)
        loss.backward()
        results.append((loss.detach(), leaf.grad))
    torch.testing.assert_close(results[0], results[1])


def test_units_differ_by_a_factor_of_two():
    """0.3 cycles per pixel is 0.6 x Nyquist (audit A7), and not 0.3 x Nyquist."""
    pred, target = images(2, 20, 20)
    published = freq_weighted_mse(pred, target, cutoff=0.3)
    torch.testing.assert_close(published, freq_weighted_mse(pred, target, cutoff=0.6, unit="nyquist"))
    assert published > 1.5 * freq_weighted_mse(pred, target, cutoff=0.3, unit="nyquist")


def test_bad_input():
    pred, target = images(3)
    with pytest.raises(ValueError, match="one shape, found"):
        freq_weighted_mse(pred, target[..., :-1])
    with pytest.raises(ValueError, match="found 'pixels'"):
        freq_weighted_mse(pred, target, unit="pixels")


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), weight=st.floats(0, 10), cutoff=st.floats(0.01, 1.5))
def test_the_two_sides_of_the_cutoff_add_up(seed, weight, cutoff):
    """Parseval: the error below the cutoff and that above it share the mean squared error between them."""
    pred, target = images(seed)

    def loss(low: float, high: float) -> torch.Tensor:
        return freq_weighted_mse(pred, target, low, cutoff, "nyquist", high)

    torch.testing.assert_close(loss(1.0, 0.0) + loss(0.0, 1.0), (pred - target).square().mean())
    torch.testing.assert_close(loss(weight, 3.0), weight**2 * loss(1.0, 0.0) + 9 * loss(0.0, 1.0))


def test_the_sign_control_weights_what_the_published_loss_does_not():
    rows, columns = torch.meshgrid(torch.arange(20.0), torch.arange(20.0), indexing="ij")
    slow, fast = torch.cos(2 * torch.pi * columns / 20), torch.cos(torch.pi * (rows + columns))
    still = torch.zeros(20, 20)
    for error, name in ((slow, "freq"), (fast, "high")):
        other = "high" if name == "freq" else "freq"
        mse = error.square().mean()
        torch.testing.assert_close(LOSSES[name](error, still), 25 * mse)
        torch.testing.assert_close(LOSSES[other](error, still), mse)


def test_a_perceptual_distance_is_added():
    pred, target = images(7)

    def distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (a - b).abs().mean((1, 2, 3))

    loss = ImageLoss(perceptual_weight=0.5)
    expected = (pred - target).square().mean() + 0.5 * (pred - target).abs().mean()
    torch.testing.assert_close(loss(pred, target, distance), expected)
    with pytest.raises(ValueError, match=r"has the weight 0\.5, and none was given"):
        loss(pred, target)
