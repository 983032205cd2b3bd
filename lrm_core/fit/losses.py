"""Losses between rendered and true images: FreqLoss as published, and the losses that control for it (E14).

The arms differ only in two weights, a cutoff and its unit: with w on one side of the cutoff and v on the other,
FreqLoss is (5, 1), its sign control (1, 5), its scale control MSE x 25 (5, 5), and MSE (1, 1).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.spectral.bands import frequency_radius

Unit = Literal["cycles_per_pixel", "nyquist"]
Perceptual = Callable[[Tensor, Tensor], Tensor]  # images (n, 3, H, W) twice -> (n,), differentiable


def freq_weighted_mse(
    pred: Float[Tensor, "*lead h w"],
    target: Float[Tensor, "*lead h w"],
    low_weight: float = 5.0,
    cutoff: float = 0.3,
    unit: Unit = "cycles_per_pixel",
    high_weight: float = 1.0,
) -> Float[Tensor, ""]:
    """FreqLoss: mean of (IFFT(w FFT(pred - target)))^2 with w = low_weight below the cutoff, else high_weight.

    The weight multiplies the amplitude, so low frequencies count low_weight^2 times (audit A7). By Parseval
    the mean is taken in the spectrum, which saves the inverse transform; with equal weights it needs none at all.

    Args:
        pred, target: images (..., H, W).
        low_weight, high_weight: w of the modes whose radius lies below the cutoff, and of all others.
        cutoff: radius in `unit`. As published it is 0.3 cycles per pixel, which is 0.6 x Nyquist.
        unit: "cycles_per_pixel" (Nyquist is 0.5) or "nyquist" (Nyquist is 1).

    Raises:
        ValueError: if the shapes differ or the unit is unknown.
    """
    if pred.shape != target.shape:
        raise ValueError(f"expected images of one shape, found {tuple(pred.shape)} and {tuple(target.shape)}")
    if unit not in ("cycles_per_pixel", "nyquist"):
        raise ValueError(f'expected unit "cycles_per_pixel" or "nyquist", found {unit!r}')
    if low_weight == high_weight:
        return low_weight**2 * (pred - target).square().mean()
    per_nyquist = 2 if unit == "cycles_per_pixel" else 1
    low = frequency_radius(*pred.shape[-2:], device=pred.device) < cutoff * per_nyquist
    weight = torch.where(low, low_weight, high_weight)
    spectrum = torch.fft.fft2(pred - target, norm="ortho")
    return (weight.to(pred.dtype) ** 2 * (spectrum.real.square() + spectrum.imag.square())).mean()


def check_perceptual(weight: float, perceptual: Perceptual | None) -> None:
    """Raise ValueError if a perceptual distance has a weight and is not there."""
    if weight and perceptual is None:
        raise ValueError(f"the perceptual distance has the weight {weight}, and none was given; pass one")


@dataclass(frozen=True)
class ImageLoss:
    """One arm's loss: `freq_weighted_mse` and perhaps a perceptual distance."""

    # low_weight and high_weight: of the error's amplitude below the cutoff and from it on
    low_weight: float = 1.0
    high_weight: float = 1.0
    # cutoff and unit: as in `freq_weighted_mse`
    cutoff: float = 0.3
    unit: Unit = "cycles_per_pixel"
    perceptual_weight: float = 0.0  # of the mean perceptual distance (LPIPS) that is added

    def __call__(
        self,
        pred: Float[Tensor, "n 3 h w"],
        target: Float[Tensor, "n 3 h w"],
        perceptual: Perceptual | None = None,
    ) -> Float[Tensor, ""]:
        """The loss of images in [0, 1]; ValueError if shapes differ, or a distance is weighted and none given."""
        loss = freq_weighted_mse(pred, target, self.low_weight, self.cutoff, self.unit, self.high_weight)
        if not self.perceptual_weight:
            return loss
        check_perceptual(self.perceptual_weight, perceptual)
        return loss + self.perceptual_weight * perceptual(pred, target).mean()


LOSSES: Mapping[str, ImageLoss] = {
    "mse": ImageLoss(),
    "freq": ImageLoss(low_weight=5.0),
    "freq_nyquist": ImageLoss(low_weight=5.0, unit="nyquist"),
    "high": ImageLoss(high_weight=5.0),
    "mse_x25": ImageLoss(low_weight=5.0, high_weight=5.0),
}
