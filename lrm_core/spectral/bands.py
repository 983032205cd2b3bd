"""Radial frequency bands of square planes.

The frequency axis is the radius of the two-dimensional DFT index in units of Nyquist: 1.0 is the highest
frequency along an axis (R/2 cycles per plane) and the corners of the spectrum reach sqrt(2). A band is the
half-open interval [low, high) of that radius; the constant (DC) lies at radius 0.
"""

from collections.abc import Sequence
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
    """Split planes into the parts that lie in each band [edges[i], edges[i + 1]).

    Args:
        x: planes (..., R, R).
        edges: B + 1 increasing radii in x Nyquist; `math.inf` as the last one includes the corners.

    Returns:
        (B, ..., R, R); the bands sum to x, up to rounding, when the edges cover [0, inf].

    Raises:
        ValueError: if the planes are not square or not finite, or the edges do not increase.
    """
    masks = band_masks(_size(x), edges, x.device).to(x.dtype)
    spectrum = torch.fft.fft2(x)
    return torch.stack([torch.fft.ifft2(spectrum * mask).real for mask in masks])


def band_masks(size: int, edges: Sequence[float], device: torch.device | None = None) -> Bool[Tensor, "bands r r"]:
    """Which DFT indices lie in each band: (B, size, size)."""
    _check_edges(edges)
    radius = frequency_radius(size, size, device)
    return torch.stack([(radius >= low) & (radius < high) for low, high in pairwise(edges)])


def band_totals(
    x: Float[Tensor, "*lead r r"], edges: Sequence[float], measure: Measure = "power"
) -> Float[Tensor, "*lead bands"]:
    """Sum of |DFT|^2 ("power") or |DFT| ("amplitude") over each band, (..., B).

    The power is divided by R^2, so that over all bands it is the sum of x^2 (Parseval).
    """
    masks = band_masks(_size(x), edges, x.device).to(x.dtype)
    return torch.einsum("...hw,bhw->...b", _spectrum(x, measure), masks)


def band_shares(
    x: Float[Tensor, "*lead r r"],
    edges: Sequence[float],
    measure: Measure = "power",
    corners: bool = True,
) -> Float[Tensor, "*lead bands"]:
    """Share of each band in the spectrum of each plane.

    Args:
        x: planes (..., R, R).
        edges: B + 1 increasing radii in x Nyquist.
        measure: "power" sums |DFT|^2 (by Parseval, shares of the squared norm); "amplitude" sums |DFT|,
            which is what the published shares do and which is no energy (audit A1).
        corners: whether the modes at radius 1 and beyond count. With True they are in the denominator
            whether a band holds them or not, as published (audit A2: those shares do not reach 1); with
            False they count nowhere.

    Returns:
        (..., B), one row per leading index; NaN where a plane has no power.
    """
    totals, whole = _totals_and_whole(x, edges, measure, corners)
    return totals / whole[..., None]


def pooled_shares(
    x: Float[Tensor, "*lead r r"],
    edges: Sequence[float],
    measure: Measure = "power",
    corners: bool = True,
) -> Float[Tensor, "bands"]:
    """Shares of the spectrum of all planes together, (B,): sums over planes are taken before the ratio."""
    totals, whole = _totals_and_whole(x, edges, measure, corners)
    return totals.reshape(-1, totals.shape[-1]).sum(0) / whole.sum()


def published_shares(
    residual: Float[Tensor, "*lead planes channels r r"], edges: Sequence[float] = PUBLISHED_EDGES
) -> Float[Tensor, "*lead planes bands"]:
    """Published "energy" shares per plane (claim C2): amplitudes averaged over the channels, then the ratio.

    The denominator holds the corners, the bands end at 1.0. The published table averages the result over
    the three planes: `published_shares(residual).mean(-2)`.
    """
    totals, whole = _totals_and_whole(residual, edges, "amplitude", corners=True)
    return totals.sum(-2) / whole.sum(-1, keepdim=True)


