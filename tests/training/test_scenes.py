"""Scenes: what is drawn ahead of a step is what the step would draw."""

import pytest
import torch
from test_pretrain import SHORT, TINY
from tiny_batches import ray_batch

from lrm_core.training.pretrain_batch import cast_scene, scenes

SIZE = TINY.source_size


def _batches(numbers, ahead):
    return [cast_scene(scene, SHORT, SIZE, 0.0) for scene in scenes(numbers, SHORT, SIZE, ahead)]


@pytest.mark.parametrize("ahead", [False, True])
def test_scenes_come_in_their_order_from_wherever_they_are_drawn(ahead):
    numbers = [5, 2, 9]
    for number, batch in zip(numbers, _batches(numbers, ahead), strict=True):
        expected = ray_batch(number, batch=SHORT.group, views=SHORT.views, rays=SHORT.rays, size=SIZE)
        for name in ("sources", "origins", "rgb", "points"):
            assert torch.equal(getattr(batch, name), getattr(expected, name))
