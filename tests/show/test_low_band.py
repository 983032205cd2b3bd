"""The chapter on the inside of the low band, on records of a tiny model."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
import torch

from lrm_core.evidence.claims import claim
from lrm_core.evidence.live import Live
from lrm_core.show.diagnosis import corrected, low_band
from lrm_core.show.elements import prose

LOW_TRUTH = "corrections.low.truth.improvement"


def test_published_parts_of_the_low_band_are_added_up():
    published = claim("C6").published
    table = low_band.published_table(published).set_index("corrected")
    assert table.loc["the first two, added up"].tolist() == ["63%", "29%"]
    assert table.loc["the low band, both together"].tolist() == ["77%", "53%"]
    assert "63% against 77% (stone)" in low_band.sum_sentence(published)


def test_the_parts_of_one_channel_sum_to_it(make_chapter):
    chapter = make_chapter("C6")
    data = prose.figure_data(low_band.parts_figure(chapter)).set_index(["series", "x", "y"])["value"]
    parts = {name: data[name] for name in ("residual", "its mean", "rest of low", "high")}
    total = parts["its mean"] + parts["rest of low"] + parts["high"]
    np.testing.assert_allclose(total, parts["residual"], atol=3e-3)  # figures are rounded to 1e-3
    assert parts["its mean"].nunique() == 1
    assert parts["high"].mean() == pytest.approx(0, abs=2e-3)
    residual = corrected.residual_of(chapter)[0]
    widest = residual[residual.square().mean((-2, -1)).argmax()]
    assert parts["residual"][(3, 5)] == pytest.approx(float(widest[5, 3]), abs=1e-3)


def test_the_sentence_on_both_parts_counts_the_objects_that_the_means_harm():
    columns = {LOW_TRUTH: [0.5, 0.5], "corrections.structured_low.truth.improvement": [0.5, 0.5]}
    chapter = SimpleNamespace(table=pd.DataFrame({"object": ["a", "b"]} | columns))
    assert low_band.together_sentence(chapter).startswith("In no object")
    chapter.table.loc[0, LOW_TRUTH] = 0.25
    assert low_band.together_sentence(chapter).startswith("In 1 of 2 objects both")


def test_sizes_count_all_numbers_of_the_triplane(make_chapter):
    table = low_band.sizes_table(make_chapter("C6")).set_index("corrected")
    count = {name: int(text.replace(",", "")) for name, text in table["numbers"].items()}
    assert count["channel means"] == 3 * 24
    assert count["everything: the oracle"] == 3 * 24 * 16 * 16
    assert count["the low band, both together"] + count["the high band"] == 3 * 24 * 16 * 16


def test_the_scene_ends_in_the_oracle_and_the_truth(make_chapter):
    chapter = make_chapter("C4")
    scene = corrected.live_scene(chapter, views=8)
    torch.testing.assert_close(scene.targets["truth"], chapter.item.images[[3, 7]])
    torch.testing.assert_close(scene.corrected(scene.residual), scene.targets["reference"], atol=1e-5, rtol=0)
    assert len(corrected.live_scene(chapter, views=1).before) == 1


def test_a_chapter_turns_to_another_claim_on_the_same_records_only(make_chapter):
    chapter = make_chapter("C4")
    other = chapter.on("C5")
    assert (other.claim.id, other.rule.claim) == ("C5", "C5")
    assert other.table is chapter.table
    with pytest.raises(ValueError, match=r"rests on e08_band_correction, found C6 \(e09_low_band\)"):
        chapter.on("C6")


def test_every_cell_of_the_notebook_runs(make_chapter, run_notebook):
    chapter = make_chapter("C6")
    chapter.__dict__["live"] = Live({"x": 1.0}, {"x": 1.0})  # the tiny profile has no stored objects
    shown = run_notebook("05_inside_the_low_band", chapter)
    boxes = [entry.data for entry in shown if "admonition important" in str(getattr(entry, "data", ""))]
    assert len(boxes) == 1
    assert sum(isinstance(entry, go.Figure) for entry in shown) == 3
    assert low_band.pictures(chapter).count("<img") == 6
