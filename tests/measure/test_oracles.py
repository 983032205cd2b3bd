"""Oracle cache: fitted once, never confused, never left half-written."""

import os
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lrm_core import LRM
from lrm_core.measure import oracles
from lrm_core.measure.oracles import OracleConfig, oracle, predicted_planes, render_like, split_views

CONFIG = OracleConfig(iterations=3, rays_per_step=32)


@pytest.fixture
def fits(monkeypatch):
    """Replace the fit by one that moves the first row of texels, and note what it was called with."""
    calls: list[dict[str, Any]] = []

    def fit_oracle(start: torch.Tensor, decoder: Any, views: Any, **named: Any) -> SimpleNamespace:
        calls.append({"start": start, "views": views, **named})
        planes = start.clone()
        planes[:, :, 0] += 1
        return SimpleNamespace(planes=planes, history={"step": [0, 1], "train_psnr": [10.0, 12.0]})

    monkeypatch.setattr(oracles, "fit_oracle", fit_oracle)
    return calls


def test_views_are_split_as_agreed():
    train, heldout = split_views(SimpleNamespace(images=torch.zeros(32, 1)))
    assert heldout == [3, 7, 11, 15, 19, 23, 27, 31]
    assert len(train) == 24
    assert train[0] == 0
    assert sorted(train + heldout) == list(range(32))


def _shipped(path, cache):
    cache.folder.rename(cache.shipped)
    return cache


def _older(path, cache):
    os.utime(path, (1000.0, 1000.0))
    return replace(cache, newer_than=2000.0)


def _damaged(path, cache):
    path.write_bytes(path.read_bytes()[:100])
    return cache


@pytest.mark.parametrize(("happens", "count"), [(_shipped, 1), (_older, 2), (_damaged, 2)])
def test_a_whole_oracle_that_is_new_enough_is_read_from_the_cache(model, item, cache, fits, happens, count):
    first = oracle(model, item, "random", CONFIG, 0, cache)
    (path,) = cache.folder.iterdir()
    assert path.suffix == ".safetensors"
    now = happens(path, cache)
    for again in (oracle(model, item, "random", CONFIG, 0, now) for _ in range(2)):
        assert torch.equal(first.planes, again.planes)
        assert first.history == again.history == {"step": [0, 1], "train_psnr": [10.0, 12.0]}
    assert len(fits) == count


def test_anything_that_matters_asks_for_a_new_fit(model, item, cache, fits):
    other = LRM(model.config)
    other.load_openlrm_state_dict({name: tensor + 1e-3 for name, tensor in model.state_dict().items()})
    given = {"model": model, "item": item, "start": "predicted", "config": CONFIG, "seed": 0}
    changes = {"config": replace(CONFIG, iterations=4), "seed": 1, "start": "null", "model": other}
    changes["item"] = replace(item, images=item.images * 0.5)
    for name, value in changes.items():
        oracle(**(given | {name: value}), cache=cache)
    oracle(**given, cache=cache)
    assert len(fits) == 1 + len(changes)


def test_starts_and_targets(model, item, cache, fits):
    predicted = predicted_planes(model, item)
    for start in ("predicted", "random", "null"):
        oracle(model, item, start, CONFIG, 0, cache)
    assert torch.equal(fits[0]["start"], predicted)
    assert torch.equal(fits[2]["start"], predicted)
    assert fits[1]["start"].std().item() == pytest.approx(0.1, rel=0.05)
    train, heldout = split_views(item)
    assert torch.equal(fits[0]["views"].images, item.images[train])
    assert torch.equal(fits[1]["heldout"].images, item.images[heldout])
    null = fits[2]["views"].images
    rendered = render_like(model, predicted, item.views(train))
    assert (null - rendered).abs().max() <= 0.5 / 255 + 1e-6  # colours may leave [0, 1] by a thousandth
    assert torch.equal((null * 255).round() / 255, null)


def test_bad_input(model, item, cache):
    with pytest.raises(ValueError, match="unknown start 'zero'; expected one of predicted, random, null"):
        oracle(model, item, "zero", CONFIG, 0, cache)
    with pytest.raises(ValueError, match="disc0: expected images of 32x32 pixels for this model, found 16x16"):
        predicted_planes(model, replace(item, images=item.images[..., ::2, ::2]))
