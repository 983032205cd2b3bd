"""What training as OpenLRM does it minimises: MSE, LPIPS and the total variation of the planes."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.model.lrm import LRM
from lrm_core.render import render_rays
from lrm_core.render.perceptual import lpips_with_gradients
from lrm_core.render.rays import camera_rays
from lrm_core.training.pretrain_loss import total_variation
from lrm_core.training.upstream.config import TrainConfig
from lrm_core.training.upstream.samples import Sample

PARTS = ("loss", "pixel", "perceptual", "tv")


def sample_losses(
    model: LRM, samples: Sequence[Sample], config: TrainConfig, jitter: torch.Generator | None
) -> Float[Tensor, "4"]:
    """The weighted loss and its unweighted parts (`PARTS`), each a mean over the objects; a part of no weight is 0.

    LPIPS is AlexNet's; OpenLRM trains with VGG's, whose weights are not in the repository. OpenLRM jitters the sample
    positions on the rays, and so does this.

    Args:
        samples: on the model's device.
        jitter: as in `render_rays`.
    """
    planes = _planes(model, samples, config.precision)
    rendered = render_samples(model, planes, samples, config.region, jitter).flatten(0, 1)
    targets = torch.cat([sample.targets for sample in samples])
    zero = planes.new_zeros(())
    pixel = (rendered - targets).square().mean()
    perceptual = lpips_with_gradients(rendered, targets).mean() if config.perceptual_weight else zero
    smooth = total_variation(planes) if config.tv_weight else zero
    weighted = config.pixel_weight * pixel + config.perceptual_weight * perceptual + config.tv_weight * smooth
    return torch.stack([weighted, pixel, perceptual, smooth])


def _planes(model: LRM, samples: Sequence[Sample], precision: str) -> Float[Tensor, "B 3 C R R"]:
    sources, cameras = (torch.stack(parts) for parts in list(zip(*samples, strict=True))[:2])
    with torch.autocast(sources.device.type, torch.bfloat16, enabled=precision == "bf16"):
        return model.predict_planes(sources, cameras).float()


def render_samples(
    model: LRM,
    planes: Float[Tensor, "B 3 C R R"],
    samples: Sequence[Sample],
    region: int,
    jitter: torch.Generator | None = None,
) -> Float[Tensor, "B M 3 P P"]:
    """The crops that the samples ask for; the sizes of the whole pictures may differ from object to object."""
    rays = [camera_rays(s.cameras, s.resolution, s.anchors, region) for s in samples]
    origins, directions = (torch.stack(part).flatten(1, 2) for part in zip(*rays, strict=True))
    backgrounds = torch.stack([s.backgrounds for s in samples]).repeat_interleave(region**2, dim=1)
    how = {"samples_per_ray": model.config.rendering_samples_per_ray, "jitter": jitter}
    rendering = render_rays(planes, model.decoder, origins, directions, background=backgrounds, **how)
    return rendering.rgb.unflatten(1, (-1, region, region)).movedim(-1, 2)
