"""The chapter on where the error lies, on records of known numbers and on a tiny model."""

import base64
import io
import re

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
import torch
import trimesh

from lrm_core.evidence import RecordKey, ResultStore
from lrm_core.evidence.claims import claim
from lrm_core.evidence.experiments.e03_surface_error import cloud_record, heat_maps
from lrm_core.evidence.experiments.e04_visibility import surface_splits
from lrm_core.evidence.live import Live
from lrm_core.evidence.oracles import OracleCache
from lrm_core.evidence.point_cloud import BINS, summary
from lrm_core.evidence.provenance import Provenance
from lrm_core.evidence.rules_visibility import LIMIT
from lrm_core.evidence.surface import Surface, SurfaceScene, surface_scene
from lrm_core.show import chapter as page
from lrm_core.show.diagnosis import surface_error, visibility
from lrm_core.show.elements import clouds, prose

POINTS, KEPT = 2000, 40
ANGLES = [0.0, 120.0, 60.0]


def known_surface(ratio: float, seed: int) -> Surface:
    """Points of a ball; those that face away from the source are `ratio` times as wrong as the 0.1 of the others."""
    points = torch.randn(POINTS, 3, generator=torch.Generator().manual_seed(seed))
    points = torch.nn.functional.normalize(points, dim=1)
    hidden = points[:, 1] > 0
    error = torch.where(hidden, 0.1 * ratio, 0.1)
    return Surface(points, (points + 1) / 2, hidden, -points[:, 1], {"reference": error, "truth": error})


def sight_record(ratio: float, seed: int) -> dict:
    """What E4 keeps of such balls, as published with half of the excess."""
    published = known_surface(1 + (ratio - 1) / 2, seed)
    splits = surface_splits(known_surface(ratio, seed), "truth")
    even = surface_splits(known_surface(1.0, seed), "truth")
    outside = {"outside": surface_splits(published, "reference"), "matter_outside": 0.4}
    return {
        "published": surface_splits(published, "reference") | outside,
        "audited": dict.fromkeys(("truth", "reference", "field"), splits)
        | {
            "oracle": even,
            "shuffled": {"mean": 1.0, "std": 0.02},
            "cameras": {
                "angle": ANGLES,
                "ratio": [ratio, 1 / ratio, None],
                "source": ratio,
                "mean": 1 / ratio,
            }
            | {"above": 1.0},
            "labels": {"true": seed != 3, "depth_buffer": 0.97, "reference": 0.9, "points": POINTS},
        },
    }


def error_record(ratio: float, seed: int) -> dict:
    """What E3 keeps of them."""
    one, generator = known_surface(ratio, seed), torch.Generator().manual_seed(seed)
    residual = torch.randn(3, 4, 8, 8, generator=generator)
    floor, matter = summary(torch.full((10,), 0.001)), torch.zeros(3, 8, 8, dtype=torch.bool)
    matter[:, 2:6] = True
    return {
        "heat": heat_maps(residual, residual / 100, matter),
        "published": cloud_record(one, "reference", KEPT, 0),
        "audited": cloud_record(one, "truth", KEPT, 0) | {"true_labels": True},
        "floor": {"published": floor, "audited": floor},
    }


@pytest.fixture
def store(tmp_path) -> ResultStore:
    """Records of four objects, whose hidden side is 1.6 to 1.9 times as wrong."""
    found = ResultStore(tmp_path / "known")
    for k in range(4):
        for name, make in (("e04_visibility", sight_record), ("e03_surface_error", error_record)):
            key = RecordKey(name, f"disc{k}", 0, "m", "d", {})
            found.put(key, make(1.6 + 0.1 * k, k), Provenance("tiny", "a", {}, 1.0))
    return found


@pytest.fixture
def chapter(make_chapter, store) -> page.Chapter:
    return make_chapter("C7", store.table("e04_visibility"))


@pytest.fixture
def errors(store) -> pd.DataFrame:
    """The records of E3."""
    return store.table("e03_surface_error")


