"""How far the oracles are fitted: figures and finding hold the numbers of the records."""

import pandas as pd
import pytest

from lrm_core.show.diagnosis import oracle_length
from lrm_core.show.elements import prose

STEPS = [250, 500, 1000]
GROUPS = {"chair": "real", "cube": "procedural"}
CHAIR = {"power.high": [0.5, 0.4, 0.3], "power.low": [0.2, 0.3, 0.4], "missing": [1.0, 0.5, 0.0]}
CUBE = {"power.high": [0.7, 0.6, 0.5], "power.low": [0.2, 0.3, 0.4], "missing": [2.0, 1.5, 0.0]}


@pytest.fixture
def table() -> pd.DataFrame:
    rows = [
        {"object": name, "seed": 0, "steps": STEPS, "floor.high": [0.1, 0.2, 0.3]} | values
        for name, values in (("chair", CHAIR), ("cube", CUBE))
    ]
    return pd.DataFrame(rows)


def _series(figure, name: str) -> dict[float, float]:
    data = prose.figure_data(figure)
    mine = data[data["series"] == name]
    return dict(zip(mine["x"].astype(float), mine["y"].astype(float), strict=True))


def test_shares_of_objects_means_and_floor(table):
    figure = oracle_length.share_figure(table, 500)
    thin = [list(trace.y) for trace in figure.data if trace.name == "high band, one object"]
    assert thin == [CHAIR["power.high"], CUBE["power.high"]]
    assert _series(figure, "high band, mean") == pytest.approx({250: 0.6, 500: 0.5, 1000: 0.4})
    assert _series(figure, "low band, mean") == pytest.approx({250: 0.2, 500: 0.3, 1000: 0.4})
    floor = _series(figure, "left by the null oracle in the high band, mean")
    assert floor == pytest.approx({250: 0.1, 500: 0.2, 1000: 0.3})
    assert [note.text for note in figure.layout.annotations] == ["as in all chapters"]
    assert "0.60 after 250" in figure.layout.meta["alt"]


def test_missing_decibels(table):
    figure = oracle_length.missing_figure(table, GROUPS, 500)
    assert _series(figure, "mean") == pytest.approx({250: 1.5, 500: 1.0, 1000: 0.0})
    assert _series(figure, "procedural objects") == dict(zip(STEPS, CUBE["missing"], strict=True))


def test_finding_reads_the_last_doubling_and_both_ends(table):
    text = oracle_length.finding(table)
    assert "The longest of these fits, 1,000 steps" in text
    assert "after 500 the renders are 1.00 dB short of it" in text
    assert "from 60% of the power to 40%" in text
    assert "in 1 of 2 objects" in text
    assert "from 10% of the high-band power to 30%" in text
