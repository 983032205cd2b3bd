"""The ten-minute test: the best factor of a curve, the verdict, and the command."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from tiny_folder import save_square, save_tiny

from lrm_core.cli import main
from lrm_core.findings.wrong_number import best_factors, distance_sentence, published_rise
from lrm_core.measure.told_distance import FACTORS, best_told, told_rows

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
