"""Figures that several chapters draw."""

import pandas as pd
import pytest
import torch

from lrm_core.data_url import data_url
from lrm_core.findings.figures import Panel, Row, Strips
from lrm_core.findings.prose import figure_data
from lrm_core.page.chapter import image_row
from lrm_core.page.elements.plots import Curve, curves, mean_lists, strips
from lrm_core.page.elements.style import COLOURS
from lrm_core.records.statistics import bca_interval

GROUPS = {"a": "real", "b": "real", "c": "procedural", "d": "procedural"}
TABLE = pd.DataFrame({"object": ["a", "a", "b", "c", "d"], "x": [1.0, 3.0, 4.0, 6.0, 9.0]})


def _named(figure, name: str) -> list:
    return [trace for trace in figure.data if trace.name == name]


def _strips(table=TABLE, **panel):
    row = Row("a quantity", "x", {"published": 5.0})
    return strips(Strips(Panel("unit", [row], **panel)), table, GROUPS, "It says so.")


def test_each_object_is_one_point_in_the_colour_of_its_group():
    figure = _strips()
    (real,), (procedural,) = _named(figure, "real object"), _named(figure, "procedural object")
    assert dict(zip(real.text, real.x, strict=True)) == {"a": 2.0, "b": 4.0}  # seeds are averaged
    assert dict(zip(procedural.text, procedural.x, strict=True)) == {"c": 6.0, "d": 9.0}
    assert real.marker.color == COLOURS["real"] != procedural.marker.color
    assert real.marker.symbol != procedural.marker.symbol


def test_mean_and_interval_are_those_of_the_statistics():
    (mean,) = _named(_strips(), "mean, 95% interval")
    expected = bca_interval([2.0, 4.0, 6.0, 9.0])
    assert mean.x[0] == expected.estimate
    assert mean.x[0] + mean.error_x.array[0] == pytest.approx(expected.high)
    assert mean.x[0] - mean.error_x.arrayminus[0] == pytest.approx(expected.low)


def test_a_column_without_values_is_said_to_have_none():
    declared = Strips(Panel("unit", [Row("b", "y"), Row("c", "missing")]))
    figure = strips(declared, TABLE.assign(y=None), GROUPS, "It says so.")
    assert [note.text for note in figure.layout.annotations] == ["b (no value)", "c (no value)"]
    assert not _named(figure, "mean, 95% interval")


def test_the_data_of_strips_says_what_every_value_is():
    panels = [
        Panel("likeness (dB)", [Row("one", "x", {"published": 5.0})]),
        Panel("share", [Row("two", "y")]),
    ]
    data = figure_data(strips(Strips(*panels), TABLE.assign(y=10 * TABLE["x"]), GROUPS, "It says so."))
    assert list(data) == ["panel", "quantity", "group", "object", "value", "low", "high"]
    objects = data.dropna(subset="object")
    assert objects[["low", "high"]].isna().all(axis=None)
    shares = objects[objects["panel"] == "share"].set_index("object")["value"]
    assert shares.to_dict() == {"a": 20, "b": 40, "c": 60, "d": 90}
    rest = data[data["object"].isna()].set_index(["panel", "quantity", "group"])
    assert rest.loc[("likeness (dB)", "one", "published"), "value"] == 5.0
    mean, expected = rest.loc[("share", "two", "mean, 95% interval")], bca_interval([20, 40, 60, 90])
    assert mean.tolist()[-3:] == pytest.approx([expected.estimate, expected.low, expected.high])


def test_marks_stand_at_their_place_on_a_logarithmic_axis():
    line = Curve("one", [0.1, 1], [1, 2], "#000000")
    figure = curves([line], ("x", "y"), "alt", log_ticks=[0.1, 1], log_y=True, marks={"edge": 0.1})
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
    assert figure.layout.shapes[0].x0 == 0.1
    assert figure.layout.annotations[0].x == pytest.approx(-1)


def test_lists_are_averaged_over_the_seeds_of_an_object():
    table = pd.DataFrame({"object": ["a", "a", "b", "c"], "y": [[1, 2], [3, 6], [5, 5], None]})
    found = mean_lists(table, "y")
    assert {name: values.tolist() for name, values in found.items()} == {"a": [2, 4], "b": [5, 5]}


def test_images_carry_their_alternative_text_and_their_pixels():
    html = image_row({"left": torch.zeros(3, 2, 2), '"right"': torch.ones(3, 2, 2)}, "a <disc>")
    assert html.count("<img") == html.count("data:image/png;base64,") == 2
    assert 'alt="a &lt;disc&gt;: &quot;right&quot;"' in html
    with pytest.raises(ValueError, match=r"expected an image \(3, H, W\), found \(1, 2, 2\)"):
        data_url(torch.zeros(1, 2, 2))
