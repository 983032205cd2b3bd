"""Bands against brute force, Parseval, and the published numbers; the audit's figures of exact power laws."""

from itertools import pairwise
from math import cos, hypot, inf, pi
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from lrm_core.spectral import PUBLISHED_EDGES, band_shares, frequency_radius, published_shares, split_bands
from lrm_core.spectral.bands import (
    band_totals,
    block_grid_share,
    fit_power_law,
    mode_density,
    pooled_shares,
    power_law_shares,
    profile_radii,
    radial_profile,
)

PARITY = Path(__file__).parents[1] / "fixtures" / "parity" / "published_metrics.safetensors"
quick = settings(max_examples=15, deadline=None)
sizes = st.integers(2, 12)
seeds = st.integers(0, 2**31)


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def signed(index: int, size: int) -> int:
    return index if index <= (size - 1) // 2 else index - size


def _ref_split_bands(x: torch.Tensor, edges: list[float]) -> torch.Tensor:
    """Each band as an explicit sum over its modes of a single plane (R, R), without any FFT."""
    size = x.shape[-1]
    axis = torch.arange(size, dtype=torch.float64)
    bands = torch.zeros(len(edges) - 1, size, size, dtype=torch.float64)
    for row in range(size):
        for column in range(size):
            radius = round(hypot(signed(row, size), signed(column, size)) * 2 / size, 9)
            wave = torch.exp(2j * pi * (row * axis[:, None] + column * axis[None, :]) / size)
            part = ((x * wave.conj()).sum() * wave).real / size**2
            for band, (low, high) in enumerate(pairwise(edges)):
                if low <= radius < high:
                    bands[band] += part
    return bands


@pytest.mark.parametrize("size", [5, 8])
def test_split_bands_matches_sum_over_modes(size: int) -> None:
    x, edges = noise(size, size), [0.0, 0.3, 0.75, inf]
    torch.testing.assert_close(split_bands(x, edges), _ref_split_bands(x, edges))


def test_split_bands_has_the_gradient_of_its_twin() -> None:
    x, edges = noise(6, 6), [0.0, 0.5, inf]
    weight = noise(2, 6, 6, seed=1)
    gradients = []
    for function in (split_bands, _ref_split_bands):
        leaf = x.clone().requires_grad_()
        (function(leaf, edges) * weight).sum().backward()
        gradients.append(leaf.grad)
    torch.testing.assert_close(*gradients)


@quick
@given(size=sizes, seed=seeds, cuts=st.lists(st.floats(0.01, 1.5), max_size=4, unique=True))
def test_bands_sum_to_the_input_and_are_orthogonal(size: int, seed: int, cuts: list[float]) -> None:
    x = noise(2, size, size, seed=seed)
    bands = split_bands(x, [0.0, *sorted(cuts), inf])
    torch.testing.assert_close(bands.sum(0), x)
    energies = bands.square().sum((-2, -1)).sum(0)
    torch.testing.assert_close(energies, x.square().sum((-2, -1)))


def test_splitting_a_band_again_changes_nothing() -> None:
    edges = [0.0, 0.4, inf]
    high = split_bands(noise(16, 16), edges)[1]
    again = split_bands(high, edges)
    torch.testing.assert_close(again, torch.stack([torch.zeros_like(high), high]))


@pytest.mark.parametrize(("cycles", "band"), [(0, 0), (2, 0), (3, 1), (8, 2)])
def test_a_cosine_lies_in_the_half_open_band_of_its_frequency(cycles: int, band: int) -> None:
    size = 20  # 3 cycles per plane are exactly 0.3 x Nyquist
    wave = torch.tensor([cos(2 * pi * cycles * k / size) for k in range(size)]).expand(size, size)
    shares = band_shares(wave, [0.0, 0.3, 0.8, inf])
    assert shares[band] == pytest.approx(1, abs=1e-6)


def test_shares_reproduce_the_published_numbers() -> None:
    fixture = load_file(PARITY)
    residual = fixture["t_pred"] - fixture["t_ref"]
    expected = fixture["amplitude_share_low_mid_high_per_plane"]
    torch.testing.assert_close(published_shares(residual)[0], expected, atol=1e-6, rtol=1e-5)


