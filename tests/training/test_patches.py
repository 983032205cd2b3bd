"""Squares of pictures for LPIPS late in a training."""

from dataclasses import replace

import pytest
import torch
from test_pretrain import LATE, TINY
from tiny_batches import ray_batch

from lrm_core.model.lrm import LRM
from lrm_core.objects.poses import sample_poses
from lrm_core.objects.procedural import sample_objects
from lrm_core.render import render_views
from lrm_core.render.cameras import normalize_poses, pinhole_intrinsics, standard_camera
from lrm_core.training import pretrain_loss
from lrm_core.training.pretrain_config import PATCH, PretrainConfig
from lrm_core.training.pretrain_data import source_views
from lrm_core.training.pretrain_loss import perceptual_loss, reconstruction_loss

WHOLE = 64  # pixels, of the pictures that squares are cut from


@pytest.fixture(scope="module")
def batch():
    return ray_batch(3, batch=2, views=3, rays=32, size=WHOLE, patches=2)


def _model() -> LRM:
    torch.manual_seed(0)
    return LRM(TINY)


def test_true_squares_are_cut_from_the_whole_picture(batch):
    """On white they equal that part of the anti-aliased picture of their view."""
    generator = torch.Generator().manual_seed(3)
    poses = torch.stack([sample_poses(generator, 3) for _ in range(2)])
    objects, patches = sample_objects([6, 7]), batch.patches
    found = []
    for owner, (row, column) in enumerate(patches.anchors.int().tolist()):
        cameras = standard_camera(normalize_poses(poses[owner]), pinhole_intrinsics())
        (view,) = [v for v in range(3) if torch.allclose(cameras[v], patches.cameras[owner])]
        whole = source_views(objects, standard_camera(poses[:, view], pinhole_intrinsics()), WHOLE, 2)[owner]
        found.append(whole[:, row : row + PATCH, column : column + PATCH])
    torch.testing.assert_close(patches.rgb + 1 - patches.alpha, torch.stack(found), atol=1e-5, rtol=1e-5)
    assert patches.alpha.mean() > 0.2


def test_rendered_squares_are_the_pixels_of_a_whole_render(batch, monkeypatch):
    model, patches, seen = _model(), batch.patches, []
    planes, shade = torch.randn(2, 3, 4, 8, 8), torch.tensor([0.0, 0.5]).view(2, 1, 1)

    def record(rendered, truth):
        seen.append((rendered, truth))
        return (rendered - truth).square().mean((1, 2, 3))

    monkeypatch.setattr(pretrain_loss, "lpips_with_gradients", record)
    perceptual_loss(planes, model.decoder, patches, shade, 16, None)
    ((rendered, truth),) = seen
    whole = render_views(
        planes, model.decoder, patches.cameras[:, None], WHOLE, background=shade, samples_per_ray=16
    ).rgb[:, 0]
    for owner, (row, column) in enumerate(patches.anchors.int().tolist()):
        expected = whole[owner, :, row : row + PATCH, column : column + PATCH]
        torch.testing.assert_close(rendered[owner], expected)
        free = patches.alpha[owner, 0] == 0
        assert (truth[owner][:, free] == shade[owner].item()).all()


def test_the_term_is_added_with_its_weight_after_every_other_draw(batch, monkeypatch):
    monkeypatch.setattr(pretrain_loss, "lpips_with_gradients", lambda a, b: (a - b).square().mean((1, 2, 3)))
    model = _model()

    def loss(batch, weight):
        config = replace(LATE, lpips_weight=weight)
        return reconstruction_loss(model, batch, config, torch.Generator().manual_seed(0), 1.0)

    small = ray_batch(0, batch=2, views=2, rays=32, size=32, patches=1)
    without = loss(small._replace(patches=None), 0.5)
    one, two = loss(small, 0.5) - without, loss(small, 1.0) - without
    torch.testing.assert_close(two, 2 * one)
    assert one > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lpips_from": 1.5}, "lpips_from: expected a share between 0 and 1, found 1.5"),
        ({"pool_share": -0.1}, "pool_share: expected a share between 0 and 1"),
        ({"lpips_weight": 1.0, "rays": 100}, "at least 2048 rays a group, found 4 x 100; raise rays"),
    ],
)
def test_faulty_settings_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        PretrainConfig(**change)
