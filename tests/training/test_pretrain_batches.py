"""Batches of procedural objects, squares of pictures for LPIPS among them, and what a step minimises on them."""

from dataclasses import replace

import pytest
import torch
from test_pretrain import LATE, SHORT, TINY
from tiny_batches import ray_batch

from lrm_core.model.lrm import LRM
from lrm_core.objects.dataset import sample_poses
from lrm_core.objects.procedural import FIRST_HELD_OUT_SEED, sample_objects
from lrm_core.render import render_views
from lrm_core.render.cameras import normalize_poses, pinhole_intrinsics, standard_camera
from lrm_core.render.field import Field
from lrm_core.training import pretrain_loss
from lrm_core.training.pretrain_batch import cast_scene, scenes
from lrm_core.training.pretrain_config import PATCH, PretrainConfig
from lrm_core.training.pretrain_data import source_views, training_seeds
from lrm_core.training.pretrain_loss import (
    RAW_FREE,
    emptiness_loss,
    perceptual_loss,
    predict,
    reconstruction_loss,
    shape_loss,
    total_variation,
)

SIZE = TINY.source_size


@pytest.fixture
def model() -> LRM:
    torch.manual_seed(0)
    return LRM(TINY)


@pytest.fixture
def batch():
    return ray_batch(0, batch=2, views=2, rays=32, size=32)


def test_no_training_object_is_held_out():
    for step in (0, 1, 10**9):
        seeds = training_seeds(step, 8)
        assert len(seeds) == 8
        assert 0 <= min(seeds) <= max(seeds) < FIRST_HELD_OUT_SEED


@pytest.mark.parametrize("ahead", [False, True])
def test_scenes_come_in_their_order_from_wherever_they_are_drawn(ahead):
    numbers = [5, 2, 9]
    for number, scene in zip(numbers, scenes(numbers, SHORT, SIZE, ahead), strict=True):
        found = cast_scene(scene)
        expected = ray_batch(number, batch=SHORT.group, views=SHORT.views, rays=SHORT.rays, size=SIZE)
        for name in ("sources", "origins", "rgb", "points"):
            assert torch.equal(getattr(found, name), getattr(expected, name))


def test_batches_are_fixed_by_their_step_and_half_on_the_object():
    first, again, other = (ray_batch(step, batch=2, views=4, rays=64, size=16) for step in (5, 5, 6))
    assert torch.equal(first.rgb, again.rgb)
    assert torch.equal(first.sources, again.sources)
    assert not torch.equal(first.sources, other.sources)
    assert first.sources.shape == (2, 3, 16, 16)
    assert 0.3 < first.alpha.mean() < 0.8
    torch.testing.assert_close(first.directions.norm(dim=-1), torch.ones(2, 64))
    assert (first.rgb[first.alpha.expand_as(first.rgb) == 0] == 0).all()


def test_rays_of_the_source_view_see_the_source_image():
    """The targets are in the normalised world: a ray through a source pixel carries that pixel's colour."""
    batch = ray_batch(3, batch=2, views=1, rays=400, size=64)
    for n in range(2):
        camera = batch.cameras[n]
        position, directions = camera[:12].view(3, 4)[:, 3], batch.directions[n]
        torch.testing.assert_close(batch.origins[n], position.expand_as(directions), atol=1e-5, rtol=0)
        local = directions @ camera[:12].view(3, 4)[:, :3]
        column = ((local[:, 0] / -local[:, 2] * 0.75 + 0.5) * 64).long()
        row = ((-local[:, 1] / -local[:, 2] * 0.75 + 0.5) * 64).long()
        seen = batch.rgb[n] + 1 - batch.alpha[n]
        error = (batch.sources[n][:, row, column].T - seen).abs().amax(-1)
        assert (error < 0.1).float().mean() > 0.7  # the rest lie within a pixel of an edge


def test_points_know_whether_they_are_solid_in_the_normalised_world():
    batch = ray_batch(1, batch=3, views=2, rays=128, size=16)
    assert batch.points.shape == (3, 512, 3)
    assert batch.solid.shape == (3, 512)
    assert 0.3 < batch.solid[:, :256].float().mean() < 0.5
    assert 0.01 < batch.solid[:, 256:].float().mean() < 0.2
    assert (batch.points[batch.solid].norm(dim=-1) <= 0.96).all()


def test_shares_make_the_kept_rays_stand_for_all():
    """Weighted by its share, coverage has the mean of the rays that were drawn evenly over the views."""
    kept = ray_batch(2, batch=3, views=2, rays=300, size=16)
    even = ray_batch(2, batch=3, views=2, rays=3000, size=16)
    assert torch.allclose(kept.share.mean(1), torch.ones(3, 1), atol=1e-5)
    weighted = (kept.share * kept.alpha).mean(1)
    assert (weighted < kept.alpha.mean(1)).all()
    torch.testing.assert_close(weighted, (even.share * even.alpha).mean(1), atol=0.06, rtol=0)


