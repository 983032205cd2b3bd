"""What training sees: each draw belongs to a number, each crop to its picture."""

import json
from collections import Counter

import numpy as np
import pytest
import torch
from tiny_folder import TINY
from tiny_training import tiny_config

from lrm_core.model.lrm import LRM
from lrm_core.objects import load_object
from lrm_core.render import render_views
from lrm_core.render.quality import lpips
from lrm_core.training.upstream.samples import (
    BACKGROUNDS,
    PARTS,
    Samples,
    draw_sample,
    object_places,
    render_samples,
    sample_losses,
)


@pytest.fixture
def config(tmp_path):
    return tiny_config(tmp_path, dataset__sample_side_views=2)


@pytest.fixture
def samples(config):
    return Samples(object_places(config.subsets, "train"), config, batch=2)


def model() -> LRM:
    torch.manual_seed(0)
    return LRM(TINY).requires_grad_(False)


def test_an_epoch_shows_each_object_once(samples, config):
    colours = [tuple(samples[number].source[:, 16, 16].tolist()) for number in range(8)]
    assert len(set(colours[:4])) == 4
    assert set(colours[4:]) == set(colours[:4])
    assert Samples(samples.places[:3], config, batch=2).steps_per_epoch == 1


def test_crops_are_of_the_drawn_views_on_their_backgrounds(samples, config):
    """A twin that composites pixel by pixel what the files hold."""
    folder, seed = samples.places[0], (7, 8, 9)
    sample, twin = draw_sample(folder, config, np.random.default_rng(seed)), np.random.default_rng(seed)
    item, views = load_object(folder), twin.choice(6, 3, replace=False)
    assert len(set(views)) == 3
    resolution = int(twin.integers(config.low, config.high + 1))
    anchors = twin.integers(0, resolution - config.region + 1, (3, 2))
    assert (sample.resolution, sample.anchors.tolist()) == (resolution, anchors.tolist())
    for index, view in enumerate(views):
        alpha, on_white = item.masks[view], item.images[view]
        grey = sample.backgrounds[index].item()
        assert grey in BACKGROUNDS
        picture = on_white - (1 - alpha) + grey * (1 - alpha)
        whole = torch.nn.functional.interpolate(
            picture[None], size=(resolution,) * 2, mode="bicubic", align_corners=True
        )[0].clamp(0, 1)
        row, column = anchors[index]
        expected = whole[:, row : row + config.region, column : column + config.region]
        torch.testing.assert_close(sample.targets[index], expected)
    torch.testing.assert_close(sample.source, item.images[views[0]])
    moved = load_object(folder, views.tolist())
    torch.testing.assert_close(sample.cameras, moved.cameras())
    torch.testing.assert_close(sample.camera, moved.source_camera()[0])


def test_cameras_are_told_as_the_run_asks(tmp_path, samples):
    draw = lambda config: draw_sample(samples.places[0], config, np.random.default_rng(0))  # noqa: E731
    near = draw(tiny_config(tmp_path, dataset__normed_dist_to_center=1.5))
    assert near.camera[:12].reshape(3, 4)[:, 3].tolist() == pytest.approx([0, -1.5, 0], abs=1e-6)
    raw = draw(tiny_config(tmp_path, dataset__normalize_camera=False))
    pose = raw.cameras[0, :12]
    torch.testing.assert_close(raw.camera[:12], pose)
    assert any(torch.equal(pose.reshape(3, 4), known) for known in load_object(samples.places[0]).poses)


def test_sample_rates_repeat_and_leave_out(config):
    (subset,) = config.subsets
    for rate, counts in ((2.0, [2, 2, 2, 2]), (0.6, [1, 1, 1]), (1.5, [2, 2, 1, 1])):
        changed = type(subset)(subset.root_dirs, subset.lists, rate)
        assert sorted(Counter(object_places([changed], "train")).values(), reverse=True) == counts


def test_a_missing_object_and_too_few_views_are_named(tmp_path, config):
    path = config.subsets[0].lists["train"]
    path.write_text(json.dumps(["square_0", "gone"]))
    with pytest.raises(FileNotFoundError, match="gone: no such rendered object"):
        object_places(config.subsets, "train")
    path.write_text("[]")
    with pytest.raises(ValueError, match="lists no object"):
        object_places(config.subsets, "train")
    many = tiny_config(tmp_path, dataset__sample_side_views=6)
    with pytest.raises(ValueError, match="6 views; expected at least 7"):
        draw_sample(tmp_path / "objects/square_0", many, np.random.default_rng(0))


def test_rendered_crops_are_those_of_whole_pictures(samples, config):
    network, drawn = model(), [samples[0], samples[1]]
    planes = torch.randn(2, 3, TINY.triplane_dim, 16, 16, generator=torch.Generator().manual_seed(0))
    found = render_samples(network, planes, drawn, config.region)
    for index, sample in enumerate(drawn):
        whole = render_views(
            planes[index : index + 1],
            network.decoder,
            sample.cameras[None],
            sample.resolution,
            background=sample.backgrounds[None],
            samples_per_ray=TINY.rendering_samples_per_ray,
        ).rgb[0]
        for view, (row, column) in enumerate(sample.anchors.int().tolist()):
            expected = whole[view, :, row : row + config.region, column : column + config.region]
            torch.testing.assert_close(found[index, view], expected, atol=1e-4, rtol=1e-4)


def test_the_loss_is_the_weighted_sum_of_its_parts(tmp_path, samples):
    network, drawn = model(), [samples[0], samples[1]]
    weights = {"pixel": 2.0, "perceptual": 0.5, "tv": 0.25}
    changes = {f"train__loss__{name}_weight": weight for name, weight in weights.items()}
    config = tiny_config(tmp_path, **changes)
    parts = dict(zip(PARTS, sample_losses(network, drawn, config, None), strict=True))
    assert parts["loss"].item() == pytest.approx(sum(weights[n] * parts[n].item() for n in weights), rel=1e-5)
    sources, cameras = torch.stack([s.source for s in drawn]), torch.stack([s.camera for s in drawn])
    planes = network.predict_planes(sources, cameras)
    rendered = render_samples(network, planes, drawn, 32).flatten(0, 1)
    targets = torch.cat([s.targets for s in drawn])
    torch.testing.assert_close(parts["pixel"], ((rendered - targets) ** 2).mean())
    torch.testing.assert_close(parts["perceptual"], lpips(rendered, targets).mean())
    rows, columns = (planes.roll(-1, axis) - planes for axis in (-2, -1))
    expected = (rows[..., :-1, :] ** 2).mean() + (columns[..., :-1] ** 2).mean()
    torch.testing.assert_close(parts["tv"], expected)
    off = tiny_config(tmp_path, train__loss__perceptual_weight=0.0)
    assert sample_losses(network, drawn, off, None)[2] == 0
