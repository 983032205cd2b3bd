"""Distances between images and between triplanes."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

BEST_PSNR = 100.0


def psnr(pred: Float[Tensor, "*lead 3 h w"], target: Float[Tensor, "*lead 3 h w"]) -> Float[Tensor, "*lead"]:
    """Peak signal-to-noise ratio of each image in dB, data range 1; at most 100 dB (equal images)."""
    error = (pred - target).square().mean((-3, -2, -1))
    return (-10 * error.log10()).clamp(max=BEST_PSNR)


def image_l1(
    pred: Float[Tensor, "*lead 3 h w"], target: Float[Tensor, "*lead 3 h w"]
) -> Float[Tensor, "*lead"]:
    """Mean absolute difference of each image."""
    return (pred - target).abs().mean((-3, -2, -1))


def channel_correlation(
    a: Float[Tensor, "planes c r r"],
    b: Float[Tensor, "planes c r r"],
    mask: Bool[Tensor, "planes r r"] | None = None,
) -> Float[Tensor, "planes c"]:
    """Pearson correlation over the texels of each channel; over the texels of the mask if one is given.

    A channel that is constant in one of the two has no direction in common with the other: it counts as 0.
    """
    weight = torch.ones_like(a[:, :1]) if mask is None else mask[:, None].to(a.dtype)
    count = weight.sum((-2, -1), keepdim=True).clamp(min=1)
    a, b = ((x - (x * weight).sum((-2, -1), keepdim=True) / count) * weight for x in (a, b))
    norms = a.square().sum((-2, -1)).sqrt() * b.square().sum((-2, -1)).sqrt()
    return torch.where(norms > 0, (a * b).sum((-2, -1)) / norms.clamp(min=1e-30), 0)


def best_scale(a: Float[Tensor, "..."], b: Float[Tensor, "..."]) -> float:
    """The number s that makes s a closest to b in least squares."""
    return float((a * b).sum() / a.square().sum())
