"""Figures that several chapters draw."""

import pandas as pd
import pytest
import torch

from lrm_core.data_url import data_url
from lrm_core.findings.prose import figure_data
from lrm_core.page.elements.curves import Curve, curves, mean_lists
from lrm_core.page.elements.pictures import image_row
from lrm_core.page.elements.strips import Panel, Row, strips
from lrm_core.page.elements.style import BOTTOM, COLOURS, SMALL, TITLE, TOP
from lrm_core.records.statistics import bca_interval

GROUPS = {"a": "real", "b": "real", "c": "procedural", "d": "procedural"}
TABLE = pd.DataFrame({"object": ["a", "a", "b", "c", "d"], "x": [1.0, 3.0, 4.0, 6.0, 9.0]})


def _named(figure, name: str) -> list:
    return [trace for trace in figure.data if trace.name == name]


def _strips(table=TABLE, **panel):
    row = Row("a quantity", "x", {"published": 5.0})
    return strips(table, GROUPS, [Panel("unit", [row], **panel)], "alternative text")


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


def test_two_objects_have_a_mean_but_no_interval():
    (mean,) = _named(_strips(TABLE[TABLE["object"].isin(["b", "c"])]), "mean, 95% interval")
    assert mean.x[0] == 5.0
    assert mean.error_x.array is None


def test_references_and_thresholds_are_drawn():
    figure = _strips(lines={"limit": 7.0})
    assert _named(figure, "published")[0].x[0] == 5.0
    assert [shape.x0 for shape in figure.layout.shapes] == [7.0]
    assert {"limit", "a quantity"} <= {note.text for note in figure.layout.annotations}


def test_labels_of_thresholds_lie_below_each_other_inside_the_panel():
    one, two = _strips(lines={"limit": 7.0}), _strips(lines={"limit": 7.0, "another": 7.1})
    first, second = (note.y for note in two.layout.annotations if note.text in ("limit", "another"))
    assert first < second < two.layout.yaxis.range[0]
    assert two.layout.height > one.layout.height == _strips().layout.height


def test_a_column_without_values_is_said_to_have_none():
    figure = strips(
        TABLE.assign(y=None), GROUPS, [Panel("unit", [Row("b", "y"), Row("c", "missing")])], "alt"
    )
    assert [note.text for note in figure.layout.annotations] == ["b (no value)", "c (no value)"]
    assert not _named(figure, "mean, 95% interval")


def test_the_data_of_strips_says_what_every_value_is():
    table = TABLE.assign(y=10 * TABLE["x"])
    panels = [
        Panel("likeness (dB)", [Row("same name", "x", {"published": 5.0})]),
        Panel("share", [Row("same name", "y"), Row("other name", "x")]),
    ]
    data = figure_data(strips(table, GROUPS, panels, "alternative text"))
    assert list(data) == ["panel", "quantity", "group", "object", "value", "low", "high"]

    objects = data.dropna(subset="object")
    assert objects[["low", "high"]].isna().all(axis=None)
    values = {"a": 2.0, "b": 4.0, "c": 6.0, "d": 9.0}
    names = {"real": "real object", "procedural": "procedural object"}
    assert sorted(objects.iloc[:, :5].itertuples(index=False, name=None)) == sorted(
        (panel, quantity, names[GROUPS[name]], name, factor * value)
        for panel, quantity, factor in (
            ("likeness (dB)", "same name", 1),
            ("share", "same name", 10),
            ("share", "other name", 1),
        )
        for name, value in values.items()
    )

    rest = data[data["object"].isna()].set_index(["panel", "quantity", "group"])
    assert len(rest) == 4
    assert rest.loc[("likeness (dB)", "same name", "published"), "value"] == 5.0
    mean, expected = rest.loc[("share", "same name", "mean, 95% interval")], bca_interval([20, 40, 60, 90])
    assert mean["value"] == expected.estimate
    assert (mean["low"], mean["high"]) == pytest.approx((expected.low, expected.high))


def test_names_appear_once_in_the_legend():
    lines = [Curve("one", [0, 1], [1, 2], "#000000"), Curve("one", [0, 1], [2, 3], "#000000")]
    figure = curves([*lines, Curve("two", [0, 1], [2, 3], "#000000")], ("x", "y"), "alt")
    assert [trace.showlegend for trace in figure.data] == [True, False, True]
    assert figure.data[0].legendgroup == figure.data[1].legendgroup
    mean = Curve("one", [0, 1], [2, 4], "#000000", width=3)
    figure = curves([*lines, mean], ("x", "y"), "alt")
    assert [trace.showlegend for trace in figure.data] == [False, False, True]


def test_titles_are_broken_where_a_phone_would_cut_them():
    short = curves([Curve("one", [0, 1], [1, 2], "#000000")], ("x", "y"), "alt")
    words = "error of hidden surface over that of visible surface"
    long = curves([Curve("one", [0, 1], [1, 2], "#000000")], (words, "y"), "alt")
    lines = long.layout.xaxis.title.text.split("<br>")
    assert " ".join(lines) == words
    assert max(map(len, lines)) <= TITLE
    assert len(lines) == 2
    assert short.layout.xaxis.title.text == "x"
    upright = curves([Curve("one", [0, 1], [1, 2], "#000000")], ("x", words), "alt")
    assert upright.layout.yaxis.title.text.split("<br>") == lines
    assert upright.layout.height == short.layout.height
    room = long.layout.height - short.layout.height
    assert room == long.layout.margin.b - short.layout.margin.b > 0
    assert long.layout.legend.y < short.layout.legend.y


def test_marks_stand_at_their_place_on_a_logarithmic_axis():
    line = Curve("one", [0.1, 1], [1, 2], "#000000")
    figure = curves([line], ("x", "y"), "alt", log_ticks=[0.1, 1], log_y=True, marks={"edge": 0.1})
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
    assert figure.layout.shapes[0].x0 == 0.1
    assert figure.layout.annotations[0].x == pytest.approx(-1)


def test_every_figure_has_the_common_look():
    drawn = [_strips(), curves([Curve("one", [0, 1], [1, 2], "#000000")], ("x", "y"), "alternative text")]
    for figure in drawn:
        layout = figure.layout
        assert layout.meta["alt"] == "alternative text"
        assert layout.template.layout.paper_bgcolor == "#fff"
        assert layout.template.layout.plot_bgcolor == "rgba(0, 0, 0, 0)"
        assert layout.height > TOP + 50
        assert min([layout.template.layout.font.size, SMALL]) >= 12
        assert not layout.width
    assert drawn[0].layout.height == 58 + TOP + BOTTOM


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
