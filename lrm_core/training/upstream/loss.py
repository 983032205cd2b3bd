"""What training as OpenLRM does it minimises (MSE, LPIPS and the planes' total variation), and its validation."""

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from lrm_core.fit.scores import Example, Metrics, score
from lrm_core.model.lrm import LRM
from lrm_core.objects.dataset import count_views, load_object
from lrm_core.render import render_rays
from lrm_core.render.perceptual import lpips_with_gradients
from lrm_core.render.rays import camera_rays
from lrm_core.render.views import Views
from lrm_core.training.pretrain_loss import total_variation
from lrm_core.training.upstream.config import TrainConfig
from lrm_core.training.upstream.samples import Sample, resized, told_cameras

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


def validate(model: LRM, places: Sequence[Path], config: TrainConfig, metrics: Metrics) -> dict[str, float]:
    """Mean of each metric over the objects, of each over its views: the source and as many as in training.

    Nothing is drawn: the source is view 0, the others lie evenly among the object's views, and the pictures have the
    largest size of training. OpenLRM's own validation draws views, sizes and crops anew.
    """
    objects = tqdm(places, desc="validate", unit="object", leave=False)
    rows = list(score(model, (_example(model, place, config) for place in objects), metrics))
    return {name: sum(row[name] for row in rows) / len(rows) for name in metrics}


@torch.no_grad()
def _example(model: LRM, place: Path, config: TrainConfig) -> Example:
    """The object as the model sees it now."""
    count = count_views(place)
    wanted = min(config.sample_side_views + 1, count)
    item = load_object(place, [number * count // wanted for number in range(wanted)])
    camera, cameras = told_cameras(item, config)
    device = next(model.parameters()).device
    features = model.encode_image(resized(item.images[:1], config.source_image_res).to(device))
    return Example(item.name, features, camera, Views(resized(item.images, config.high), cameras)).to(device)