def test_profile_and_splits_reproduce_the_published_numbers() -> None:
    fixture = load_file(PARITY)
    residual = fixture["t_pred"] - fixture["t_ref"]
    profile = radial_profile(residual[0, 0], "amplitude").mean(0)
    torch.testing.assert_close(profile, fixture["radial_profile_plane0"], rtol=1e-5, atol=1e-4)
    low, high = split_bands(residual, [0, 0.3, inf])
    dc, low_without_dc = split_bands(residual, [0, 1e-6, 0.3])
    for name, found in {
        "split03_low": low,
        "split03_high": high,
        "high": high,
        "dc": dc,
        "low_without_dc": low_without_dc,
    }.items():
        torch.testing.assert_close(found, fixture[name].expand_as(found), atol=2e-6, rtol=0, msg=name)


@quick
@given(size=sizes, seed=seeds)
def test_power_obeys_parseval(size: int, seed: int) -> None:
    x = noise(3, size, size, seed=seed)
    torch.testing.assert_close(band_totals(x, [0, 0.5, inf]).sum(-1), x.square().sum((-2, -1)))


def test_corners_decide_the_denominator() -> None:
    x = noise(4, 16, 16)
    totals = band_totals(x, [0, 0.5, 1.0])
    torch.testing.assert_close(band_shares(x, [0, 0.5, 1.0]), totals / x.square().sum((-2, -1))[:, None])
    torch.testing.assert_close(band_shares(x, [0, 0.5, 1.0], corners=False), totals / totals.sum(-1, keepdim=True))
    torch.testing.assert_close(band_shares(x, [0, 0.5, inf]).sum(-1), torch.ones(4, dtype=torch.float64))


def test_published_shares_do_not_reach_one() -> None:
    assert (published_shares(noise(3, 2, 16, 16)).sum(-1) < 0.9).all()


def test_amplitude_and_power_disagree_on_a_steep_spectrum() -> None:
    """Audit A1: low frequency in power, high frequency by the published measure."""
    steep = split_bands(noise(64, 64), [0, 0.15, inf]) * torch.tensor([8.0, 1.0]).view(2, 1, 1)
    power = band_shares(steep.sum(0), PUBLISHED_EDGES)
    amplitude = band_shares(steep.sum(0), PUBLISHED_EDGES, "amplitude")
    assert power[0] > power[2]
    assert amplitude[0] < amplitude[2]


def test_mode_density_is_flat_for_an_impulse() -> None:
    impulse = torch.zeros(16, 16, dtype=torch.float64)
    impulse[3, 5] = 4.0
    torch.testing.assert_close(mode_density(impulse, [0, 0.3, inf]), torch.full((2,), 16 / 256, dtype=torch.float64))
    with pytest.raises(ValueError, match="without a mode of a 16 x 16"):
        mode_density(impulse, [0.01, 0.02])


