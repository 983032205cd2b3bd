"""The batch of a training step: procedural objects, and objects of a pool among them."""

from dataclasses import fields, replace
from functools import cache
from pathlib import Path

import torch

from lrm_core.fit.patches import Patches
from lrm_core.fit.pool_data import pool_batch
from lrm_core.fit.pretrain_config import PATCH, PretrainConfig
from lrm_core.fit.pretrain_data import RayBatch, procedural_batch, ray_batch, training_seeds
from lrm_core.objects.pool import Pool


@cache
def open_pool(folder: str) -> Pool:
    """The pool in a folder, its headers read once; raises as `Pool`."""
    return Pool(Path(folder))


def training_batch(number: int, config: PretrainConfig, size: int, progress: float) -> RayBatch:
    """A group of objects.

    Args:
        number: of the group, counted over the whole run; fixes every draw.
        size: side of the source view, in pixels.
        progress: share of the first round that is done.
    """
    patches = config.patches(progress)
    rays = config.rays - patches * PATCH**2 // config.group
    plan = {"views": config.views, "rays": rays, "size": size}
    if config.pool is None:
        return ray_batch(number, batch=config.group, patches=patches, **plan)
    generator = torch.Generator().manual_seed(number)
    from_pool = torch.rand(config.group, generator=generator) < config.pool_share
    pool_patches = int(from_pool[:patches].sum())
    seeds = [s for s, out in zip(training_seeds(number, config.group), from_pool, strict=True) if not out]
    parts = []
    if seeds:
        parts.append(procedural_batch(seeds, generator, patches=patches - pool_patches, **plan))
    if count := int(from_pool.sum()):
        pool = open_pool(config.pool)
        parts.append(pool_batch(pool, count, generator, patches=pool_patches, **plan))
    return join(*parts) if len(parts) > 1 else parts[0]


def join(first: RayBatch, second: RayBatch) -> RayBatch:
    """The objects of both; only the first may have points."""
    tensors = {
        part.name: torch.cat([getattr(first, part.name), getattr(second, part.name)])
        for part in fields(RayBatch)
        if part.name != "patches"
    }
    return RayBatch(**tensors, patches=_join_patches(first.patches, second.patches, len(first.sources)))


def _join_patches(first: Patches | None, second: Patches | None, offset: int) -> Patches | None:
    """Squares of both batches, where the objects of the second come after `offset` others."""
    if second is None:
        return first
    second = replace(second, owners=second.owners + offset)
    if first is None:
        return second
    names = ("owners", "cameras", "anchors", "rgb", "alpha")
    tensors = {name: torch.cat([getattr(first, name), getattr(second, name)]) for name in names}
    return Patches(**tensors, resolution=first.resolution)