def test_the_shape_counts_less_and_less_and_the_end_is_rendering_alone(model, batch):
    config = replace(SHORT, shape_weight=0.5, shape_until=0.5, tv_weight=0.0, empty_weight=0.0)

    def loss(progress):
        return reconstruction_loss(model, batch, config, torch.Generator().manual_seed(0), progress)

    shape = shape_loss(predict(model, batch.sources, batch.cameras, "float32"), model.decoder, batch)
    torch.testing.assert_close(loss(0.0) - loss(0.25), 0.25 * shape)
    torch.testing.assert_close(loss(0.25) - loss(0.5), 0.25 * shape)
    assert loss(0.5) == loss(1.0)


def test_every_ray_counts_by_its_share_of_the_pictures(model, batch):
    config = replace(SHORT, shape_weight=0.0, tv_weight=0.0, empty_weight=0.0)

    def loss(share):
        weighted = batch._replace(share=share)
        return reconstruction_loss(model, weighted, config, torch.Generator().manual_seed(0), 0.0)

    on = batch.alpha * batch.share
    torch.testing.assert_close(loss(batch.share), loss(on) + loss(batch.share - on))
    assert loss(batch.share) != loss(torch.ones_like(batch.share))


def test_shape_loss_is_the_cross_entropy_of_absorption_within_a_texel(model, batch):
    planes = torch.randn(2, 3, 4, 8, 8)
    raw = torch.stack([Field(p, model.decoder).raw(x)[:, 0] for p, x in zip(planes, batch.points, strict=True)])
    absorbed = 1 - torch.exp(-torch.nn.functional.softplus(raw - 1) * 2 / 8)
    expected = torch.nn.functional.binary_cross_entropy(absorbed, batch.solid.float())
    torch.testing.assert_close(shape_loss(planes, model.decoder, batch), expected, rtol=1e-4, atol=1e-6)


def test_emptiness_counts_density_on_free_rays_only(model, batch):
    planes = torch.zeros(2, 3, 4, 8, 8)
    loss = emptiness_loss(planes, model.decoder, batch, torch.Generator().manual_seed(0))
    raw = Field(planes[0], model.decoder).raw(torch.zeros(1, 3))[0, 0]
    torch.testing.assert_close(loss, raw - RAW_FREE)
    nothing_free = batch._replace(alpha=torch.ones_like(batch.alpha))
    assert emptiness_loss(planes, model.decoder, nothing_free, torch.Generator()) == 0


def test_shape_loss_stays_finite_in_emptiness_and_in_rock(model, batch):
    for bias in (-200.0, 200.0):
        torch.nn.init.constant_(model.decoder.net[6].bias, bias)
        planes = torch.zeros(2, 3, 4, 8, 8, requires_grad=True)
        loss = shape_loss(planes, model.decoder, batch)
        loss.backward()
        assert loss.isfinite()
        assert planes.grad.isfinite().all()


def test_total_variation_of_a_ramp():
    ramp = torch.arange(4.0).expand(1, 3, 2, 4, 4)
    assert total_variation(ramp).item() == 1.0


WHOLE = 64  # pixels, of the pictures that squares are cut from


@pytest.fixture(scope="module")
def squares():
    return ray_batch(3, batch=2, views=3, rays=32, size=WHOLE, patches=2)


def test_true_squares_are_cut_from_the_whole_picture(squares):
    """On white they equal that part of the anti-aliased picture of their view."""
    generator = torch.Generator().manual_seed(3)
    poses = torch.stack([sample_poses(generator, 3) for _ in range(2)])
    objects, patches = sample_objects([6, 7]), squares.patches
    found = []
    for owner, (row, column) in enumerate(patches.anchors.int().tolist()):
        cameras = standard_camera(normalize_poses(poses[owner]), pinhole_intrinsics())
        (view,) = [v for v in range(3) if torch.allclose(cameras[v], patches.cameras[owner])]
        whole = source_views(objects, standard_camera(poses[:, view], pinhole_intrinsics()), WHOLE, 2)[owner]
        found.append(whole[:, row : row + PATCH, column : column + PATCH])
    torch.testing.assert_close(patches.rgb + 1 - patches.alpha, torch.stack(found), atol=1e-5, rtol=1e-5)
    assert patches.alpha.mean() > 0.2


def test_rendered_squares_are_the_pixels_of_a_whole_render(model, squares, monkeypatch):
    patches, seen = squares.patches, []
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


def test_the_term_is_added_with_its_weight_after_every_other_draw(model, monkeypatch):
    monkeypatch.setattr(pretrain_loss, "lpips_with_gradients", lambda a, b: (a - b).square().mean((1, 2, 3)))

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
