"""Reference spectra: the audit's own figures, and exact power laws."""

from math import inf

import pytest
import torch

from lrm_core.spectral import (
    PUBLISHED_EDGES,
    band_shares,
    fit_power_law,
    power_law_shares,
    profile_radii,
    radial_profile,
    white_noise_shares,
)
from lrm_core.spectral.bands import frequency_radius


def power_law_plane(size: int, exponent: float) -> torch.Tensor:
    """A real plane whose spectrum is exactly f^-exponent in power, without DC."""
    radius = frequency_radius(size, size)
    amplitude = radius.clamp(min=1e-9).pow(-exponent / 2)
    amplitude[0, 0] = 0
    return torch.fft.ifft2(amplitude, norm="ortho").real


def test_white_noise_shares_are_those_of_audit_a1() -> None:
    assert white_noise_shares(64, PUBLISHED_EDGES).tolist() == pytest.approx([0.017, 0.107, 0.66], abs=0.004)


def test_white_noise_shares_count_modes() -> None:
    radius = frequency_radius(12, 12)
    inside = int((radius < 1).sum())
    expected = [int((radius < 0.5).sum()) / inside, int(((radius >= 0.5) & (radius < 1)).sum()) / inside]
    assert white_noise_shares(12, [0, 0.5, 1.0], corners=False).tolist() == pytest.approx(expected)
    assert white_noise_shares(12, [0, inf]).tolist() == [1.0]


def test_a_steep_power_law_scores_like_the_published_residual() -> None:
    """Audit A1: f^-2.35 has 15-17% / 49-50% by the published measure, 65-75% / 9-14% in power."""
    for dc in ("first_harmonic", "zero"):
        amplitude = power_law_shares(64, 2.35, PUBLISHED_EDGES, "amplitude", dc=dc)
        power = power_law_shares(64, 2.35, [0, 0.15, 0.4, inf], dc=dc)
        assert 0.145 < amplitude[0] < 0.175
        assert 0.485 < amplitude[2] < 0.505
        assert 0.64 < power[0] < 0.76
        assert 0.09 < power[2] < 0.15


@pytest.mark.parametrize("measure", ["power", "amplitude"])
@pytest.mark.parametrize("corners", [True, False])
def test_power_law_shares_are_those_of_a_plane_with_that_spectrum(measure: str, corners: bool) -> None:
    plane = power_law_plane(16, 1.7)
    expected = band_shares(plane, [0, 0.3, 1.0], measure, corners)
    found = power_law_shares(16, 1.7, [0, 0.3, 1.0], measure, corners, dc="zero")
    torch.testing.assert_close(found, expected)


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
