"""What a training step from scratch minimises, on the rays of one batch of objects, and its validation."""

from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import relu

from lrm_core.atomic import replacing
from lrm_core.fit.runs import TrainingState
from lrm_core.model.lrm import LRM, activate
from lrm_core.objects.procedural import FIRST_HELD_OUT_SEED, sample_objects
from lrm_core.render import render_rays, render_views
from lrm_core.render.cameras import normalize_poses, pinhole_intrinsics, principal_camera, standard_camera
from lrm_core.render.field import Field, raw_at
from lrm_core.render.quality import lpips_with_gradients, psnr
from lrm_core.render.rays import box_span
from lrm_core.training.pretrain_config import PATCH, PretrainConfig
from lrm_core.training.pretrain_data import Patches, RayBatch, draw_poses, source_views

RAW_FREE = -10.0
OBJECTS, VIEWS, SIZE = 16, 4, 64
FIRST_SEED = FIRST_HELD_OUT_SEED + 1_000_000  # none of the objects that are stored for evaluation


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

    The generator draws backgrounds, sample positions and points in free space; `progress` is the share of the
    schedule that is done.
    """
    planes = predict(model, batch.sources, batch.cameras, config.precision)
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


def predict(
    model: LRM, sources: Float[Tensor, "B 3 S S"], cameras: Float[Tensor, "B 16"], precision: str
) -> Float[Tensor, "B 3 C R R"]:
    """Planes of the source views; with precision "bf16" the transformer runs in bfloat16, else in float32."""
    with torch.autocast(sources.device.type, torch.bfloat16, enabled=precision == "bf16"):
        return model.predict_planes(sources, cameras).float()


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


class Validation(NamedTuple):
    """Sources (B, 3, S, S), their cameras (B, 16), and target views (B, M, 3, H, W) with cameras (B, M, 25).

    Target view 0 is the source view.
    """

    sources: Float[Tensor, "B 3 S S"]
    cameras: Float[Tensor, "B 16"]
    targets: Float[Tensor, "B M 3 H W"]
    target_cameras: Float[Tensor, "B M 25"]

    @classmethod
    def prepare(cls, source_size: int) -> Self:
        """The same objects and views for every run, with source images of so many pixels a side."""
        objects = sample_objects(range(FIRST_SEED, FIRST_SEED + OBJECTS))
        generator = torch.Generator().manual_seed(FIRST_SEED)
        poses = draw_poses(OBJECTS, VIEWS, generator)
        normal = torch.stack([normalize_poses(p) for p in poses])
        cameras = standard_camera(poses, pinhole_intrinsics())
        return cls(
            sources=source_views(objects, cameras[:, 0], source_size, 2),
            cameras=principal_camera(normal[:, 0], pinhole_intrinsics()),
            targets=torch.stack([source_views(objects, cameras[:, m], SIZE, 2) for m in range(VIEWS)], dim=1),
            target_cameras=standard_camera(normal, pinhole_intrinsics()),
        )

    @torch.no_grad()
    def score(self, state: TrainingState, run: Path) -> dict[str, float]:
        """Mean PSNR in dB of source and novel views under the averaged weights; writes a contact sheet."""
        model = state.averaged()
        planes = model.predict_planes(self.sources, self.cameras)
        samples = model.config.rendering_samples_per_ray
        images = render_views(planes, model.decoder, self.target_cameras, SIZE, samples_per_ray=samples).rgb
        scores = psnr(images, self.targets)
        pairs = torch.stack([self.targets, images], dim=2).flatten(1, 2)  # (B, 2M, 3, H, W)
        sheet = pairs.permute(0, 3, 1, 4, 2).flatten(0, 1).flatten(1, 2)  # (B H, 2M W, 3)
        picture = Image.fromarray((sheet.clamp(0, 1) * 255).byte().cpu().numpy().astype(np.uint8))
        with replacing(run / f"validation-{state.step:06d}.png") as temporary:
            picture.save(temporary, format="PNG")
        return {"source_psnr": scores[:, 0].mean().item(), "novel_psnr": scores[:, 1:].mean().item()}
