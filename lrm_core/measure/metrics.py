"""Distances between images and between triplanes."""

from collections.abc import Iterable, Sequence
from math import nan

import torch
from jaxtyping import Bool, Float
from skimage.metrics import structural_similarity
from torch import Tensor

from lrm_core.render.quality import lpips, psnr

BANDS = ("low", "mid", "high")


def by_band(values: Sequence[float]) -> dict[str, float]:
    """Three values by the names of their bands."""
    return dict(zip(BANDS, values, strict=True))


def image_l1(pred: Float[Tensor, "*lead 3 h w"], target: Float[Tensor, "*lead 3 h w"]) -> Float[Tensor, "*lead"]:
    """Mean absolute difference of each image."""
    return (pred - target).abs().mean((-3, -2, -1))


def ssim(pred: Float[Tensor, "n 3 h w"], target: Float[Tensor, "n 3 h w"]) -> Float[Tensor, " n"]:
    """Structural similarity of each image (Wang et al. 2004): Gaussian window of 1.5 pixels, data range 1.

    The published numbers come from scikit-image, whose default is a level window of 7 x 7 pixels: compare changes.
    """
    pairs = zip(pred.cpu().numpy(), target.cpu().numpy(), strict=True)
    options = {"channel_axis": 0, "data_range": 1.0, "gaussian_weights": True, "sigma": 1.5}
    options |= {"use_sample_covariance": False}
    return pred.new_tensor([structural_similarity(a, b, **options) for a, b in pairs])


METRICS = {"l1": image_l1, "psnr": psnr, "ssim": ssim, "lpips": lpips}


def mean_scores(
    pred: Float[Tensor, "n 3 h w"], target: Float[Tensor, "n 3 h w"], names: Iterable[str] = METRICS
) -> dict[str, float]:
    """Mean of each metric over the images, PSNR in dB."""
    return {name: float(METRICS[name](pred, target).mean()) for name in names}


def mask_iou(pred: Float[Tensor, "n 1 h w"], target: Float[Tensor, "n 1 h w"]) -> Float[Tensor, " n"]:
    """Intersection over union of coverage above one half; 1 where both are empty."""
    a, b = pred > 0.5, target > 0.5
    union = (a | b).sum((-3, -2, -1))
    return torch.where(union > 0, (a & b).sum((-3, -2, -1)) / union.clamp(min=1), 1.0)


def channel_correlation(
    a: Float[Tensor, "planes c r r"], b: Float[Tensor, "planes c r r"], mask: Bool[Tensor, "planes r r"] | None = None
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


SILHOUETTE = 225 / 255  # a pixel with a channel below shows the object, as in `data/published_scale.csv`


def extent(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, " n"]:
    """Size of the silhouette in each image on white, in pixels: how far it reaches, without its last percent.

    The geometric mean of the ranges from the 1st to the 99th percentile of its pixels in x and in y; NaN where no
    pixel shows the object.
    """
    found = []
    for image in images:
        places = (image < SILHOUETTE).any(0).nonzero().float()  # (pixels, 2)
        ends = places.quantile(places.new_tensor([0.01, 0.99]), dim=0) if len(places) else torch.tensor([nan, nan])
        found.append((ends[1] - ends[0]).prod().sqrt())
    return torch.stack(found)


def relative_extent(seen: Float[Tensor, "n 3 h w"], true: Float[Tensor, "n 3 h w"]) -> float | None:
    """`extent` of renders over that of the true views, mean over views; None where none shows both."""
    ratio = (extent(seen) / extent(true)).nanmean()
    return float(ratio) if ratio.isfinite() else None
