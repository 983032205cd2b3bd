"""Radial frequency bands of square planes, and the power laws that their shares are read against.

The frequency axis is the radius of the two-dimensional DFT index in units of Nyquist: 1.0 is the highest
frequency along an axis (R/2 cycles per plane) and the corners of the spectrum reach sqrt(2). A band is the
half-open interval [low, high) of that radius; the constant (DC) lies at radius 0. Functions that split or sum
planes (..., R, R) raise ValueError if these are not square or not finite, or if the edges do not increase.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isnan
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Measure = Literal["power", "amplitude"]
PUBLISHED_EDGES = (0.0, 0.15, 0.4, 1.0)


def frequency_radius(height: int, width: int, device: torch.device | None = None) -> Float[Tensor, "h w"]:
    """Radius of every two-dimensional DFT index, (height, width), in x Nyquist and float64.

    It is rounded at the ninth decimal, so that a mode on the edge of a band (6 / 20 against 0.3) falls on
    the same side whatever the size of the plane.
    """
    rows = 2 * torch.fft.fftfreq(height, dtype=torch.float64, device=device)
    columns = 2 * torch.fft.fftfreq(width, dtype=torch.float64, device=device)
    return torch.hypot(rows[:, None], columns[None, :]).round(decimals=9)


def split_bands(x: Float[Tensor, "*lead r r"], edges: Sequence[float]) -> Float[Tensor, "bands *lead r r"]:
    """Split planes (..., R, R) into the parts (B, ..., R, R) that lie in each band [edges[i], edges[i + 1]).

    Edges are B + 1 increasing radii in x Nyquist; `math.inf` as the last one includes the corners. The bands sum to
    x, up to rounding, when the edges cover [0, inf].
    """
    masks = band_masks(_size(x), edges, x.device).to(x.dtype)
    spectrum = torch.fft.fft2(x)
    return torch.stack([torch.fft.ifft2(spectrum * mask).real for mask in masks])


def band_masks(size: int, edges: Sequence[float], device: torch.device | None = None) -> Bool[Tensor, "bands r r"]:
    """Which DFT indices lie in each band: (B, size, size)."""
    increasing = all(low < high for low, high in pairwise(edges))
    if len(edges) < 2 or any(isnan(edge) for edge in edges) or edges[0] < 0 or not increasing:
        raise ValueError(f"expected at least two increasing radii >= 0 in x Nyquist, found {list(edges)}")
    radius = frequency_radius(size, size, device)
    return torch.stack([(radius >= low) & (radius < high) for low, high in pairwise(edges)])


def occupied_masks(
    size: int, edges: Sequence[float], device: torch.device | None = None
) -> Bool[Tensor, "bands r r"]:
    """`band_masks`; ValueError if a band holds no mode."""
    masks = band_masks(size, edges, device)
    if not masks.any(-1).any(-1).all():
        found = f"one without a mode of a {size} x {size} plane between the edges {list(edges)}"
        raise ValueError(f"expected a mode in every band, found {found}")
    return masks


def band_totals(x: Float[Tensor, "*lead r r"], edges: Sequence[float]) -> Float[Tensor, "*lead bands"]:
    """Power in each band, (..., B): sum of |DFT|^2 / R^2, which over all bands is the sum of x^2 (Parseval)."""
    return _totals_and_whole(x, edges)[0]


def band_shares(
    x: Float[Tensor, "*lead r r"], edges: Sequence[float], measure: Measure = "power", corners: bool = True
) -> Float[Tensor, "*lead bands"]:
    """Share of each band in the spectrum of each plane, (..., B); NaN where a plane has no power.

    Args:
        edges: B + 1 increasing radii in x Nyquist.
        measure: "power" sums |DFT|^2 (by Parseval, shares of the squared norm); "amplitude" sums |DFT|,
            which is what the published shares do and which is no energy (audit A1).
        corners: whether the modes at radius 1 and beyond count. With True they are in the denominator
            whether a band holds them or not, as published (audit A2: those shares do not reach 1); with
            False they count nowhere.
    """
    totals, whole = _totals_and_whole(x, edges, measure, corners)
    return totals / whole[..., None]


def pooled_shares(x: Float[Tensor, "*lead r r"], edges: Sequence[float]) -> Float[Tensor, "bands"]:
    """Shares of the power of all planes together, (B,): sums over planes are taken before the ratio."""
    totals, whole = _totals_and_whole(x, edges)
    return totals.reshape(-1, totals.shape[-1]).sum(0) / whole.sum()


def published_shares(
    residual: Float[Tensor, "*lead planes channels r r"], edges: Sequence[float] = PUBLISHED_EDGES
) -> Float[Tensor, "*lead planes bands"]:
    """Published "energy" shares per plane (claim C2): amplitudes averaged over the channels, then the ratio.

    The denominator holds the corners, the bands end at 1.0. The published table averages the result over
    the three planes: `published_shares(residual).mean(-2)`.
    """
    totals, whole = _totals_and_whole(residual, edges, "amplitude")
    return totals.sum(-2) / whole.sum(-1, keepdim=True)


def mode_density(x: Float[Tensor, "*lead r r"], edges: Sequence[float]) -> Float[Tensor, "*lead bands"]:
    """Mean power of a mode in each band, (..., B), which white noise has the same of in every one.

    ValueError if a band holds no mode.
    """
    return band_totals(x, edges) / occupied_masks(_size(x), edges, x.device).sum((-2, -1))


def radial_profile(x: Float[Tensor, "*lead r r"], measure: Measure = "power") -> Float[Tensor, "*lead radii"]:
    """Mean of |DFT|^2 / R^2 or |DFT| over rings one DFT index wide, (..., R // 2).

    Ring k holds the radii [k, k + 1) in cycles per plane, so the last one ends at Nyquist (as published, where
    the amplitude is then averaged over the channels).
    """
    ring, count = _rings(_size(x), x.device)
    sums = x.new_zeros(*x.shape[:-2], int(ring.max()) + 1)
    sums.index_add_(-1, ring.flatten(), _spectrum(x, measure).flatten(-2))
    return sums[..., : len(count)] / count


def profile_radii(size: int) -> Float[Tensor, "radii"]:
    """Mean radius of the modes in each ring of `radial_profile`, in x Nyquist."""
    ring, count = _rings(size)
    radius = frequency_radius(size, size)
    return torch.bincount(ring.flatten(), weights=radius.flatten())[: len(count)] / count


def block_grid_share(x: Float[Tensor, "*lead r r"]) -> Float[Tensor, "*lead"]:
    """Share of the squared norm that lies inside 2 x 2 blocks, (...) (audit A15); ValueError if R is odd.

    A stride-2 transposed convolution writes each 2 x 2 block from one token. The part of a plane that varies
    inside such blocks (x minus its block means, written back to the four texels) is what a grid of half the
    resolution cannot hold. White noise scores 3/4; a plane constant on blocks scores 0.
    """
    size = _size(x)
    if size % 2:
        raise ValueError(f"expected planes of even size, found {size} x {size}")
    blocks = x.unflatten(-1, (-1, 2)).unflatten(-3, (-1, 2))  # (..., R/2, 2, R/2, 2)
    means = blocks.mean((-3, -1))
    return 1 - 4 * means.square().sum((-2, -1)) / x.square().sum((-2, -1))


@dataclass(frozen=True)
class PowerLaw:
    """Power = scale * f^-exponent with f in x Nyquist; r2 is the explained variance of log power."""

    exponent: float
    scale: float
    r2: float


def fit_power_law(profile: Float[Tensor, "radii"], size: int) -> PowerLaw:
    """Least-squares line through log power against log radius, of planes of R = `size`.

    The profile is that of `radial_profile`, (R // 2,); ring 0, which is DC, is left out. ValueError if it has another
    length than the plane has rings, or a ring without power.
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


def power_law_shares(
    size: int, exponent: float, edges: Sequence[float], measure: Measure = "power"
) -> Float[Tensor, "bands"]:
    """Expected share of each band on a plane whose power falls like f^-exponent, with DC as the first harmonic.

    The amplitude falls with half the exponent. An exponent of 0 is white noise, which scores the share of the modes:
    two thirds of them lie above 0.4 x Nyquist (audit A1). In amplitude too, since every mode has the same
    distribution (the four real modes apart, whose mean amplitude is 10% lower).
    """
    slope = exponent if measure == "power" else exponent / 2
    law = frequency_radius(size, size).clamp(min=2 / size).pow(-slope)
    return (band_masks(size, edges) * law).sum((-2, -1)) / law.sum()


def _totals_and_whole(
    x: Float[Tensor, "*lead r r"], edges: Sequence[float], measure: Measure = "power", corners: bool = True
) -> tuple[Float[Tensor, "*lead bands"], Float[Tensor, "*lead"]]:
    spectrum = _spectrum(x, measure)
    if not corners:
        spectrum = spectrum * (frequency_radius(_size(x), _size(x), x.device) < 1)
    masks = band_masks(_size(x), edges, x.device).to(x.dtype)
    return torch.einsum("...hw,bhw->...b", spectrum, masks), spectrum.sum((-2, -1))


def _spectrum(x: Float[Tensor, "*lead r r"], measure: Measure) -> Float[Tensor, "*lead r r"]:
    if measure == "power":
        return torch.fft.fft2(x, norm="ortho").abs().square()
    if measure == "amplitude":
        return torch.fft.fft2(x).abs()
    raise ValueError(f'expected measure "power" or "amplitude", found {measure!r}')


def _rings(size: int, device: torch.device | None = None) -> tuple[Int[Tensor, "r r"], Int[Tensor, "radii"]]:
    """The ring of each mode, and the number of modes in each ring up to Nyquist."""
    ring = (frequency_radius(size, size, device) * size / 2 + 1e-6).floor().long()
    return ring, torch.bincount(ring.flatten())[: size // 2]


def _size(x: Tensor) -> int:
    if x.dim() < 2 or x.shape[-1] != x.shape[-2]:
        raise ValueError(f"expected planes of shape (..., R, R), found {tuple(x.shape)}")
    if not x.isfinite().all():
        count = int((~x.isfinite()).sum())
        raise ValueError(f"expected finite planes, found {count} of {x.numel()} values NaN or infinite")
    return x.shape[-1]
