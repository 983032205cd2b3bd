"""Squares of pictures that a training step compares as a whole, by LPIPS."""

from typing import NamedTuple

import torch
from accelerate.utils import send_to_device
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from lrm_core.objects.caster import cast
from lrm_core.objects.procedural import ProceduralBatch
from lrm_core.render import render_views
from lrm_core.render.perceptual import lpips_with_gradients
from lrm_core.render.rays import camera_rays
from lrm_core.training.pretrain_config import PATCH

SUPERSAMPLE = 2  # rays per pixel and axis of a true picture


class Patches(NamedTuple):
    """Q true squares of `PATCH` pixels.

    Attributes:
        owners: which object of the batch each shows, (Q,).
        cameras: of the whole pictures, after pose normalisation, (Q, 25).
        anchors: (row, column) of the first pixel of each, (Q, 2).
        rgb: colour times coverage, (Q, 3, P, P).
        alpha: coverage, (Q, 1, P, P).
        resolution: side of the whole pictures, in pixels.
    """

    owners: Int[Tensor, " Q"]
    cameras: Float[Tensor, "Q 25"]
    anchors: Float[Tensor, "Q 2"]
    rgb: Float[Tensor, "Q 3 P P"]
    alpha: Float[Tensor, "Q 1 P P"]
    resolution: int


def draw_anchors(count: int, resolution: int, generator: torch.Generator) -> Float[Tensor, "Q 2"]:
    """First pixels of squares with their centres in the picture's middle half; ValueError if it is too small."""
    if resolution < PATCH:
        raise ValueError(f"a square of {PATCH} pixels does not fit into a picture of {resolution}")
    centres = resolution * (0.25 + 0.5 * torch.rand(count, 2, generator=generator))
    return (centres - PATCH / 2).round().clamp(0, resolution - PATCH)


def procedural_patches(
    objects: ProceduralBatch,
    cameras: Float[Tensor, "B M 25"],
    target_cameras: Float[Tensor, "B M 25"],
    count: int,
    resolution: int,
    generator: torch.Generator,
) -> Patches:
    """A square of one view of each of the first `count` objects, anti-aliased by a box filter.

    Args:
        cameras, target_cameras: of the views before and after pose normalisation.
        resolution: side of the whole picture, in pixels; raises as `draw_anchors`.
    """
    owners = torch.arange(count)
    views = torch.randint(cameras.shape[1], (count,), generator=generator)
    anchors = draw_anchors(count, resolution, generator)
    fine = PATCH * SUPERSAMPLE
    rays = camera_rays(cameras[owners, views], resolution * SUPERSAMPLE, anchors * SUPERSAMPLE, fine)
    hits = cast(objects.map(lambda value: value[:count]), rays.origins.contiguous(), rays.directions)
    pixels = torch.cat([hits.rgb, hits.alpha], dim=-1).mT.unflatten(-1, (fine, fine))
    rgb, alpha = avg_pool2d(pixels, SUPERSAMPLE).split([3, 1], dim=1)
    found = Patches(owners, target_cameras[owners, views], anchors, rgb, alpha, resolution)
    return send_to_device(found, cameras.device)


def perceptual_loss(
    planes: Float[Tensor, "B 3 C R R"],
    decoder: nn.Module,
    patches: Patches,
    shade: Float[Tensor, "B 1 1"],
    samples_per_ray: int,
    jitter: torch.Generator | None,
) -> Float[Tensor, ""]:
    """Mean LPIPS of the squares, rendered (as by `render_views`) and true, on the backgrounds of their objects."""
    background = shade[patches.owners]
    rendered = render_views(
        planes[patches.owners],
        decoder,
        patches.cameras[:, None],
        patches.resolution,
        anchors=patches.anchors[:, None],
        region_size=PATCH,
        background=background,
        samples_per_ray=samples_per_ray,
        jitter=jitter,
    )
    truth = patches.rgb + background[..., None] * (1 - patches.alpha)
    return lpips_with_gradients(rendered.rgb[:, 0], truth).mean()