def test_the_records_decide_as_the_rule_says(chapter):
    assert chapter.judgement.case.verdict == "metric artefact"
    assert chapter.judgement.audited.estimate == pytest.approx(1.75, rel=1e-3)


@pytest.mark.parametrize(
    "draw", [visibility.ratio_figure, visibility.angle_figure, visibility.cameras_figure]
)
def test_figures_are_described_and_give_their_data(chapter, draw):
    figure = draw(chapter)
    alt = figure.layout.meta["alt"]
    assert len(alt) > 100
    assert any(letter.isdigit() for letter in alt)
    assert not {"nan", "–"} & set(alt.lower().split())
    data = prose.figure_data(figure)
    keys = [n for n in ("panel", "quantity", "group", "object", "series", "label", "x") if n in data]
    assert not data.duplicated(keys).any()
    assert data["y" if "y" in data else "value"].notna().all()


def test_the_rows_of_the_ratios_are_the_columns_of_the_records(chapter):
    data = prose.figure_data(visibility.ratio_figure(chapter)).dropna(subset="object")
    rows = visibility.PUBLISHED | visibility.AUDITED | visibility.CONTROLS
    for column, label in rows.items():
        found = data[data["quantity"] == label].set_index("object")["value"]
        assert found.to_dict() == pytest.approx(chapter.table.set_index("object")[column].to_dict())
    figure = visibility.ratio_figure(chapter)
    marks = [trace.x[0] for trace in figure.data if trace.name == "published"]
    assert marks == [pytest.approx(1.16)] * 2
    assert {shape.x0 for shape in figure.layout.shapes} == {1.0, LIMIT}


def test_the_curves_over_the_angle_are_those_of_the_records(chapter):
    data = prose.figure_data(visibility.angle_figure(chapter))
    label = visibility.CURVES["audited.truth"][0]
    one = data[(data["series"] == label) & (data["label"] == "disc1")]
    row = chapter.table.set_index("object").loc["disc1"]
    assert one["x"].tolist() == row["audited.truth.angle.angle"]
    assert one["y"].tolist() == row["audited.truth.angle.relative"]
    assert one["y"].iloc[-1] / one["y"].iloc[0] == pytest.approx(1.7, rel=1e-3)
    mean = data[(data["series"] == label) & (data["label"] == "mean of objects")]["y"]
    assert mean.iloc[-1] / mean.iloc[0] == pytest.approx(1.75, rel=0.01)
    assert set(data[data["series"] == visibility.CURVES["audited.oracle"][0]]["label"]) == {"mean of objects"}


def test_bins_without_points_are_left_out_of_the_curves(chapter):
    lists = [[None, *values[1:]] for values in chapter.table["audited.truth.angle.relative"]]
    chapter.table["audited.truth.angle.relative"] = lists
    data = prose.figure_data(visibility.angle_figure(chapter))
    drawn = data[data["series"] == visibility.CURVES["audited.truth"][0]]
    assert drawn["x"].min() == 30
    assert drawn["y"].notna().all()


def test_other_cameras_are_drawn_in_order_of_their_angle(chapter):
    data = prose.figure_data(visibility.cameras_figure(chapter))
    one = data[data["label"] == "disc2"]
    assert one["x"].tolist() == [0, 120]  # the camera at 60 degrees has no ratio
    assert one["y"].tolist() == pytest.approx([1.8, 1 / 1.8], rel=1e-4)
    assert data[data["series"] == "as good"]["y"].tolist() == [1, 1]


def test_published_numbers_and_what_the_limit_means():
    table = visibility.published_table(claim("C7").published).set_index("object")
    assert table.loc["office"].tolist() == ["0.346", "0.401", "1.16"]
    sentence = visibility.limit_sentence()
    assert "a ratio of 1.16 says that 7.4% of all" in sentence
    assert "a ratio of 1.5, where it would be 20%" in sentence


def test_the_sentence_on_the_labels_counts_the_true_ones(chapter):
    assert "For 3 of 4 records" in visibility.labels_sentence(chapter)
    chapter.table["audited.labels.true"] = True
    assert "For every object" in visibility.labels_sentence(chapter)


