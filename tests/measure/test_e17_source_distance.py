"""What a told distance does, and that the true one changes nothing; the best one, the verdict, the command."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from tiny_folder import save_square, save_tiny

from lrm_core.canonical import plain
from lrm_core.cli import main
from lrm_core.findings.wrong_number import best_factors, distance_sentence, published_rise
from lrm_core.fit.oracle import OracleFit
from lrm_core.measure import e17_source_distance as e17
from lrm_core.measure import oracles
from lrm_core.measure.e17_source_distance import FACTORS, SourceDistance, best_told, told_planes, told_rows
from lrm_core.measure.oracles import OracleConfig, predicted_planes, render_planes, split_views


@pytest.fixture
def record(model, item, monkeypatch):
    """Of an oracle that is the prediction shifted by a constant and a wave."""
    predicted = predicted_planes(model, item)
    wave = (torch.arange(16) * (2 * torch.pi * 7 / 16)).cos().expand(3, 4, 16, 16)
    shifted = OracleFit(predicted + 0.5 + 0.2 * wave, {})
    monkeypatch.setattr(oracles, "oracle", lambda *_: shifted)
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


DISTANCE = 2.3


def _rows(name: str, best: float) -> list[dict]:
    """An object whose error is a parabola in the logarithm about the best factor, and whose size follows it."""
    factors = [(factor, False) for factor in FACTORS] + [(2 / DISTANCE, True)]
    return [
        {
            "object": name,
            "distance": DISTANCE,
            "told": told,
            "published": published,
            "l1": 0.02 + np.log(told / best) ** 2,
            "extent": (told / best) ** 0.7,
        }
        for told, published in factors
    ]


def _table(*best: float) -> pd.DataFrame:
    return pd.DataFrame([row for n, factor in enumerate(best) for row in _rows(f"thing{n}", factor)])


@pytest.mark.parametrize("best", [0.78, 0.93, 1.0, 1.2, 1.27])
def test_the_best_factor_between_those_told_is_found(best):
    assert best_told(_table(best)) == pytest.approx({"l1": best, "extent": best}, rel=1e-6)


def test_a_best_factor_beyond_those_told_is_none_and_the_rise_is_against_the_truth():
    assert best_told(_table(0.5)) == {"l1": None, "extent": None}
    assert best_factors(_table(0.5, 1.0))["l1"].n == 1
    assert "left out: 1 by l1, 1 by extent" in distance_sentence(_table(0.5, 0.99, 1.01, 1.02))
    nothing_drawn = _table(1.0)
    nothing_drawn.loc[nothing_drawn["told"] < 1.1, "extent"] = None
    assert best_told(nothing_drawn)["extent"] is None
    rise = published_rise(_table(1.0, 1.0, 1.0))
    assert rise.estimate == pytest.approx(np.log(2 / DISTANCE) ** 2 / 0.02)


@pytest.mark.parametrize(
    ("best", "verdict"),
    [
        ((0.99, 1.0, 1.01, 1.02), "2 was a wrong distance for them"),
        ((0.86, 0.87, 0.88, 0.85), "2 suits this model better"),
        ((0.7, 1.2, 0.8, 1.0), "it is not shown"),
        ((1.0, 1.0), "too few objects"),
    ],
)
def test_the_verdict_follows_the_error_told_two(best, verdict):
    assert verdict in distance_sentence(_table(*best))


def test_a_model_is_told_every_factor_and_the_published_distance(model, item):
    rows = list(told_rows(model, replace(item, poses=item.poses * 1.25)))
    assert [row["told"] for row in rows] == [*FACTORS, 2 / 2.5]
    assert [row["published"] for row in rows] == [False] * len(FACTORS) + [True]
    assert len({row["l1"] for row in rows}) > 1
    with pytest.raises(ValueError, match="disc0: expected a view beside the source"):
        next(told_rows(model, item.first(1)))


def test_the_command_prints_a_table_and_a_sentence_and_writes_every_object(tmp_path):
    save_tiny(tmp_path / "tiny.safetensors")
    for seed in range(3):
        save_square(tmp_path / f"objects/square{seed}", seed, views=6)
    given = ["--model", tmp_path / "tiny.safetensors", "--out", tmp_path / "told.csv", tmp_path / "objects"]
    result = CliRunner().invoke(main, ["distance", *map(str, given)])
    assert result.exit_code == 0, result.output
    assert "3 objects: renders have the least error" in result.stdout
    assert len(pd.read_csv(tmp_path / "told.csv")) == 3 * (len(FACTORS) + 1)
