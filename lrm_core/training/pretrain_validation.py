"""Validation of a training run: novel views of held-out procedural objects, as numbers and as a picture."""

from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from lrm_core.atomic import replacing
from lrm_core.fit.runs import TrainingState
from lrm_core.objects.procedural import FIRST_HELD_OUT_SEED, sample_objects
from lrm_core.render import render_views
from lrm_core.render.cameras import normalize_poses, pinhole_intrinsics, principal_camera, standard_camera
from lrm_core.render.quality import psnr
from lrm_core.training.pretrain_data import draw_poses, source_views

OBJECTS, VIEWS, SIZE = 16, 4, 64
FIRST_SEED = FIRST_HELD_OUT_SEED + 1_000_000  # none of the objects that are stored for evaluation


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
