"""Losses between rendered and true images, FreqLoss as published and those that control for it (E14); and recipes.

The arms differ only in two weights, a cutoff and its unit: with w on one side of the cutoff and v on the other,
FreqLoss is (5, 1), its sign control (1, 5), its scale control MSE x 25 (5, 5), and MSE (1, 1).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
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

    The weight multiplies the amplitude, so low frequencies count low_weight^2 times (audit A7). By Parseval the mean
    is taken in the spectrum, which saves the inverse transform; with equal weights it needs none at all. ValueError
    if the shapes differ or the unit is unknown.

    Args:
        low_weight, high_weight: w of the modes whose radius lies below the cutoff, and of all others.
        cutoff: radius in `unit`. As published it is 0.3 cycles per pixel, which is 0.6 x Nyquist.
        unit: "cycles_per_pixel" (Nyquist is 0.5) or "nyquist" (Nyquist is 1).
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
        self, pred: Float[Tensor, "n 3 h w"], target: Float[Tensor, "n 3 h w"], perceptual: Perceptual | None = None
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


Form = Literal["output", "projections"]  # of adapters, as in `lrm_core.fit.lora`
Order = Literal["published", "random"]
Precision = Literal["float32", "bf16"]
ADAPTER_LR, FULL_LR = 5e-4, 1e-5  # as published


@dataclass(frozen=True)
class FinetuneConfig:
    """One run of fine-tuning; the defaults are LoRA-FreqLoss as published.

    ValueError if a number is below its least value, or an order or a precision is unknown.
    """

    # of the adapters; None trains all weights of the transformer instead (with the rate `FULL_LR`)
    rank: int | None = 4
    form: Form = "output"  # of the adapters, as in `lrm_core.fit.lora`
    loss: ImageLoss = LOSSES["freq"]  # between a rendered view and the true one
    # "published" trains pair k on object k mod objects and on view k mod views (audit A10: where one number divides
    # the other, an object only ever sees some of its views); "random" draws each pair
    order: Order = "published"
    steps: int = 500  # updates of AdamW
    batch: int = 1  # pairs of object and view in a step, shared out among the processes
    # lr and weight_decay: of AdamW; the rate is constant
    lr: float = ADAPTER_LR
    weight_decay: float = 0.01
    # largest norm of the gradient; None or 0 does not clip. A clipped update forgets how large the loss was, and that
    # is what the control MSE x 25 is about.
    clip: float | None = None
    # "bf16" autocasts the transformer, "float32" does not; rendering and loss are always in float32
    precision: Precision = "float32"
    # validate_every and checkpoint_every: in steps; the start and the end are always validated
    validate_every: int = 50
    checkpoint_every: int = 50
    # stop_on and patience: after how many validations without a better value of which metric (less is better) an
    # early stop would come. It is recorded and nothing stops.
    stop_on: str = "lpips"
    patience: int = 3
    seed: int = 0  # of the adapters' A and of the random order

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "validate_every", "checkpoint_every", "patience"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, found {getattr(self, name)}")
        for name, kinds in (("order", Order), ("precision", Precision)):
            if (found := getattr(self, name)) not in get_args(kinds):
                raise ValueError(f"{name}: expected one of {', '.join(get_args(kinds))}; found {found!r}")

    def pair(self, number: int, objects: int, views: int) -> tuple[int, int]:
        """Object and view, of so many, of the pair with this number, counted from 0 over the whole run."""
        if self.order == "published":
            return number % objects, number % views
        draw = np.random.default_rng((self.seed, number))
        return int(draw.integers(objects)), int(draw.integers(views))
