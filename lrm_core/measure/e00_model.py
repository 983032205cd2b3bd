"""E0, the model under study: how well it predicts views, against guesses that use no model."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from lrm_core.measure.metrics import METRICS, mask_iou
from lrm_core.measure.oracles import predicted_planes, render_planes
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.objects.caster import render_object
from lrm_core.objects.dataset import sample_poses
from lrm_core.objects.procedural import sample_objects
from lrm_core.render.cameras import pinhole_intrinsics, standard_camera
from lrm_core.training.pretrain_data import source_views

TRIVIAL = ("white", "mean_training")


@dataclass(frozen=True)
class ModelQuality:
    """Configuration of the guesses.

    So many training objects are in the mean training image (one novel view each), and among them the nearest to the
    source image is looked for, in images of `search_size` pixels a side.
    """

    training_objects: int = 512
    search_size: int = 32
    definition: int = 3


def training_view(seed: int, view: int, resolution: int, supersample: int = 1) -> Float[Tensor, "3 h w"]:
    """View of a training object on white; view 0 is a source view, the others are novel ones."""
    poses = sample_poses(torch.Generator().manual_seed(seed), view + 1)
    cameras = standard_camera(poses[view:], pinhole_intrinsics())
    return source_views(sample_objects([seed]), cameras, resolution, supersample)[0]


@lru_cache
def mean_training_image(resolution: int, count: int) -> Float[Tensor, "3 h w"]:
    """Mean over novel views of the first `count` procedural training objects, on white."""
    return sum(training_view(seed, 1, resolution) for seed in range(count)) / count


@lru_cache
def training_sources(resolution: int, count: int) -> Float[Tensor, "count 3 h w"]:
    """Source views of the first `count` training objects, on white."""
    return torch.stack([training_view(seed, 0, resolution) for seed in range(count)])


def nearest_training_seed(source: Float[Tensor, "3 h w"], config: ModelQuality) -> int:
    """Number of the training object whose source view is nearest in mean squared error."""
    small = adaptive_avg_pool2d(source, config.search_size)
    gallery = training_sources(config.search_size, config.training_objects)
    return int((gallery - small).square().mean((1, 2, 3)).argmin())


@torch.no_grad()
def guesses(model: LRM, item: RenderedObject, config: ModelQuality) -> Iterator[tuple[str, Tensor, Tensor | None]]:
    """What the model and the guesses without one see: images (V, 3, H, W), coverage (V, 1, H, W) or None."""
    size, views = item.images.shape[-1], item.views(range(len(item.images)))
    seen = render_planes(model, predicted_planes(model, item), views.cameras, size)
    yield "model", seen.rgb.cpu(), seen.weight.cpu()
    yield "white", torch.ones_like(item.images), None
    mean = mean_training_image(size, config.training_objects)
    yield "mean_training", mean.expand_as(item.images), None
    rgba, _, _ = render_object(nearest_training_seed(item.images[0], config), item.poses, size)
    colour, coverage = rgba.split([3, 1], dim=1)
    yield "nearest_training", colour * coverage + 1 - coverage, coverage


def view_angles(poses: Float[Tensor, "v 3 4"]) -> Float[Tensor, "v"]:
    """Angle in degrees at the origin between each camera and that of view 0."""
    towards = torch.nn.functional.normalize(poses[:, :, 3], dim=-1)
    return torch.rad2deg((towards @ towards[0]).clamp(-1, 1).acos())


@torch.no_grad()
def run(model: LRM, item: RenderedObject, config: ModelQuality, seed: int, *_: Any) -> dict[str, Any]:
    """Errors of view 0 and of the other views, for the model and for the guesses without one.

    Returns:
        model, white, mean_training, nearest_training: each with source and novel (mean over views) psnr in dB,
            ssim, lpips and iou of the masks (None without coverage), and the psnr of every novel view;
        angles: of the novel views from the source view, in degrees;
        gain: novel psnr of the model over the better of white and mean_training.
    """
    result: dict[str, Any] = {name: _scores(item, *guess) for name, *guess in guesses(model, item, config)}
    best = max(result[name]["novel"]["psnr"] for name in TRIVIAL)
    return result | {
        "angles": view_angles(item.poses)[1:].tolist(),
        "gain": result["model"]["novel"]["psnr"] - best,
    }


def _scores(item: RenderedObject, images: Tensor, coverage: Tensor | None) -> dict[str, Any]:
    values = {name: METRICS[name](images, item.images) for name in ("psnr", "ssim", "lpips")}
    values["iou"] = None if coverage is None else mask_iou(coverage, item.masks)
    return {
        "source": {name: None if v is None else float(v[0]) for name, v in values.items()},
        "novel": {name: None if v is None else float(v[1:].mean()) for name, v in values.items()},
        "novel_views": values["psnr"][1:].tolist(),
    }
