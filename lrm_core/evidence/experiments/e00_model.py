"""E0, the model under study: how well it predicts views, against images that know nothing of the object."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.evidence.metrics import psnr
from lrm_core.evidence.oracles import OracleCache, predicted_planes, render_images
from lrm_core.fit.pretrain_data import source_views
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.objects.poses import sample_poses
from lrm_core.objects.procedural import sample_objects


@dataclass(frozen=True)
class ModelQuality:
    """Configuration: over how many training objects (one novel view each) the mean training image is taken."""

    mean_of: int = 256
    definition: int = 1


@lru_cache
def mean_training_image(resolution: int, count: int) -> Float[Tensor, "3 h w"]:
    """Mean over novel views of the first `count` procedural training objects, on white."""
    total = torch.zeros(3, resolution, resolution)
    for seed in range(count):
        poses = sample_poses(torch.Generator().manual_seed(seed), 2)
        total += source_views(sample_objects([seed]), poses[1:], resolution, 1)[0]
    return total / count


@torch.no_grad()
def run(
    model: LRM, item: RenderedObject, config: ModelQuality, seed: int, cache: OracleCache | None = None
) -> dict[str, Any]:
    """PSNR in dB of view 0 and of the other views, for the model and for two images without knowledge.

    Returns:
        model, white, mean_training: each with source_psnr, novel_psnr (mean over views) and novel_views (all);
        gain: novel_psnr of the model over the better of the two.
    """
    size = item.images.shape[-1]
    views = item.views(range(len(item.images)))
    candidates = {
        "model": render_images(model, predicted_planes(model, item), views.cameras, size).cpu(),
        "white": torch.ones_like(views.images),
        "mean_training": mean_training_image(size, config.mean_of).expand_as(views.images),
    }
    result: dict[str, Any] = {}
    for name, images in candidates.items():
        scores = psnr(images, views.images)
        novel = scores[1:]
        result[name] = {
            "source_psnr": float(scores[0]),
            "novel_psnr": float(novel.mean()),
            "novel_views": novel.tolist(),
        }
    best = max(result[name]["novel_psnr"] for name in ("white", "mean_training"))
    return result | {"gain": result["model"]["novel_psnr"] - best}
