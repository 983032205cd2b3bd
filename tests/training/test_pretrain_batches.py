"""Batches of procedural objects and what a step minimises on them."""

from dataclasses import replace

import pytest
import torch
from test_pretrain import SHORT, TINY
from tiny_batches import ray_batch

from lrm_core.model.lrm import LRM
from lrm_core.objects.procedural import FIRST_HELD_OUT_SEED
from lrm_core.render.field import Field
from lrm_core.training.pretrain_batch import cast_scene, scenes
from lrm_core.training.pretrain_data import training_seeds
from lrm_core.training.pretrain_loss import (
    RAW_FREE,
    emptiness_loss,
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
