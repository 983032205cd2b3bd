"""Parts of a residual by which a predicted triplane is corrected, and the random controls beside them.

A correction is subtracted from T_pred. Subtracting the whole residual dT = T_pred - T_ref gives T_ref. Each function
takes dT, (3, C, R, R), and raises ValueError if it has another shape, or if the edges of a band do not increase.
"""

from math import inf
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.spectral.bands import band_masks, split_bands
from lrm_core.spectral.response import band_noise, check_planes


class BandSplit(NamedTuple):
    """A residual (3, C, R, R) below and from a cutoff on; the two sum to it, up to rounding."""

    low: Float[Tensor, "3 c r r"]
    high: Float[Tensor, "3 c r r"]


def split_residual(residual: Float[Tensor, "3 c r r"], cutoff: float) -> BandSplit:
    """Split a residual at a radius above 0, in x Nyquist (method E8; published cutoff 0.3).

    The corners of the spectrum are in the high part.
    """
    check_planes(residual, "a residual")
    return BandSplit(*split_bands(residual, (0.0, cutoff, inf)))


def channel_means(residual: Float[Tensor, "3 c r r"]) -> Float[Tensor, "3 c 1 1"]:
    """DC of each channel: 3C numbers, (3, C, 1, 1), that shift whole channels (method E9)."""
    check_planes(residual, "a residual")
    return residual.mean((-2, -1), keepdim=True)


def structured_low(residual: Float[Tensor, "3 c r r"], cutoff: float) -> Float[Tensor, "3 c r r"]:
    """The low part of `split_residual` without the channel means, (3, C, R, R) (method E9)."""
    return split_residual(residual, cutoff).low - channel_means(residual)


def matched_noise(
    residual: Float[Tensor, "3 c r r"], band: tuple[float, float], generator: torch.Generator
) -> Float[Tensor, "3 c r r"]:
    """A random residual in one band, with the power that the true one has there in each channel (method E8).

    It is the control of a band correction: as large, in the same band, but of random direction. Being
    uncorrelated with dT it removes no error; on average T_pred less the noise has twice the residual power
    in the band. A score that it improves is one that any smoothing or roughening of that size improves; how
    much it harms shows how strongly renders react to that power in that band. Inside the band its spectrum is
    flat, whatever that of dT is.

    Args:
        residual: dT; the noise is zero in channels where it has no power in the band.
        band: [low, high) in x Nyquist; `math.inf` includes the corners.
        generator: the noise depends on nothing else but the powers.

    Raises:
        ValueError: also if the residual has no power in the band.
    """
    check_planes(residual, "a residual")
    size = split_bands(residual, band)[0].square().mean((-2, -1)).sqrt()  # (3, C)
    if not size.any():
        raise ValueError(f"expected a residual with power in [{band[0]}, {band[1]}) x Nyquist, found none")
    return band_noise(residual, band, size, generator)[0]


def random_part(
    residual: Float[Tensor, "3 c r r"], share: Float[Tensor, "3 c"], generator: torch.Generator
) -> Float[Tensor, "3 c r r"]:
    """A part of a residual in modes drawn at random, by which a correction removes a given power (method E8).

    It is the control of a band correction that removes as much: what subtracting it improves comes of the power and
    not of the band. Modes are drawn for each channel until their power is reached, a mode and its mirror image
    together; of the last one drawn so much is taken that exactly the share is gone.

    Args:
        residual: dT; less the part it has 1 - share of the power of every channel.
        share: of the power of each channel, between 0 and 1.
        generator: of the order of the modes.

    Raises:
        ValueError: also if a share lies outside [0, 1].
    """
    check_planes(residual, "a residual")
    if not ((share >= 0) & (share <= 1)).all():
        raise ValueError(f"expected shares between 0 and 1, found {float(share.min()):g} to {float(share.max()):g}")
    spectrum = torch.fft.fft2(residual)
    drawn = torch.rand(residual.shape, generator=generator, device=generator.device).to(residual.device)
    order = (drawn + _mirrored(drawn)).flatten(-2).argsort(-1)
    power = spectrum.abs().square().double().flatten(-2)
    in_order = power.gather(-1, order)
    before = in_order.cumsum(-1) - in_order
    wanted = share.to(power)[..., None] * power.sum(-1, keepdim=True)
    gone = ((wanted - before) / in_order).nan_to_num(0).clamp(0, 1)
    gone = torch.empty_like(power).scatter_(-1, order, gone).view(residual.shape)
    left = (1 - (gone + _mirrored(gone)) / 2).sqrt()
    return torch.fft.ifft2(spectrum * (1 - left)).real.to(residual)


def _mirrored(modes: Float[Tensor, "*lead r r"]) -> Float[Tensor, "*lead r r"]:
    """The value of mode -k at mode k."""
    return modes.flip((-2, -1)).roll((1, 1), (-2, -1))


def count_numbers(residual: Float[Tensor, "3 c r r"], band: tuple[float, float]) -> int:
    """How many real numbers the part of a residual in a band [low, high) has: 3C for each DFT index in it.

    The modes of a real plane come in conjugate pairs, so n indices carry n real numbers.
    """
    check_planes(residual, "a residual")
    planes, channels, size, _ = residual.shape
    return planes * channels * int(band_masks(size, band).sum())
