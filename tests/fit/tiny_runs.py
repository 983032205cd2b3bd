"""A tiny model and tiny objects for tests of fine-tuning."""

from collections.abc import Sequence

import torch
from tiny_model import TINY

from lrm_core.fit.losses import FinetuneConfig
from lrm_core.fit.scores import Example
from lrm_core.measure.metrics import image_l1, ssim
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.objects.dataset import sample_poses
from lrm_core.render.quality import psnr

SIZE = TINY.source_size
INTRINSICS = torch.tensor([[0.75 * SIZE, 0.75 * SIZE], [SIZE / 2, SIZE / 2], [SIZE, SIZE]])
METRICS = {"l1": image_l1, "psnr": psnr, "ssim": ssim}
SHORT = FinetuneConfig(rank=2, steps=4, validate_every=2, checkpoint_every=2, stop_on="l1")


def tiny_model() -> LRM:
    """A model whose pictures depend on its planes more than those of random parameters would."""
    torch.manual_seed(0)
    model = LRM(TINY).eval().requires_grad_(False)
    model.upsampler.weight.mul_(10)
    for layer in (2, 4, 6):
        model.decoder.net[layer].weight.mul_(3)
    return model


def tiny_object(seed: int, views: int = 6) -> RenderedObject:
    """A square of one colour in every view."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.ones(views, 3, SIZE, SIZE)
    images[:, :, 8:24, 8:24] = torch.rand(3, 1, 1, generator=generator)
    masks = (images < 1).any(1, keepdim=True).float()
    return RenderedObject(f"square_{seed}", images, masks, sample_poses(generator, views), INTRINSICS)


def tiny_examples(model: LRM, seeds: Sequence[int], views: Sequence[int]) -> list[Example]:
    return [Example.of(model, tiny_object(seed), views) for seed in seeds]
