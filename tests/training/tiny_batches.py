"""Batches of procedural objects for tests of training."""

import torch

from lrm_core.objects.procedural import sample_objects
from lrm_core.training.pretrain_batch import cast_scene, draw_scene
from lrm_core.training.pretrain_data import RayBatch, draw_poses, procedural_batch, training_seeds


def ray_batch(step: int, *, batch: int, views: int, rays: int, size: int, patches: int = 0) -> RayBatch:
    """The batch that a step with one group would have without a pool."""
    generator = torch.Generator().manual_seed(step)
    objects, poses = sample_objects(training_seeds(step, batch)), draw_poses(batch, views, generator)
    return procedural_batch(objects, poses, generator, rays=rays, size=size, patches=patches)


def training_batch(number, config, size, progress):
    """The batch of a group, of which some objects may come from a pool."""
    return cast_scene(draw_scene(number, config, size, progress))