def test_heat_maps_are_those_of_the_record_by_column_and_row(chapter, errors):
    for which in ("residual", "null"):
        data = prose.figure_data(surface_error.heat_figure(chapter, errors, which))
        expected = errors.set_index("object").loc["disc0", f"heat.{which}"]
        for plane, name in enumerate(("xy", "xz", "zy")):
            found = data[data["series"] == f"plane {name}"].pivot(index="y", columns="x", values="value")
            np.testing.assert_allclose(found.to_numpy(), expected[plane], atol=6e-4)


def test_the_cloud_is_that_of_the_record(chapter, errors):
    figure = surface_error.cloud_figure(chapter, errors)
    data = prose.figure_data(figure)
    assert list(data) == ["cloud", "series", "x", "y", "z", "value"]
    record = errors.set_index("object").loc["disc0"]
    for name, (title, *_) in surface_error.SERIES.items():
        mine = data[data["cloud"] == title]
        assert len(mine) == KEPT
        found = set(mine[["x", "y", "z", "value"]].itertuples(index=False, name=None))
        columns = (record[f"{name}.cloud.{column}"] for column in ("x", "y", "z", "error"))
        assert found == set(zip(*columns, strict=True))
        hidden = mine[mine["series"] == clouds.SIGHT[True][0]]
        assert (hidden["y"] > 0).all()
        assert len(hidden) == sum(record[f"{name}.cloud.hidden"])
    assert sum(trace.showlegend for trace in figure.data) == 2
    assert sum(trace.marker.showscale for trace in figure.data) == 1
    assert {(trace.marker.cmin, trace.marker.cmax) for trace in figure.data} == {(0, 0.16)}
    assert {trace.scene for trace in figure.data} == {"scene", "scene2"}
    alt = figure.layout.meta["alt"]
    assert "mean 0.1" in alt
    assert f"{POINTS} points, of which {KEPT} are drawn" in alt


def test_an_empty_cloud_is_drawn_as_nothing(chapter, errors):
    for column in ("x", "y", "z", "error", "red", "green", "blue", "hidden"):
        errors[f"published.cloud.{column}"] = [[] for _ in range(len(errors))]
    for column in ("published.mean", "published.median"):
        errors[column] = None
    errors["published.histogram"] = [[0.0] * BINS for _ in range(len(errors))]
    data = prose.figure_data(surface_error.cloud_figure(chapter, errors))
    assert set(data["cloud"]) == {surface_error.SERIES["audited"][0]}
    figure = surface_error.histogram_figure(chapter, errors)
    assert {trace.name for trace in figure.data} == {surface_error.SERIES["audited"][0]}
    assert "mean no value" in figure.layout.meta["alt"]


def test_the_links_hold_clouds_that_trimesh_reads(chapter, errors):
    links = surface_error.ply_links(chapter, errors)
    names = re.findall(r'download="([^"]+)"', links)
    assert names == ["disc0_published.ply", "disc0_audited.ply"]
    record = errors.set_index("object").loc["disc0"]
    for name, content in zip(surface_error.SERIES, re.findall(r"base64,([^\"]+)", links), strict=True):
        read = trimesh.load(io.BytesIO(base64.b64decode(content)), file_type="ply")
        np.testing.assert_allclose(read.vertices[:, 0], record[f"{name}.cloud.x"], atol=1e-6)
        assert read.colors[:, 2].tolist() == record[f"{name}.cloud.blue"]


def test_the_histogram_is_that_of_the_records(chapter, errors):
    data = prose.figure_data(surface_error.histogram_figure(chapter, errors))
    label = surface_error.SERIES["audited"][0]
    one = data[(data["series"] == label) & (data["label"] == "disc2")]
    assert one["y"].tolist() == errors.set_index("object").loc["disc2", "audited.histogram"]
    assert data[data["label"] == "disc2"].groupby("series")["y"].sum().tolist() == pytest.approx([1, 1])
    assert "left by the fit alone 0.001" in surface_error.histogram_figure(chapter, errors).layout.meta["alt"]


