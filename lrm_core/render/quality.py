"""How close pictures are."""

from jaxtyping import Float
from torch import Tensor

BEST_PSNR = 100.0


def mean_square(pred: Float[Tensor, "*lead 3 h w"], target: Float[Tensor, "*lead 3 h w"]) -> Float[Tensor, "*lead"]:
    """Mean squared difference of each image."""
    return (pred - target).square().mean((-3, -2, -1))


def psnr(pred: Float[Tensor, "*lead 3 h w"], target: Float[Tensor, "*lead 3 h w"]) -> Float[Tensor, "*lead"]:
    """Peak signal-to-noise ratio of each image in dB, data range 1; at most 100 dB (equal images)."""
    return psnr_of(mean_square(pred, target))


def psnr_of(error: Float[Tensor, "*lead"]) -> Float[Tensor, "*lead"]:
    """PSNR in dB of a mean squared error, data range 1; at most 100 dB."""
    return (-10 * error.log10()).clamp(max=BEST_PSNR)
