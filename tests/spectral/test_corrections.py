"""Parts of a residual against closed forms, and the control against what it promises."""

from math import inf

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lrm_core.spectral import random_part, split_bands, split_residual, structured_low
from lrm_core.spectral.bands import band_totals
from lrm_core.spectral.corrections import channel_means, count_numbers, matched_noise

quick = settings(max_examples=15, deadline=None)
sizes = st.integers(3, 12)
cutoffs = st.floats(0.05, 1.2)
seeds = st.integers(0, 2**31)


def noise(channels: int = 2, size: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.randn(3, channels, size, size, generator=at(seed), dtype=torch.float64)


def at(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def wave(cycles: int, size: int = 20) -> torch.Tensor:
    """One cosine down the rows, (size, size)."""
    angle = torch.arange(size, dtype=torch.float64) * (2 * torch.pi * cycles / size)
    return angle.cos()[:, None].expand(size, size)


@quick
@given(size=sizes, cutoff=cutoffs, seed=seeds)
def test_low_and_high_are_the_residual(size: int, cutoff: float, seed: int) -> None:
    residual = noise(size=size, seed=seed)
    low, high = split_residual(residual, cutoff)
    torch.testing.assert_close(low + high, residual, rtol=0, atol=1e-12)
    assert float((low * high).sum()) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("cycles", "is_low"), [(0, True), (2, True), (3, False), (10, False)])
def test_a_cosine_lies_on_its_side_of_the_cutoff(cycles: int, is_low: bool) -> None:
    residual = wave(cycles).expand(3, 2, 20, 20)  # 3 cycles are 0.3 x Nyquist, where the high part begins
    low, high = split_residual(residual, 0.3)
    torch.testing.assert_close(low, residual * is_low, rtol=0, atol=1e-12)
    torch.testing.assert_close(high, residual * (not is_low), rtol=0, atol=1e-12)


@quick
@given(size=sizes, cutoff=cutoffs, seed=seeds)
def test_means_and_structure_are_the_low_part(size: int, cutoff: float, seed: int) -> None:
    residual = noise(size=size, seed=seed)
    means, structured = channel_means(residual), structured_low(residual, cutoff)
    assert means.shape == (3, 2, 1, 1)
    torch.testing.assert_close(means + structured, split_residual(residual, cutoff).low, rtol=0, atol=1e-12)
    assert float(structured.mean((-2, -1)).abs().max()) < 1e-12


def test_a_shift_of_channels_has_no_structure_and_a_wave_no_mean() -> None:
    shift = torch.arange(6.0, dtype=torch.float64).view(3, 2, 1, 1)
    residual = shift + wave(2)
    torch.testing.assert_close(channel_means(residual), shift)
    torch.testing.assert_close(structured_low(residual, 0.3), wave(2).expand(3, 2, 20, 20))
    torch.testing.assert_close(structured_low(residual, 0.15), torch.zeros_like(residual))


@quick
@given(size=sizes, cutoff=st.floats(0.05, 0.9), seed=seeds, low=st.booleans())
def test_control_has_the_band_and_the_power_of_the_residual(size: int, cutoff: float, seed: int, low: bool) -> None:
    residual = noise(size=size, seed=seed) * torch.tensor([1.0, 30.0]).view(2, 1, 1)
    band = (0.0, cutoff) if low else (cutoff, inf)
    control = matched_noise(residual, band, at(seed + 1))
    edges = [0.0, cutoff, inf]
    found, expected = band_totals(control, edges), band_totals(residual, edges)
    inside = 0 if low else 1
    torch.testing.assert_close(found[..., inside], expected[..., inside])
    assert float(found[..., 1 - inside].max()) < 1e-20 * float(expected.sum())


def test_control_knows_nothing_of_the_residual_but_its_powers() -> None:
    residual, band = noise(), (0.0, 0.6)
    control = matched_noise(residual, band, at(1))
    torch.testing.assert_close(matched_noise(-residual.roll(3, -1), band, at(1)), control)
    torch.testing.assert_close(matched_noise(2 * residual, band, at(1)), 2 * control)
    assert not torch.allclose(matched_noise(residual, band, at(2)), control)


def test_control_doubles_the_power_of_its_band_on_average() -> None:
    low = split_residual(noise(channels=400), 0.6).low
    left = low - matched_noise(low, (0.0, 0.6), at(1))
    assert float(left.square().sum() / low.square().sum()) == pytest.approx(2, rel=0.03)


def test_control_is_zero_where_there_is_nothing_to_match() -> None:
    residual = noise()
    residual[1, 0] = 0
    control = matched_noise(residual, (0.3, inf), at(1))
    assert not control[1, 0].any()
    assert control[0, 0].any()
    with pytest.raises(ValueError, match=r"power in \[0\.01, 0\.02\) x Nyquist, found none"):
        matched_noise(residual, (0.01, 0.02), at(1))  # a band without a mode


@quick
@given(size=sizes, share=st.floats(0, 1), seed=seeds)
def test_a_random_part_takes_its_share_of_every_channel(size: int, share: float, seed: int) -> None:
    residual = noise(size=size, seed=seed) * torch.tensor([1.0, 30.0]).view(2, 1, 1)
    shares = share * torch.rand(3, 2, generator=at(seed)).to(residual)
    part = random_part(residual, shares, at(seed + 1))
    left = (residual - part).square().sum((-2, -1)) / residual.square().sum((-2, -1))
    torch.testing.assert_close(left, 1 - shares)
    spectra = torch.fft.fft2(part), torch.fft.fft2(residual)
    gain = spectra[0] / spectra[1]  # between none and all of each mode, in phase
    torch.testing.assert_close(gain.imag, torch.zeros_like(gain.imag), atol=1e-6, rtol=0)
    touched = ((gain.real > 1e-6) & (gain.real < 1 - 1e-6)).sum((-2, -1))
    assert int(touched.max()) <= 2, "one mode and its mirror image are taken in part"


def test_a_random_part_is_drawn_from_all_modes() -> None:
    residual = noise(channels=400)
    shares = torch.full((3, 400), 0.3, dtype=residual.dtype)
    part = random_part(residual, shares, at(1))
    whole = band_totals(residual, [0.0, 0.3, 0.7, inf]).sum((0, 1))
    torch.testing.assert_close(
        band_totals(residual - part, [0.0, 0.3, 0.7, inf]).sum((0, 1)) / whole,
        torch.full((3,), 0.7, dtype=whole.dtype),
        atol=0.04,
        rtol=0,
    )
    assert not torch.allclose(random_part(residual, shares, at(2)), part)


def test_a_random_part_of_nothing_and_bad_shares() -> None:
    residual = noise()
    residual[1, 0] = 0
    shares = torch.full((3, residual.shape[1]), 0.5)
    assert not random_part(residual, shares, at(1))[1, 0].any()
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="shares between 0 and 1, found"):
            random_part(residual, shares + wrong - 0.5, at(1))


