"""The chapter on a wrong source distance: its figures and its finding hold the numbers of the records."""

import pandas as pd
import pytest

from lrm_core.evidence.experiments.e17_source_distance import ENTRIES
from lrm_core.show.diagnosis import source_distance
from lrm_core.show.elements import prose

FACTORS = [0.8, 0.9, 1.0, 1.1, 1.25]
GROUPS = {"chair": "real", "cube": "procedural"}


@pytest.fixture
def table() -> pd.DataFrame:
    """Two objects whose numbers are the factor times 1 and times 3, so that their mean is twice the factor."""
    rows = []
    for name, scale in (("chair", 1.0), ("cube", 3.0)):
        values = [scale * factor for factor in FACTORS]
        made = [None if factor == 1.0 else value for factor, value in zip(FACTORS, values, strict=True)]
        row = {"object": name, "seed": 0, "factors": FACTORS}
        row |= {f"residual.{entry}": values for entry in ENTRIES}
        row |= {f"manufactured.{entry}": made for entry in ENTRIES}
        row |= {f"images.{entry}": values for entry in ("l1", "psnr", "area")}
        rows.append(row)
    return pd.DataFrame(rows)


def _series(figure, name: str) -> dict[float, float]:
    data = prose.figure_data(figure)
    mine = data[data["series"] == name]
    return dict(zip(mine["x"].astype(float), mine["y"].astype(float), strict=True))


def test_lines_are_means_over_objects_beside_the_objects(table):
    figure = source_distance.size_figure(table, GROUPS)
    assert _series(figure, "residual, mean") == pytest.approx({f: 2 * f for f in FACTORS})
    assert _series(figure, "real objects") == pytest.approx({f: f for f in FACTORS})
    assert "2.00 at 1" in figure.layout.meta["alt"]


def test_what_is_made_by_the_mismatch_has_no_value_at_the_true_distance(table):
    made = _series(source_distance.size_figure(table, GROUPS), "made by the mismatch alone, mean")
    assert made == pytest.approx({f: 2 * f for f in FACTORS if f != 1.0})
    shares = source_distance.share_figure(table, "manufactured")
    assert 1.0 not in _series(shares, "low band, by power")
    assert 1.0 in _series(source_distance.share_figure(table, "residual"), "low band, by power")


@pytest.mark.parametrize("name", ["low band, to the truth", "high band, to renders of the oracle"])
def test_corrections_are_drawn_for_every_distance(table, name):
    assert _series(source_distance.correction_figure(table), name) == pytest.approx(
        {f: 2 * f for f in FACTORS}
    )


def test_images_are_drawn_for_every_distance(table):
    figure = source_distance.image_figure(table, "area", "covered area")
    assert _series(figure, "mean") == pytest.approx({f: 2 * f for f in FACTORS})


def test_the_finding_says_the_numbers(table):
    text = source_distance.finding(table)
    assert (
        "Over 2 objects the residual is 0.80 times as large when the encoder is told 0.8 times the distance and"
        in text
    )
    assert "160% (× 0.8) and 250% (× 1.25) of its power below 0.15 × Nyquist" in text
    assert "100% (× 0.8) and 100% (× 1.25) of that of the whole" in text
    assert "by 200% when the distance is right" in text
    assert "200% when the distance is right, and 160% (× 0.8) and 250% (× 1.25) when it is wrong." in text