@pytest.mark.parametrize("size", [7, 10])
def test_radial_profile_matches_a_loop(size: int) -> None:
    x = noise(size, size)
    power = torch.fft.fft2(x).abs().square() / size**2
    rings: dict[int, list[tuple[float, float]]] = {}
    for row in range(size):
        for column in range(size):
            radius = hypot(signed(row, size), signed(column, size))
            rings.setdefault(int(radius + 1e-9), []).append((float(power[row, column]), 2 * radius / size))
    kept = [rings[k] for k in range(size // 2)]
    expected = torch.tensor([[sum(column) / len(column) for column in zip(*ring, strict=True)] for ring in kept])
    torch.testing.assert_close(radial_profile(x).float(), expected[:, 0])
    torch.testing.assert_close(profile_radii(size).float(), expected[:, 1])


def test_block_grid_share() -> None:
    coarse = noise(5, 4, 4)
    constant_on_blocks = coarse.repeat_interleave(2, -1).repeat_interleave(2, -2)
    torch.testing.assert_close(block_grid_share(constant_on_blocks), torch.zeros(5, dtype=torch.float64))
    checkerboard = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(4, 4)
    assert block_grid_share(checkerboard) == 1
    assert block_grid_share(noise(64, 64)) == pytest.approx(0.75, abs=0.02)
    with pytest.raises(ValueError, match="even size, found 5 x 5"):
        block_grid_share(noise(5, 5))


def test_white_noise_scores_its_share_of_the_modes() -> None:
    shares = pooled_shares(noise(40, 32, 32), PUBLISHED_EDGES)
    torch.testing.assert_close(shares, power_law_shares(32, 0.0, PUBLISHED_EDGES), atol=0.01, rtol=0)


def test_a_plane_without_power_has_no_shares() -> None:
    assert band_shares(torch.zeros(4, 4), [0, inf]).isnan().all()


@pytest.mark.parametrize("edges", [[0.5], [0.5, 0.2], [0.2, 0.2], [-0.1, 1.0], [0.0, float("nan")]])
def test_bad_edges(edges: list[float]) -> None:
    with pytest.raises(ValueError, match="increasing radii"):
        split_bands(noise(4, 4), edges)


def test_bad_planes_and_measure() -> None:
    with pytest.raises(ValueError, match=r"\(\.\.\., R, R\), found \(3, 4, 5\)"):
        band_shares(noise(3, 4, 5), [0, 1])
    with pytest.raises(ValueError, match="found 'energy'"):
        band_shares(noise(4, 4), [0, 1], measure="energy")


@pytest.mark.parametrize("value", [float("nan"), inf])
def test_planes_that_are_not_finite_are_named(value: float) -> None:
    planes = noise(2, 4, 4)
    planes[1, 2, 3] = value
    for measure in (split_bands, band_shares):
        with pytest.raises(ValueError, match="found 1 of 32 values NaN or infinite"):
            measure(planes, [0, inf])


def power_law_plane(size: int, exponent: float) -> torch.Tensor:
    """A real plane whose spectrum is exactly f^-exponent in power, with DC as the first harmonic."""
    amplitude = frequency_radius(size, size).clamp(min=2 / size).pow(-exponent / 2)
    return torch.fft.ifft2(amplitude, norm="ortho").real


def test_white_noise_shares_are_those_of_audit_a1() -> None:
    assert power_law_shares(64, 0.0, PUBLISHED_EDGES).tolist() == pytest.approx([0.017, 0.107, 0.66], abs=0.004)


def test_white_noise_shares_count_modes() -> None:
    radius = frequency_radius(12, 12)
    expected = [int((radius < 0.5).sum()) / 144, int(((radius >= 0.5) & (radius < 1)).sum()) / 144]
    for measure in ("power", "amplitude"):
        assert power_law_shares(12, 0.0, [0, 0.5, 1.0], measure).tolist() == pytest.approx(expected)
    assert power_law_shares(12, 0.0, [0, inf]).tolist() == [1.0]


def test_a_steep_power_law_scores_like_the_published_residual() -> None:
    """Audit A1: f^-2.35 has 15-17% / 49-50% by the published measure, 65-75% / 9-14% in power."""
    amplitude = power_law_shares(64, 2.35, PUBLISHED_EDGES, "amplitude")
    power = power_law_shares(64, 2.35, [0, 0.15, 0.4, inf])
    assert 0.145 < amplitude[0] < 0.175
    assert 0.485 < amplitude[2] < 0.505
    assert 0.64 < power[0] < 0.76
    assert 0.09 < power[2] < 0.15


@pytest.mark.parametrize("measure", ["power", "amplitude"])
def test_power_law_shares_are_those_of_a_plane_with_that_spectrum(measure: str) -> None:
    expected = band_shares(power_law_plane(16, 1.7), [0, 0.3, 1.0], measure)
    torch.testing.assert_close(power_law_shares(16, 1.7, [0, 0.3, 1.0], measure), expected)


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.35])
def test_fit_recovers_the_exponent_of_a_plane(exponent: float) -> None:
    fitted = fit_power_law(radial_profile(power_law_plane(64, exponent)), 64)
    assert fitted.exponent == pytest.approx(exponent, abs=0.03)
    assert fitted.scale == pytest.approx(1, rel=0.05)


def test_fit_is_the_least_squares_line() -> None:
    profile = torch.rand(16, generator=torch.Generator().manual_seed(0)).double() + 0.1
    fitted = fit_power_law(profile, 32)
    x, y = profile_radii(32)[1:].log(), profile[1:].log()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()
    assert fitted.exponent == pytest.approx(-float(slope))
    assert fitted.r2 == pytest.approx(float(torch.corrcoef(torch.stack([x, y]))[0, 1] ** 2))


def test_fit_refuses_what_has_no_line() -> None:
    with pytest.raises(ValueError, match="16 rings for R = 32, found"):
        fit_power_law(torch.ones(8), 32)
    with pytest.raises(ValueError, match="power in every ring"):
        fit_power_law(torch.zeros(16), 32)
