"""The chapter on directions and calibrations, on records of a tiny model and on moments that are known."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
import torch

from lrm_core.evidence.claims import claim
from lrm_core.evidence.live import Live
from lrm_core.evidence.rules_isotropy import C8_OURS, PUBLISHED_SPREAD
from lrm_core.show import chapter as page
from lrm_core.show.diagnosis import calibration, isotropy, neighbourhood
from lrm_core.show.elements import prose
from lrm_core.show.findings.isotropy import levels
from lrm_core.spectral.calibration import KINDS, calibrate, moments, moments_as_lists, removed_share

PUBLISHED = claim("C8").published


def known(predicted: dict[str, torch.Tensor], reference: torch.Tensor) -> pd.DataFrame:
    """Records that hold nothing but the moments."""
    found = {name: moments_as_lists(moments(planes, reference)) for name, planes in predicted.items()}
    return pd.DataFrame(
        [
            {"object": n, "seed": 0, **{f"moments.matter.{k}": v for k, v in m.items()}}
            for n, m in found.items()
        ]
    )


@pytest.mark.parametrize("draw", [calibration.removed_figure, calibration.images_figure])
def test_figures_of_calibrations_are_described_and_give_the_records(make_chapter, calibrated, draw):
    figure = draw(make_chapter("C8"), calibrated)
    assert "nan" not in figure.layout.meta["alt"].lower()
    assert any(letter.isdigit() for letter in figure.layout.meta["alt"])
    data = prose.figure_data(figure).dropna(subset="object")
    chosen = data[
        (data["quantity"] == calibration.LABELS["channel_affine"]) & data["panel"].str.contains("all texels")
    ]
    column = {
        calibration.removed_figure: "everywhere.channel_affine.removed",
        calibration.images_figure: "everywhere.channel_affine.images.reference.improvement",
    }[draw]
    assert chosen.set_index("object")["value"].to_dict() == calibrated.set_index("object")[column].to_dict()


def test_tables_of_calibrations_are_text_without_gaps(calibrated):
    for table in (calibration.scores_table(calibrated), calibration.shared_table(calibrated)):
        assert table.map(lambda cell: isinstance(cell, str) and "nan" not in cell).all(axis=None)
    assert len(calibration.scores_table(calibrated)) == 6
    assert "1.016" in calibration.scale_sentence(calibrated)
    assert set(calibration.LIVE_ENTRIES) <= set(calibrated.columns)


def test_one_scale_for_all_is_judged_on_the_object_that_it_has_not_seen():
    """Three predictions twice too large, one right: leaving out decides what the others say."""
    reference = torch.randn(3, 2, 16, 16, generator=torch.Generator().manual_seed(0))
    noise = 0.3 * torch.randn(3, 2, 16, 16, generator=torch.Generator().manual_seed(1))
    table = known(
        {"a": 2 * reference, "b": 2 * reference, "c": 2 * reference, "d": reference + noise}, reference
    )
    found = calibration.held_out(table)
    assert list(found) == list(KINDS)
    pooled = moments(torch.cat([2 * reference] * 3, -1), torch.cat([reference] * 3, -1))
    alone = moments(reference + noise, reference)
    for kind in KINDS:
        assert found[kind]["a"] > 0.9
        assert found[kind]["d"] == pytest.approx(removed_share(alone, calibrate(pooled, kind)))
        assert found[kind]["d"] < 0
    assert calibration.held_out(table[:1]) == {kind: {} for kind in KINDS}


def test_objects_without_matter_and_tables_without_moments_are_left_out():
    reference = torch.randn(3, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    table = known({"a": 2 * reference, "b": 2 * reference}, reference)
    empty = {column: None for column in table} | {"object": "c", "seed": 0}
    more = pd.concat([table, pd.DataFrame([empty])], ignore_index=True)
    assert set(calibration.held_out(more)["scale"]) == {"a", "b"}
    assert calibration.held_out(table[["object", "seed"]]) == {kind: {} for kind in KINDS}


def test_published_changes_are_given_in_levels():
    table = isotropy.published_table(PUBLISHED).set_index("object")
    assert table.loc["stone"].tolist() == ["0.19", "0.0013", "0.7%"]
    assert table.loc["office"].tolist() == ["1.2", "0.0048", "0.4%"]
    assert levels(float("nan")) == "–"


def test_the_published_number_is_marked_where_the_published_definition_is_drawn(make_chapter):
    chapter = make_chapter("C8")
    marked = [t for t in isotropy.spread_figure(chapter).data if t.name == "published"]
    assert [list(trace.x) for trace in marked] == [[PUBLISHED_SPREAD]]
    assert marked[0].meta["quantity"].endswith("as published")
    data = prose.figure_data(isotropy.spread_figure(chapter)).dropna(subset="object")
    rows = data[data["quantity"] == marked[0].meta["quantity"]].set_index("object")["value"]
    assert rows.to_dict() == chapter.table.set_index("object")[C8_OURS].to_dict()


def test_changes_are_drawn_in_levels(make_chapter):
    chapter = make_chapter("C8")
    data = prose.figure_data(isotropy.jitter_figure(chapter)).dropna(subset="object")
    rows = data[data["quantity"] == "no direction, samples drawn anew"].set_index("object")["value"]
    expected = 255 * chapter.table.set_index("object")["published.jitter.mean"].astype(float)
    assert rows.to_dict() == pytest.approx(expected.to_dict())


def test_the_leading_curves_are_changes_over_random_ones(make_chapter):
    chapter = make_chapter("C8")
    data = prose.figure_data(isotropy.leading_figure(chapter))
    row = chapter.table.set_index("object").loc["disc1"]
    expected = np.array(row["leading.changes"]) / row["audited.random.rms.mean"]
    assert data[data["label"] == "disc1"]["y"].tolist() == pytest.approx(expected.tolist())
    assert data[data["series"] == "a random direction"]["y"].tolist() == [1.0] * 8


def test_the_live_numbers_are_those_of_the_record_as_far_as_they_are_computed(make_chapter, tables):
    chapter = make_chapter("C8")
    found = neighbourhood.live(chapter, neighbourhood.probe(chapter))
    entries = set(found.comparison()["entry"])
    assert set(neighbourhood.LIVE_ENTRIES) <= entries
    assert not [entry for entry in entries if entry.startswith(("published", "entrywise", "sweep"))]
    assert "**differs" not in prose.agreement(found)
    others = tables["C8"][tables["C8"]["object"] != "disc0"]
    assert neighbourhood.live(make_chapter("C8", others), neighbourhood.probe(chapter)).stored is None


def test_pictures_show_every_step_and_every_calibration(make_chapter):
    chapter = make_chapter("C8")
    assert neighbourhood.pictures(chapter, neighbourhood.probe(chapter)).count("<img") == 6
    assert calibration.pictures(chapter).count("<img") == 6


def test_every_cell_of_the_notebook_runs(make_chapter, calibrated, monkeypatch, run_notebook):
    chapter = make_chapter("C8")
    monkeypatch.setattr(page, "records_beside", lambda *arguments: calibrated)
    monkeypatch.setattr(calibration, "recompute", lambda *a, **k: Live({"x": 1.0, "moments": {}}, {"x": 1.0}))
    shown = run_notebook("06_jacobian_and_calibration", chapter)
    texts = [str(getattr(entry, "data", "")) for entry in shown]
    assert sum("admonition important" in text for text in texts) == 1
    assert sum(isinstance(entry, go.Figure) for entry in shown) == 7
    assert sum('download="e1' in text for text in texts) == 2
