"""What a training step from scratch minimises, on the rays of one batch of objects."""

from contextlib import nullcontext

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import relu

from lrm_core.model.decoder import activate
from lrm_core.model.lrm import LRM
from lrm_core.render import render_rays
from lrm_core.render.field import Field, raw_at
from lrm_core.render.rays import box_span
from lrm_core.training.patches import perceptual_loss
from lrm_core.training.pretrain_config import PretrainConfig
from lrm_core.training.pretrain_data import RayBatch

RAW_FREE = -10.0


def total_variation(planes: Float[Tensor, "N 3 C R R"]) -> Tensor:
    """Mean squared difference of neighbouring texels along both axes."""
    return planes.diff(dim=-1).square().mean() + planes.diff(dim=-2).square().mean()


def reconstruction_loss(
    model: LRM, batch: RayBatch, config: PretrainConfig, generator: torch.Generator, progress: float
) -> Tensor:
    """Colour error on black, grey or white, coverage error, total variation, and density in free space.

    Every ray counts by its share of the pictures: rays on the object are drawn more often, and if they counted
    more often too, every uncertain place would come out too opaque. Up to `config.shape_until` of the schedule
    the error of the shape at points (`shape_loss`) is added, with a weight that falls to zero. Where the batch has
    squares of pictures, LPIPS between them and the rendered ones is added.

    Args:
        generator: draws backgrounds, sample positions and points in free space.
        progress: share of the schedule that is done.
    """
    planes = predict(model, batch, config.precision).float()
    shade = torch.randint(0, 3, (len(planes), 1, 1), generator=generator, device=generator.device)
    shade, samples = shade.to(planes) / 2, model.config.rendering_samples_per_ray
    how = {"background": shade, "samples_per_ray": samples, "jitter": generator}
    rendering = render_rays(planes, model.decoder, batch.origins, batch.directions, **how)
    target = batch.rgb + shade * (1 - batch.alpha)
    colour = (batch.share * (rendering.rgb - target).square()).mean()
    mask = (batch.share * (rendering.weight - batch.alpha).square()).mean()
    empty = emptiness_loss(planes, model.decoder, batch, generator)
    smooth = total_variation(planes)
    loss = colour + config.mask_weight * mask + config.tv_weight * smooth + config.empty_weight * empty
    if progress < config.shape_until:
        falling = config.shape_weight * (1 - progress / config.shape_until)
        loss = loss + falling * shape_loss(planes, model.decoder, batch)
    if batch.patches is not None:
        seen = perceptual_loss(planes, model.decoder, batch.patches, shade, samples, generator)
        loss = loss + config.lpips_weight * seen
    return loss


def shape_loss(planes: Float[Tensor, "B 3 C R R"], decoder: nn.Module, batch: RayBatch) -> Tensor:
    """Binary cross-entropy of whether matter absorbs light within a texel, against the known solid.

    A rendered ray says little about where along it matter lies; points say it outright. Objects without points do
    not count; 0 if none has any.
    """
    known = planes[: len(batch.points)]
    if not len(known):
        return planes.new_zeros(())
    raw = _raw(known, decoder, batch.points)
    thickness = activate(raw).density[..., 0] * (2 / planes.shape[-1])
    absorbed = -torch.log(-torch.expm1(-thickness.clamp(min=1e-12)))
    return torch.where(batch.solid, absorbed, thickness).mean()


def emptiness_loss(
    planes: Float[Tensor, "B 3 C R R"], decoder: nn.Module, batch: RayBatch, generator: torch.Generator
) -> Tensor:
    """How far raw density rises above `RAW_FREE` at one random point of each ray that meets nothing.

    The colour error alone leaves a haze of density about 0.003, too thin to see and too thick to skip.
    """
    span = box_span(batch.origins, batch.directions)
    free = span.hit & (batch.alpha[..., 0] == 0)
    draw = torch.rand(span.near.shape, generator=generator, device=generator.device).to(planes)
    points = batch.origins + (span.near + draw * (span.far - span.near))[..., None] * batch.directions
    raw = _raw(planes, decoder, torch.where(free[..., None], points, 0.0))[..., 0]
    return (relu(raw - RAW_FREE) * free).sum() / free.sum().clamp(min=1)


def _raw(
    planes: Float[Tensor, "B 3 C R R"], decoder: nn.Module, points: Float[Tensor, "B P 3"]
) -> Float[Tensor, "B P 4"]:
    """Raw density and colours: all objects at once on a GPU, one after another on a CPU."""
    if planes.is_cuda:
        return raw_at(planes, decoder, points)
    return torch.stack([Field(p, decoder).raw(x) for p, x in zip(planes, points, strict=True)])


def predict(model: LRM, batch: RayBatch, precision: str) -> Float[Tensor, "B 3 C R R"]:
    """Planes of the source views; with precision "bf16" the transformer runs in bfloat16, else in float32."""
    device = batch.sources.device.type
    with torch.autocast(device, torch.bfloat16) if precision == "bf16" else nullcontext():
        return model.predict_planes(batch.sources, batch.cameras)
