"""What the spectrum of nothing in particular looks like: white noise and power laws.

Without these a share cannot be read: a flat spectrum puts two thirds of itself above 0.4 x Nyquist merely
because two thirds of the modes lie there (audit A1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.spectral.bands import Measure, band_masks, frequency_radius, profile_radii


def white_noise_shares(size: int, edges: Sequence[float], corners: bool = True) -> Float[Tensor, "bands"]:
    """Expected share of each band for white noise on a size x size plane: its share of the modes.

    It is the same for power and for amplitude, since every mode has the same distribution (the four real
    modes apart, whose mean amplitude is 10% lower).
    """
    return _shares_of(torch.ones(size, size, dtype=torch.float64), size, edges, corners)


def power_law_shares(
    size: int,
    exponent: float,
    edges: Sequence[float],
    measure: Measure = "power",
    corners: bool = True,
    dc: Literal["first_harmonic", "zero"] = "first_harmonic",
) -> Float[Tensor, "bands"]:
    """Share of each band for a power spectrum that falls like f^-exponent.

    Args:
        size: R, texels along a plane.
        exponent: of the power; the amplitude falls with half of it.
        edges: B + 1 increasing radii in x Nyquist.
        measure: whether power or amplitude is summed.
        corners: whether the modes at radius 1 and beyond count.
        dc: power at radius 0, where the law is infinite: that of the first harmonic, or none.
    """
    radius = frequency_radius(size, size)
    slope = exponent if measure == "power" else exponent / 2
    law = radius.clamp(min=2 / size).pow(-slope)
    if dc == "zero":
        law[0, 0] = 0
    return _shares_of(law, size, edges, corners)


@dataclass(frozen=True)
class PowerLaw:
    """Power = scale * f^-exponent with f in x Nyquist; r2 is the explained variance of log power."""

    exponent: float
    scale: float
    r2: float


def fit_power_law(profile: Float[Tensor, "radii"], size: int) -> PowerLaw:
    """Least-squares line through log power against log radius.

    Args:
        profile: radial power profile (rings,) as `radial_profile` gives it, without corners; ring 0,
            which is DC, is left out.
        size: R, texels along a plane.

    Raises:
        ValueError: if the profile has another length than the plane has rings, or a ring without power.
    """
    if profile.shape != (size // 2,):
        raise ValueError(f"expected a profile of {size // 2} rings for R = {size}, found {tuple(profile.shape)}")
    if not (profile[1:] > 0).all():
        raise ValueError("expected power in every ring: log power is undefined for a ring without any")
    log_radius = profile_radii(size)[1:].log()
    log_power = profile[1:].double().cpu().log()
    design = torch.stack([torch.ones_like(log_radius), log_radius], dim=1)
    intercept, slope = torch.linalg.lstsq(design, log_power).solution
    misfit = (log_power - design @ torch.stack([intercept, slope])).square().sum()
    spread = (log_power - log_power.mean()).square().sum()
    return PowerLaw(-float(slope), float(intercept.exp()), 1 - float(misfit / spread) if spread > 0 else 1.0)


def _shares_of(
    spectrum: Float[Tensor, "r r"], size: int, edges: Sequence[float], corners: bool
) -> Float[Tensor, "bands"]:
    if not corners:
        spectrum = spectrum * (frequency_radius(size, size) < 1)
    return (band_masks(size, edges) * spectrum).sum((-2, -1)) / spectrum.sum()
