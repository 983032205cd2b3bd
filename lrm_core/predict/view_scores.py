"""Scores of what a model predicts of one rendered object, view by view, at the size of the stored images."""

from dataclasses import replace
from math import nan
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.measure.e00_model import view_angles
from lrm_core.measure.geometry import OPAQUE, true_geometry
from lrm_core.measure.metrics import image_l1, mask_iou, ssim
from lrm_core.measure.oracles import predicted_planes, render_planes
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.objects.pictures import Picture, whole
from lrm_core.render import Rendering
from lrm_core.render.perceptual import lpips
from lrm_core.render.quality import psnr

METRICS = ("psnr", "ssim", "lpips", "l1", "iou", "depth")
KINDS = ("source", "novel")
LPIPS_SIDE = 32  # pixels, the fewest that its network takes
AT_ONCE = 4  # views that are rendered together


class Pair(NamedTuple):
    """A view beside its prediction.

    Attributes:
        scores: the row of the view in `Evaluation.rows`.
        target, predicted: on white, in [0, 1], (3, H, H).
    """

    scores: dict[str, Any]
    target: Float[Tensor, "3 h h"]
    predicted: Float[Tensor, "3 h h"]


def true_depth(item: RenderedObject) -> tuple[Float[Tensor, "v h h"] | None, str]:
    """Distance of the true surface in every view, (V, H, H), inf where there is none; or None and why."""
    _check_images(item)
    try:
        geometry = true_geometry(item, list(range(len(item.images))))
    except ValueError as error:
        return None, str(error)
    if geometry is None:
        return None, f"{item.name}: neither a procedural object nor a mesh of the repository has that name"
    return geometry.depth, ""


@torch.no_grad()
def scored_views(model: LRM, item: RenderedObject, depth: Float[Tensor, "v h h"] | None = None) -> list[Pair]:
    """Every view of an object with its prediction and their scores, at the size of the stored images.

    Args:
        model: sees view 0, resampled to its source size where that is another.
        item: with square images.
        depth: of the true surface, from `true_depth`.

    Raises:
        ValueError: if the images are not square or smaller than 32x32 pixels.
    """
    _check_images(item)
    size = item.images.shape[-1]
    planes = predicted_planes(model, at_source_size(item, model.config.source_size))
    parts = [render_planes(model, planes, part, size) for part in item.cameras().split(AT_ONCE)]
    seen = Rendering(*(torch.cat([getattr(p, n) for p in parts]) for n in ("rgb", "depth", "weight")))
    scores = view_scores(seen, item, depth)
    scores["angle"] = view_angles(item.poses).tolist()
    pairs = []
    for view, values in enumerate(zip(*scores.values(), strict=True)):
        row = {
            "object": item.name,
            "view": view,
            "kind": KINDS[view > 0],
            **dict(zip(scores, values, strict=True)),
        }
        pairs.append(Pair(row, item.images[view], seen.rgb[view].cpu()))
    return pairs


def view_scores(
    seen: Rendering, item: RenderedObject, depth: Float[Tensor, "v h h"] | None = None
) -> dict[str, list[float]]:
    """Each of `METRICS` for every view; `depth` is NaN in all of them where the true one is None."""
    images, masks = item.images.to(seen.rgb), item.masks.to(seen.rgb)
    scores = {
        "psnr": psnr(seen.rgb, images),
        "ssim": ssim(seen.rgb, images),
        "lpips": lpips(seen.rgb, images),
        "l1": image_l1(seen.rgb, images),
        "iou": mask_iou(seen.weight, masks),
        "depth": torch.full((len(images),), nan) if depth is None else depth_error(seen, depth.to(images)),
    }
    return {name: values.tolist() for name, values in scores.items()}


def depth_error(seen: Rendering, depth: Float[Tensor, "v h h"]) -> Float[Tensor, " v"]:
    """Mean absolute difference of depth in world units, over the pixels where both show a surface.

    A render shows one where it absorbs more than half of the light. NaN in a view without such a pixel.
    """
    both = (seen.weight[:, 0] > OPAQUE) & depth.isfinite()
    difference = torch.where(both, (seen.depth[:, 0] - depth).abs(), 0)
    return difference.sum((-2, -1)) / both.sum((-2, -1))


def at_source_size(item: RenderedObject, size: int) -> RenderedObject:
    """The object with view 0 alone, resampled to so many pixels a side; its camera stays the same."""
    source = whole(Picture(item.images[0], item.masks[0, 0]), size)
    return replace(item.first(1), images=source.image[None], masks=source.mask[None, None])


def _check_images(item: RenderedObject) -> None:
    height, width = item.images.shape[-2:]
    if height != width or height < LPIPS_SIDE:
        expected = f"square images of at least {LPIPS_SIDE} pixels a side"
        raise ValueError(f"{item.name}: expected {expected}, found {width}x{height}")
