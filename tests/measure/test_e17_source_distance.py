"""E17 on a tiny model: what a distance does, and that the true one changes nothing."""

import pytest
import torch

from lrm_core.canonical import plain
from lrm_core.measure import e17_source_distance as e17
from lrm_core.measure.e17_source_distance import SourceDistance, told_planes
from lrm_core.measure.oracles import Oracle, OracleConfig, predicted_planes, render_planes, split_views


@pytest.fixture
def record(model, item, monkeypatch):
    """Of an oracle that is the prediction shifted by a constant and a wave."""
    predicted = predicted_planes(model, item)
    wave = (torch.arange(16) * (2 * torch.pi * 7 / 16)).cos().expand(3, 4, 16, 16)
    shifted = Oracle(predicted + 0.5 + 0.2 * wave, {})
    monkeypatch.setattr(e17, "oracle", lambda *_: shifted)
    config = SourceDistance(OracleConfig(iterations=1), factors=(0.8, 1.0, 1.25), views=2)
    return plain(e17.run(model, item, config, 0, None))


def test_record_of_a_known_residual(record, model, item):
    right = predicted_planes(model, item)
    size = float((right - right.mean((-2, -1), keepdim=True)).norm())
    numbers = 3 * 4 * 16 * 16
    expected = (numbers * (0.25 + 0.02)) ** 0.5 / size
    assert record["residual"]["relative_size"][1] == pytest.approx(expected, rel=1e-4)
    assert record["residual"]["power_low"][1] == pytest.approx(0.25 / 0.27, rel=1e-3)
    assert record["residual"]["power_high"][1] == pytest.approx(0.02 / 0.27, rel=1e-3)
    for factor in (0, 2):
        made = told_planes(model, item, record["factors"][factor]) - right
        assert record["manufactured"]["relative_size"][factor] == pytest.approx(float(made.norm()) / size, rel=1e-4)


def test_images_are_scored_against_the_truth(record, model, item):
    chosen = split_views(item)[1][:2]
    seen = item.views(chosen)
    drawn = render_planes(model, predicted_planes(model, item), seen.cameras, 32)
    error = (drawn.rgb - seen.images).square().mean((1, 2, 3))
    assert record["images"]["psnr"][1] == pytest.approx(float((-10 * error.log10()).mean()), rel=1e-4)
    assert record["images"]["l1"][1] == pytest.approx(float((drawn.rgb - seen.images).abs().mean()), rel=1e-4)
    expected = float(drawn.weight.mean() / item.masks[chosen].mean())
    assert record["images"]["area"][1] == pytest.approx(expected, rel=1e-4)
