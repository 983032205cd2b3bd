"""Rendered views of a procedural object: averaging, geometry of the pixels, visibility."""

import pytest
import torch

from lrm_core.objects.caster import cast
from lrm_core.objects.poses import sample_poses
from lrm_core.objects.procedural import sample_objects
from lrm_core.objects.procedural_views import render_object
from lrm_core.render.cameras import pinhole_intrinsics, standard_camera
from lrm_core.render.rays import camera_rays


@pytest.fixture(scope="module")
def rendered():
    poses = sample_poses(torch.Generator().manual_seed(0), 3)
    return poses, *render_object(5, poses, 32)


def test_views_average_the_rays_of_a_pixel(rendered):
    poses, rgba, depth, _ = rendered
    batch = sample_objects([5])
    hits = cast(batch, *camera_rays(standard_camera(poses[1:2], pinhole_intrinsics()), 64))
    for row, column in [(16, 16), (12, 20), (20, 14), (9, 15)]:
        rays = [(2 * row + i) * 64 + 2 * column + j for i in (0, 1) for j in (0, 1)]
        alpha = hits.alpha[0, rays].mean()
        assert rgba[1, 3, row, column] == alpha
        if alpha > 0:
            hit = [ray for ray in rays if hits.alpha[0, ray] > 0]
            torch.testing.assert_close(rgba[1, :3, row, column], hits.rgb[0, hit].mean(0))
            torch.testing.assert_close(depth[1, 0, row, column], hits.depth[0, hit].mean())


def test_source_view_sees_itself_and_others_see_less(rendered):
    _, rgba, _, visible = rendered
    hit = rgba[:, 3:] > 0
    assert visible[0][hit[0]].float().mean() > 0.99
    assert 0.05 < visible[1:][hit[1:]].float().mean() < 0.95
