"""Oracle cache: fitted once, never confused, never left half-written."""

import os
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lrm_core import LRM
from lrm_core.measure import oracles
from lrm_core.measure.oracles import (
    OracleCache,
    OracleConfig,
    oracle,
    predicted_planes,
    render_like,
    split_views,
)
from lrm_core.objects import RenderedObject

CONFIG = OracleConfig(iterations=3, rays_per_step=32)


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Replace the fit by one that moves the first row of texels, and note what it was called with."""
    calls: list[dict[str, Any]] = []

    def fit_oracle(start: torch.Tensor, decoder: Any, views: Any, **named: Any) -> SimpleNamespace:
        calls.append({"start": start, "views": views, **named})
        planes = start.clone()
        planes[:, :, 0] += 1
        return SimpleNamespace(planes=planes, history={"step": [0, 1], "train_psnr": [10.0, 12.0]})

    monkeypatch.setattr(oracles, "fit_oracle", fit_oracle)
    return calls


def test_views_are_split_as_agreed() -> None:
    train, heldout = split_views(SimpleNamespace(images=torch.zeros(32, 1)))
    assert heldout == [3, 7, 11, 15, 19, 23, 27, 31]
    assert len(train) == 24
    assert train[0] == 0
    assert sorted(train + heldout) == list(range(32))


def test_the_second_call_reads_the_cache(model: LRM, item: RenderedObject, cache: OracleCache, fits: list) -> None:
    first = oracle(model, item, "random", CONFIG, 0, cache)
    second = oracle(model, item, "random", CONFIG, 0, cache)
    assert len(fits) == 1
    assert torch.equal(first.planes, second.planes)
    assert first.history == second.history == {"step": [0, 1], "train_psnr": [10.0, 12.0]}
    assert [path.suffix for path in cache.folder.iterdir()] == [".safetensors"]


@pytest.mark.parametrize("what", ["seed", "start", "configuration", "data", "weights"])
def test_anything_that_matters_asks_for_a_new_fit(
    model: LRM, item: RenderedObject, cache: OracleCache, fits: list, what: str
) -> None:
    oracle(model, item, "predicted", CONFIG, 0, cache)
    seed, start, config = 0, "predicted", CONFIG
    if what == "seed":
        seed = 1
    elif what == "start":
        start = "null"
    elif what == "configuration":
        config = replace(CONFIG, iterations=4)
    elif what == "data":
        item = replace(item, images=item.images * 0.5)
    else:
        state = {name: tensor + 1e-3 for name, tensor in model.state_dict().items()}
        model = LRM(model.config)
        model.load_openlrm_state_dict(state)
    oracle(model, item, start, config, seed, cache)
    assert len(fits) == 2


def test_shipped_oracles_are_read(model: LRM, item: RenderedObject, cache: OracleCache, fits: list) -> None:
    oracle(model, item, "random", CONFIG, 0, cache)
    cache.folder.rename(cache.shipped)
    oracle(model, item, "random", CONFIG, 0, cache)
    assert len(fits) == 1


def test_a_refresh_fits_each_oracle_once_more(
    model: LRM, item: RenderedObject, cache: OracleCache, fits: list
) -> None:
    oracle(model, item, "random", CONFIG, 0, cache)
    (path,) = cache.folder.iterdir()
    os.utime(path, (1000.0, 1000.0))
    refresh = replace(cache, newer_than=2000.0)
    oracle(model, item, "random", CONFIG, 0, refresh)
    oracle(model, item, "random", CONFIG, 0, refresh)
    assert len(fits) == 2


def test_a_damaged_file_is_fitted_again(model: LRM, item: RenderedObject, cache: OracleCache, fits: list) -> None:
    whole = oracle(model, item, "random", CONFIG, 0, cache)
    (path,) = cache.folder.iterdir()
    path.write_bytes(path.read_bytes()[:100])
    again = oracle(model, item, "random", CONFIG, 0, cache)
    assert len(fits) == 2
    assert torch.equal(again.planes, whole.planes)


def test_starts_and_targets(model: LRM, item: RenderedObject, cache: OracleCache, fits: list) -> None:
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


def test_bad_input(model: LRM, item: RenderedObject, cache: OracleCache) -> None:
    with pytest.raises(ValueError, match="unknown start 'zero'; expected one of predicted, random, null"):
        oracle(model, item, "zero", CONFIG, 0, cache)
    with pytest.raises(ValueError, match="disc0: expected images of 32x32 pixels for this model, found 16x16"):
        predicted_planes(model, replace(item, images=item.images[..., ::2, ::2]))
