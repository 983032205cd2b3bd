"""How large predictions are drawn: extent of the renders over that of the true views, by what the encoder is told."""

from dataclasses import dataclass
from typing import Any

import torch

from lrm_core.measure.finetuning import EVALUATION_VIEWS
from lrm_core.measure.metrics import image_l1, relative_extent
from lrm_core.measure.oracles import predicted_planes, render_like
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.render.quality import psnr


@dataclass(frozen=True)
class Extent:
    """Configuration: the views that are looked at, those of them that the object has."""

    views: tuple[int, ...] = EVALUATION_VIEWS
    definition: int = 1


@torch.no_grad()
def run(model: LRM, item: RenderedObject, config: Extent, seed: int, *_: Any) -> dict[str, Any]:
    """Size and error of the renders of T_pred.

    Returns:
        told: distance told over the true one; extent: of the renders over that of the true views, mean over views;
        l1, and psnr in dB, to the true views.
    """
    seen = item.views([view for view in config.views if view < len(item.images)])
    drawn = render_like(model, predicted_planes(model, item), seen)
    return {
        "told": item.source.told,
        "extent": relative_extent(drawn, seen.images),
        "l1": float(image_l1(drawn, seen.images).mean()),
        "psnr": float(psnr(drawn, seen.images).mean()),
    }
