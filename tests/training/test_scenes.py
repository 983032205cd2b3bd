"""Scenes: what is drawn ahead of a step is what the step would draw."""

import pickle
from dataclasses import replace

import pytest
import torch
from test_pretrain import SHORT, TINY

from lrm_core.training.pretrain_batch import cast_scene, draw_scene, scenes
from lrm_core.training.pretrain_data import ray_batch

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


def test_a_scene_is_small():
    """It crosses from another process: no rays, no pictures."""
    assert len(pickle.dumps(draw_scene(0, replace(SHORT, group=8, batch=8), SIZE, 0.0))) < 200_000


def test_progress_is_that_of_the_step_that_trains_on_a_group():
    config = replace(SHORT, steps=10, batch=8, group=2)
    assert [config.progress(number) for number in (0, 3, 4, 39)] == [0, 0, 0.1, 0.9]
