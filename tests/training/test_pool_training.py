"""Training on a pool of rendered meshes beside procedural objects."""

import json
from dataclasses import replace

import pytest
import torch
import trimesh
from test_pretrain import LATE, SHORT, TINY, killed_and_unbroken
from tiny_batches import training_batch

from lrm_core.model.lrm import LRM
from lrm_core.objects.pool import INDEX, render_pool
from lrm_core.paths import data_dir
from lrm_core.render.rays import camera_rays
from lrm_core.training.pretrain import pretrain
from lrm_core.training.pretrain_batch import open_pool, pool_batch
from lrm_core.training.pretrain_config import PATCH
from lrm_core.training.pretrain_loss import reconstruction_loss
from lrm_core.training.publish import publish

SIZE = TINY.source_size


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    """A pool of two boxes, one by a known author."""
    meshes, pool = tmp_path_factory.mktemp("meshes"), tmp_path_factory.mktemp("pool")
    for name, depth in (("cube", 1.0), ("slab", 0.4)):
        trimesh.creation.box((1.0, 1.0, depth)).export(meshes / f"{name}.glb")
    facts = {"file": "slab.glb", "author": "A. Mason", "licence": "CC BY 3.0"}
    (meshes / INDEX).write_text(json.dumps([facts]))
    render_pool(meshes, pool, data_dir(), views=4, resolution=SIZE)
    return str(pool)


def _batch(folder: str, **options):
    generator = torch.Generator().manual_seed(0)
    return pool_batch(open_pool(folder), 3, generator, views=2, rays=200, size=SIZE, **options)


def _pictures(folder: str) -> list[torch.Tensor]:
    """Every stored picture, colour times coverage and coverage, (S, S, 4)."""
    rgba = torch.cat([item.rgba for item in open_pool(folder)]).float() / 255
    return list(torch.cat([rgba[..., :3] * rgba[..., 3:], rgba[..., 3:]], dim=-1))


def test_rays_carry_the_colour_of_the_pixel_that_they_pass(folder):
    """Rays whose camera is the source's see the source."""
    batch = _batch(folder)
    for n in range(3):
        pose = batch.cameras[n, :12].view(3, 4)
        mine = (batch.origins[n] - pose[:, 3]).norm(dim=-1) < 1e-4
        local = batch.directions[n, mine] @ pose[:, :3]
        column = (local[:, 0] / -local[:, 2] * 0.75 + 0.5) * SIZE - 0.5
        row = (-local[:, 1] / -local[:, 2] * 0.75 + 0.5) * SIZE - 0.5
        assert mine.float().mean() > 0.2
        torch.testing.assert_close(row, row.round(), atol=2e-3, rtol=0)
        seen = (batch.rgb[n] + 1 - batch.alpha[n])[mine]
        pixels = batch.sources[n][:, row.round().long(), column.round().long()].T
        torch.testing.assert_close(seen, pixels, atol=1e-6, rtol=0)


def test_squares_are_the_pixels_of_stored_views(folder):
    batch = _batch(folder, patches=2)
    assert batch.patches.owners.tolist() == [0, 1]
    squares = torch.cat([batch.patches.rgb, batch.patches.alpha], dim=1).movedim(1, -1)
    for square in squares:  # as large as the pictures
        assert any(torch.equal(square, picture) for picture in _pictures(folder))
    rays = camera_rays(batch.patches.cameras, SIZE, batch.patches.anchors, PATCH)
    for n in range(2):
        eyes = batch.origins[n].unique(dim=0)
        assert (eyes - rays.origins[n, 0]).norm(dim=-1).min() < 1e-5


def test_a_share_of_the_objects_is_from_the_pool(folder):
    half = replace(SHORT, pool=folder, pool_share=0.5, group=8, batch=8)
    counts = [8 - len(training_batch(number, half, SIZE, 0.0).points) for number in range(20)]
    assert 50 < sum(counts) < 110
    assert len(set(counts)) > 2
    for share, points in ((0.0, 8), (1.0, 0)):
        assert len(training_batch(0, replace(half, pool_share=share), SIZE, 0.0).points) == points


def test_squares_of_both_kinds_know_their_objects(folder):
    """On its own background, a square's owner has a ray from the camera of the square."""
    config = replace(LATE, pool=folder, pool_share=0.5, group=4, batch=4, rays=4 * PATCH**2)
    batches = (training_batch(number, config, SIZE, 1.0) for number in range(20))
    batch = next(b for b in batches if len(b.points) == 2)
    assert sorted(batch.patches.owners.tolist()) == [0, 1, 2, 3]
    for owner, camera in zip(batch.patches.owners, batch.patches.cameras, strict=True):
        eye = camera[:16].view(4, 4)[:3, 3]
        assert (batch.origins[owner] - eye).norm(dim=-1).min() < 1e-5
    loss = reconstruction_loss(LRM(TINY), batch, config, torch.Generator().manual_seed(0), 1.0)
    assert loss.isfinite()


def test_a_run_with_a_pool_resumes_bit_by_bit(folder, tmp_path, monkeypatch):
    config = replace(SHORT, pool=folder, pool_share=0.5)
    ours, theirs = killed_and_unbroken(tmp_path, monkeypatch, config, killed_at=3)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    plain = pretrain(tmp_path / "plain", TINY, SHORT)
    assert not torch.equal(plain.average["pos_embed"], theirs["average.pos_embed"])


def test_a_run_belongs_to_its_pool_wherever_that_lies(folder, tmp_path):
    config = replace(SHORT, steps=2, pool=folder)
    pretrain(tmp_path / "run", TINY, config)
    claimed = json.loads((tmp_path / "run/config.json").read_text())
    assert claimed["pool"] == open_pool(folder).digest
    assert folder not in json.dumps(claimed)
    with pytest.raises(ValueError, match="another configuration"):
        pretrain(tmp_path / "run", TINY, replace(config, pool=None))


def test_a_pool_of_another_size_is_refused(folder, tmp_path):
    with pytest.raises(ValueError, match=r"at least 2 views of 64 x 64 pixels, found 4 of 32"):
        pretrain(tmp_path, replace(TINY, source_size=64), replace(SHORT, pool=folder))


def test_the_card_names_the_authors_of_the_pool(folder, tmp_path):
    config = replace(SHORT, steps=2, pool=folder)
    pretrain(tmp_path / "run", TINY, config)
    publish(tmp_path / "run", TINY, config, tmp_path / "mini.safetensors")
    card = (tmp_path / "MODEL_CARD.md").read_text()
    assert "- CC BY 3.0: A. Mason\n" in card
    assert "- no licence stated: unknown author\n" in card
    assert "25%, one of 2 meshes of a pool" in card
    assert "pool_share 0.25" in card
    assert "mini.safetensors --pool FOLDER --pool-share 0.25`" in card
    assert folder not in card