@pytest.mark.parametrize("size", [5, 6])
@pytest.mark.parametrize("band", [(0.0, 0.1), (0.0, 0.7), (0.7, inf)])
def test_numbers_are_the_dimension_of_the_band(size: int, band: tuple[float, float]) -> None:
    impulses = torch.eye(size**2, dtype=torch.float64).view(-1, size, size)
    rank = int(torch.linalg.matrix_rank(split_bands(impulses, band)[0].flatten(1)))
    assert count_numbers(noise(4, size), band) == 12 * rank


def test_bad_residuals_and_cutoffs() -> None:
    calls = (
        lambda x: split_residual(x, 0.3),
        channel_means,
        lambda x: structured_low(x, 0.3),
        lambda x: matched_noise(x, (0, 0.3), at(0)),
        lambda x: random_part(x, torch.zeros(1), at(0)),
        lambda x: count_numbers(x, (0, 0.3)),
    )
    for call in calls:
        for shape in ((2, 4, 8, 8), (3, 8, 8), (3, 4, 8, 6)):
            with pytest.raises(ValueError, match=r"residual of shape \(3, C, R, R\), found \([\d, ]+\)"):
                call(torch.zeros(shape))
    for cutoff in (0.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match="increasing radii"):
            split_residual(noise(), cutoff)