def mode_density(
    x: Float[Tensor, "*lead r r"], edges: Sequence[float], measure: Measure = "power"
) -> Float[Tensor, "*lead bands"]:
    """Mean power (of which R^2 modes sum to the squared norm) or amplitude of a mode in each band, (..., B).

    White noise has the same density in every band, however many modes a band holds.

    Raises:
        ValueError: if a band holds no mode.
    """
    modes = band_masks(_size(x), edges, x.device).sum((-2, -1))
    if (modes == 0).any():
        raise ValueError(f"edges {list(edges)} hold a band without a single mode of a {_size(x)} x {_size(x)} plane")
    return band_totals(x, edges, measure) / modes


def radial_profile(
    x: Float[Tensor, "*lead r r"], measure: Measure = "power", corners: bool = False
) -> Float[Tensor, "*lead radii"]:
    """Mean of |DFT|^2 / R^2 or |DFT| over rings one DFT index wide.

    Ring k holds the radii [k, k + 1) in cycles per plane, so R // 2 rings end at Nyquist (as published, where
    the amplitude is then averaged over the channels); `corners` appends the rings beyond.

    Returns:
        (..., rings).
    """
    ring, count = _rings(_size(x), corners, x.device)
    sums = x.new_zeros(*x.shape[:-2], int(ring.max()) + 1)
    sums.index_add_(-1, ring.flatten(), _spectrum(x, measure).flatten(-2))
    return sums[..., : len(count)] / count


def profile_radii(size: int, corners: bool = False) -> Float[Tensor, "radii"]:
    """Mean radius of the modes in each ring of `radial_profile`, in x Nyquist."""
    ring, count = _rings(size, corners)
    radius = frequency_radius(size, size)
    return torch.bincount(ring.flatten(), weights=radius.flatten())[: len(count)] / count


def block_grid_share(x: Float[Tensor, "*lead r r"]) -> Float[Tensor, "*lead"]:
    """Share of the squared norm that lies inside 2 x 2 blocks, (...) (audit A15).

    A stride-2 transposed convolution writes each 2 x 2 block from one token. The part of a plane that varies
    inside such blocks (x minus its block means, written back to the four texels) is what a grid of half the
    resolution cannot hold. White noise scores 3/4; a plane constant on blocks scores 0.

    Raises:
        ValueError: if the planes are not square or of odd size.
    """
    size = _size(x)
    if size % 2:
        raise ValueError(f"expected planes of even size, found {size} x {size}")
    blocks = x.unflatten(-1, (-1, 2)).unflatten(-3, (-1, 2))  # (..., R/2, 2, R/2, 2)
    means = blocks.mean((-3, -1))
    return 1 - 4 * means.square().sum((-2, -1)) / x.square().sum((-2, -1))


def _totals_and_whole(
    x: Float[Tensor, "*lead r r"], edges: Sequence[float], measure: Measure, corners: bool
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


def _rings(
    size: int, corners: bool, device: torch.device | None = None
) -> tuple[Int[Tensor, "r r"], Int[Tensor, "radii"]]:
    ring = (frequency_radius(size, size, device) * size / 2 + 1e-6).floor().long()
    count = torch.bincount(ring.flatten())
    return ring, count if corners else count[: size // 2]


def _size(x: Tensor) -> int:
    if x.dim() < 2 or x.shape[-1] != x.shape[-2]:
        raise ValueError(f"expected planes of shape (..., R, R), found {tuple(x.shape)}")
    if not x.isfinite().all():
        count = int((~x.isfinite()).sum())
        raise ValueError(f"expected finite planes, found {count} of {x.numel()} values NaN or infinite")
    return x.shape[-1]


def _check_edges(edges: Sequence[float]) -> None:
    increasing = all(low < high for low, high in pairwise(edges))
    if len(edges) < 2 or any(isnan(edge) for edge in edges) or edges[0] < 0 or not increasing:
        raise ValueError(f"expected at least two increasing radii >= 0 in x Nyquist, found {list(edges)}")