@pytest.mark.parametrize("make", [surface_error.numbers_table, surface_error.heat_table])
def test_tables_are_text_without_gaps(errors, make):
    table = make(errors)
    assert len(table) >= 4
    assert table.map(lambda cell: isinstance(cell, str) and "nan" not in cell and "–" not in cell).all(
        axis=None
    )


def test_the_heat_table_quotes_the_floor(errors):
    table = surface_error.heat_table(errors).set_index("quantity")["mean [95% interval]"]
    assert table["mean |ΔT| of the null oracle over that of the prediction, all texels"].startswith("0.010")


def test_objects_without_a_surface_leave_empty_figures(chapter):
    numbers = [name for name in chapter.table if name.endswith((".ratio", ".mean", ".source", ".excess"))]
    chapter.table[numbers] = None
    for name in ("published", "audited.truth", "audited.oracle"):
        chapter.table[f"{name}.angle.relative"] = [[None] * 9 for _ in range(4)]
    chapter.table["audited.cameras.ratio"] = [[None] * 3 for _ in range(4)]
    assert chapter.judgement.case.verdict == "not testable here"
    assert "in the rule): no value." in visibility.ratio_figure(chapter).layout.meta["alt"]
    assert "no object has a curve" in visibility.angle_figure(chapter).layout.meta["alt"]
    figure = visibility.cameras_figure(chapter)
    assert {trace.name for trace in figure.data} == {"as good"}
    assert len(prose.figure_data(visibility.angle_figure(chapter))) == 0


def test_records_of_another_experiment_stand_beside_those_of_the_chapter(chapter, errors, monkeypatch):
    asked = []
    monkeypatch.setattr(page, "record_all", lambda *a, **k: asked.append((a, k)))
    monkeypatch.setattr(page, "experiment_table", lambda name, *rest: errors)
    found = page.records_beside(chapter, "e03_surface_error", refresh=True)
    options = {"objects": list(chapter.groups), "device": "cpu"}
    assert asked == [(("tiny", ["e03_surface_error"], True), options)]
    assert found["object"].tolist() == [f"disc{k}" for k in range(4)]


@pytest.fixture
def own_scene(monkeypatch, tmp_path) -> list[SurfaceScene]:
    """Scenes of the chapter go to a cache of their own, and are kept."""
    made, cache = [], OracleCache(tmp_path / "scenes", tmp_path / "shipped")

    def make(*arguments):
        made.append(surface_scene(*arguments, cache))
        return made[-1]

    monkeypatch.setattr(visibility, "surface_scene", make)
    return made


def test_pictures_show_one_view_what_is_hidden_and_both_errors(chapter, own_scene):
    html = visibility.pictures(chapter)
    assert html.count("<img") == 5
    for caption in (
        "truth",
        "hidden from the source",
        "prediction",
        "error to the oracle",
        "error to the truth",
    ):
        assert f"disc0, held-out view: {caption}" in html
    view = visibility._half_hidden(own_scene[0])
    shares = [
        float((shown & ~seen).sum() / shown.sum().clamp(min=1))
        for shown, seen in zip(own_scene[0].shown(), own_scene[0].geometry.visible[1:3], strict=True)
    ]
    assert abs(shares[view] - 0.5) == min(abs(share - 0.5) for share in shares)


def test_every_cell_of_the_notebook_runs(chapter, errors, own_scene, monkeypatch, run_notebook):
    chapter.__dict__["live"] = Live({"x": 1.0}, {"x": 1.0})  # the tiny profile has no stored objects
    monkeypatch.setattr(page, "records_beside", lambda *arguments: errors)
    shown = run_notebook("07_where_the_error_lies", chapter)
    boxes = [entry.data for entry in shown if "admonition important" in str(getattr(entry, "data", ""))]
    assert len(boxes) == 1
    assert sum(isinstance(entry, go.Figure) for entry in shown) == 7
