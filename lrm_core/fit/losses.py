"""Losses between rendered and true images."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.spectral.bands import frequency_radius

Unit = Literal["cycles_per_pixel", "nyquist"]


def freq_weighted_mse(
    pred: Float[Tensor, "*lead h w"],
    target: Float[Tensor, "*lead h w"],
    low_weight: float = 5.0,
    cutoff: float = 0.3,
    unit: Unit = "cycles_per_pixel",
) -> Float[Tensor, ""]:
    """FreqLoss: mean of (IFFT(w FFT(pred - target)))^2 with w = low_weight below the cutoff, else 1.

    The weight multiplies the amplitude, so low frequencies count low_weight^2 times (audit A7). By Parseval
    the mean is taken in the spectrum, which saves the inverse transform.

    Args:
        pred, target: images (..., H, W).
        low_weight: w of the modes whose radius lies below the cutoff.
        cutoff: radius in `unit`. As published it is 0.3 cycles per pixel, which is 0.6 x Nyquist.
        unit: "cycles_per_pixel" (Nyquist is 0.5) or "nyquist" (Nyquist is 1).

    Raises:
        ValueError: if the shapes differ or the unit is unknown.
    """
    if pred.shape != target.shape:
        raise ValueError(f"expected images of one shape, found {tuple(pred.shape)} and {tuple(target.shape)}")
    if unit not in ("cycles_per_pixel", "nyquist"):
        raise ValueError(f'expected unit "cycles_per_pixel" or "nyquist", found {unit!r}')
    per_nyquist = 2 if unit == "cycles_per_pixel" else 1
    low = frequency_radius(*pred.shape[-2:], device=pred.device) < cutoff * per_nyquist
    weight = torch.where(low, low_weight, 1.0)
    spectrum = torch.fft.fft2(pred - target, norm="ortho")
    return (weight.to(pred.dtype) ** 2 * (spectrum.real.square() + spectrum.imag.square())).mean()
