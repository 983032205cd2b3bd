"""The claims' numbers over models of growing quality."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrm_core.findings import ladder
from lrm_core.findings.claims import headline
from lrm_core.findings.ladder import CLAIMS, Trend, _trend
from lrm_core.page.elements.plots import panels
from lrm_core.records.statistics import bca_interval

QUALITIES = [17.0, 18.5, 19.0, 21.0]


def _numbers(slope: float, spread: float = 0.0, best: float = 0.4, objects: int = 6) -> pd.DataFrame:
    """Numbers with that mean on the best rung and that mean slope, which differs so much between objects."""
    slopes = slope + spread * np.linspace(-1, 1, objects)
    return pd.DataFrame(best + np.outer(slopes, np.array(QUALITIES) - QUALITIES[-1]), columns=QUALITIES)


@settings(max_examples=20, deadline=None)
@given(slope=st.floats(-1, 1), seed=st.integers(0, 9))
def test_the_slope_is_that_of_numpy(slope, seed):
    numbers = _numbers(slope) + np.random.default_rng(seed).normal(0, 0.1, (6, len(QUALITIES)))
    expected = np.polyfit(QUALITIES, numbers.to_numpy().T, 1)[0]
    assert _trend("C4", numbers).slope.estimate == pytest.approx(expected.mean(), abs=1e-9)


@pytest.mark.parametrize(
    ("slope", "spread", "answer"),
    [
        (0.0, 0.001, "does not move"),
        (0.05, 0.001, "moves towards"),
        (-0.05, 0.001, "moves away"),
        (0.01, 0.5, "not shown"),
    ],
)
def test_the_answer_follows_the_rule(slope, spread, answer):
    assert headline("C4") > 0.4
    assert _trend("C4", _numbers(slope, spread)).answer == answer


def test_too_few_rungs_or_objects_are_not_measured():
    assert Trend("C4").answer == "not measured yet"
    assert _trend("C4", _numbers(0.1).iloc[:, :2]).answer == "not measured yet"
    assert _trend("C4", _numbers(0.1, objects=2)).answer == "not measured yet"


@pytest.fixture
def cut(monkeypatch):
    """Records of two rungs and of the shipped model; the second rung lacks an object's spectrum, a third all."""
    names = [folder.name for folder in ladder.get_profile("rung-100").object_folders()]
    quality = {"rung-100": 17.0, "rung-300": 18.0, "mini": 21.0}

    def read(experiment: str, profile: str) -> pd.DataFrame:
        objects = names[1:] if (experiment, profile) == ("e05_residual_spectrum", "rung-300") else names
        if profile not in quality:
            return pd.DataFrame()
        values = {
            "object": objects,
            "seed": 0,
            "model.novel.psnr": quality[profile],
            "model.novel.lpips": 0.3,
        }
        return pd.DataFrame(values | {"predicted.published.high": 0.5})

    monkeypatch.setattr(ladder, "experiment_table", read)
    for cached in (ladder.qualities, ladder.trend):
        cached.cache_clear()
    yield
    for cached in (ladder.qualities, ladder.trend):
        cached.cache_clear()


def test_a_rung_that_was_cut_is_left_out_and_named(cut):
    assert list(ladder.qualities().index) == ["rung-100", "rung-300", "mini"]
    assert ladder.unmeasured() == ["rung-800", "rung-1200", "rung-2000"]
    assert list(ladder.trend("C2").numbers.columns) == [17.0, 21.0]


def test_every_panel_has_its_series_and_the_published_number():
    means = {x: bca_interval(np.array([0.1, 0.2, 0.3]) + x) for x in QUALITIES}
    numbers = {claim: {"told the truth": means, "as published": means} for claim in CLAIMS}
    published = {claim: headline(claim) for claim in CLAIMS}
    colours = {"told the truth": "real", "as published": "null"}
    figure = panels(numbers, published, "dB", colours, [19.9])
    assert len(figure.data) == 2 * len(CLAIMS)
    assert {shape.y0 for shape in figure.layout.shapes} >= set(published.values())
    assert [trace.name for trace in figure.data if trace.showlegend] == list(colours)
