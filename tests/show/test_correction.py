"""The chapters on band correction and on the low band, on records of a tiny model."""

from dataclasses import replace
from types import SimpleNamespace

import nbformat
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
import torch

from lrm_core.evidence.claims import claim
from lrm_core.evidence.experiments.e08_band_correction import BandCorrection
from lrm_core.evidence.live import Live
from lrm_core.paths import repository_root
from lrm_core.show import chapter as page
from lrm_core.show.diagnosis import amplification, band_controls, corrected, correction, effective, low_band
from lrm_core.show.elements import prose
from lrm_core.show.elements.style import COLOURS

LOW_TRUTH = "corrections.low.truth.improvement"


def test_a_chapter_turns_to_another_claim_on_the_same_records_only(make_chapter):
    chapter = make_chapter("C4")
    other = chapter.on("C5")
    assert (other.claim.id, other.rule.claim) == ("C5", "C5")
    assert other.table is chapter.table
    with pytest.raises(ValueError, match=r"rests on e08_band_correction, found C6 \(e09_low_band\)"):
        chapter.on("C6")


def test_the_sweep_is_drawn_by_target_and_correction(make_chapter):
    chapter = make_chapter("C4")
    figure = correction.improvement_figure(chapter)
    data = prose.figure_data(figure)
    for target, words in corrected.TARGETS.items():
        for name, (label, _, _) in correction.SERIES.items():
            lists = [values for values in chapter.table[f"sweep.{name}.{target}.improvement"]]
            chosen = data[(data["series"] == label) & (data["label"] == f"to {words}, mean")]
            assert chosen["x"].tolist() == list(BandCorrection().cutoffs)
            np.testing.assert_allclose(chosen["y"], np.mean(lists, axis=0))
    one = data[data["label"] == "to the truth, disc1"].set_index("series")["y"]
    row = chapter.table.set_index("object").loc["disc1"]
    assert one["high band corrected"].tolist() == row["sweep.high.truth.improvement"]
    assert "noise in the low band" not in one.index
    shares = data[data["series"].str.startswith("share")]["y"]
    assert shares.between(0, 1).all()


def test_bands_keep_their_colours_and_controls_are_dotted(make_chapter):
    figure = correction.improvement_figure(make_chapter("C4"))
    styles = {trace.name: (trace.line.color, trace.line.dash) for trace in figure.data}
    assert styles["low band corrected"] == (COLOURS["procedural"], "solid")
    assert styles["noise in the high band"] == (COLOURS["real"], "dot")
    assert sum(trace.showlegend for trace in figure.data) == len(styles) == 5
    assert {trace.xaxis for trace in figure.data} == {"x", "x2"}
    assert figure.layout.xaxis.type == figure.layout.xaxis2.type == "log"


def test_pictures_show_the_prediction_its_corrections_the_oracle_and_the_truth(make_chapter):
    html = correction.pictures(make_chapter("C4"))
    captions = ["prediction", "low band corrected", "high band corrected", "oracle", "truth"]
    assert [html.index(f"disc0: {caption}") for caption in captions] == sorted(
        html.index(f"disc0: {caption}") for caption in captions
    )
    assert html.count("<img") == 5
    assert low_band.pictures(make_chapter("C6")).count("<img") == 6


def test_the_scene_ends_in_the_oracle_and_the_truth(make_chapter):
    chapter = make_chapter("C4")
    scene = corrected.live_scene(chapter, views=8)
    torch.testing.assert_close(scene.targets["truth"], chapter.item.images[[3, 7]])
    torch.testing.assert_close(scene.corrected(scene.residual), scene.targets["reference"], atol=1e-5, rtol=0)
    assert len(corrected.live_scene(chapter, views=1).before) == 1


def test_the_live_record_is_that_of_the_store_without_the_noise(make_chapter):
    live = correction.live(make_chapter("C4"))
    entries = set(live.comparison()["entry"])
    assert set(correction.LIVE_ENTRIES) <= entries
    assert not [entry for entry in entries if "control" in entry or "sweep" in entry]
    assert {"amplification.published_mixture.low_minus_twice_high", "predicted.truth.lpips"} <= entries
    assert "digit for digit" in prose.agreement(live) or "agrees with" in prose.agreement(live)


def test_a_record_that_is_not_there_is_compared_with_nothing(make_chapter, tables):
    others = tables["C4"][tables["C4"]["object"] != "disc0"]
    assert correction.live(make_chapter("C4", others)).stored is None


def test_the_published_tables_give_the_ratios_of_audit_a4():
    ratios = amplification.published_ratios()
    assert ratios == pytest.approx({"stone": 162, "office": 25}, rel=0.01)
    sentence = amplification.published_sentence()
    assert "162 (stone) and 25 (office); the published range of 30 to 50 holds neither" in sentence
    assert amplification.published_table()["ratio"].tolist() == ["162", "25"]


def test_the_published_sentence_counts_the_ratios_in_the_range(monkeypatch):
    monkeypatch.setattr(amplification, "published_ratios", lambda: {"a": 40.0, "b": 60.0})
    assert "holds 1 of these 2" in amplification.published_sentence()


def test_the_mixture_of_cutoffs_amplifies_where_a_flat_renderer_does_not():
    mixture, power = amplification.flat_ratios()
    assert 0.5 < power < amplification.FLAT_LIMIT < mixture
    assert prose.number(mixture, 1) in amplification.flat_sentence()


def test_objects_without_a_ratio_leave_a_row_that_says_so(make_chapter, tables):
    table = tables["C5"].assign(
        **{"amplification.truth.ratio": None, "amplification.reference.ratio": [None, 4.0, 2.0, 3.0]}
    )
    chapter = make_chapter("C5", table)
    figure = amplification.ratio_figure(chapter)
    assert "one cutoff, power, to the truth (no value)" in {note.text for note in figure.layout.annotations}
    assert figure.layout.xaxis.type == "log"
    counts = amplification.ratio_table(chapter).set_index("definition")["objects with one"]
    assert counts["one cutoff, power, to renders of the oracle"] == "3 of 4"
    assert counts["one cutoff, power, to the truth"] == "0 of 4"


def test_thresholds_stand_at_their_place_on_the_logarithmic_axis(make_chapter):
    figure = amplification.ratio_figure(make_chapter("C5"))
    places = {note.text: note.x for note in figure.layout.annotations}
    assert places["twice"] == pytest.approx(np.log10(2))
    assert places["30"] == pytest.approx(np.log10(30))
    assert [shape.x0 for shape in figure.layout.shapes] == [2, 30, 50]


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


def test_profiles_without_records_have_no_live_comparison(make_chapter):
    chapter = replace(make_chapter("C4"), seed=1)
    assert correction.live(chapter).comparison().empty


def test_measures_are_those_of_the_records(make_chapter):
    chapter = make_chapter("C4")
    table = correction.measures_table(chapter).set_index("to the truth")
    assert list(table.index) == ["prediction", "low band corrected", "high band corrected", "oracle"]
    expected = pd.to_numeric(chapter.table["corrections.high.truth.psnr"]).mean()
    assert table.loc["high band corrected", "PSNR (dB)"] == prose.number(expected, 1)


def test_the_sentence_on_measures_sorts_them_by_the_band_that_helps_more(make_chapter):
    chapter = make_chapter("C4")
    scores = {"l1": (0.1, 0.2), "psnr": (20.0, 21.0), "ssim": (0.9, 0.8), "lpips": (0.3, 0.2)}
    given = {
        f"corrections.{band}.truth.{key}": pair[place]
        for key, pair in scores.items()
        for place, band in enumerate(("low", "high"))
    }
    said = correction.measures_sentence(replace(chapter, table=chapter.table.assign(**given)))
    assert "correcting the low band helps more by L1 and SSIM;" in said
    assert "correcting the high band helps more by PSNR (dB) and LPIPS." in said


@pytest.mark.parametrize(
    ("name", "claim_id"), [("04_band_correction", "C4"), ("05_inside_the_low_band", "C6")]
)
def test_every_cell_of_the_notebook_runs(make_chapter, tables, monkeypatch, name, claim_id):
    chapter, shown = make_chapter(claim_id), []
    beside = {effective.RESIDUAL: tables["C2"], effective.RESPONSE: tables["C3"]}
    monkeypatch.setattr(page, "records_beside", lambda chapter, experiment, refresh: beside[experiment])
    chapter.__dict__["live"] = Live({"x": 1.0}, {"x": 1.0})  # the tiny profile has no stored objects
    monkeypatch.setattr(page, "open_chapter", lambda *arguments, **options: chapter)
    monkeypatch.setattr(page, "display", shown.append)
    monkeypatch.setattr(go.Figure, "show", lambda figure: shown.append(figure))
    notebook = nbformat.read(repository_root() / "notebooks" / f"{name}.ipynb", as_version=4)
    names: dict = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            exec(cell.source, names)
    boxes = [entry.data for entry in shown if "admonition important" in str(getattr(entry, "data", ""))]
    assert len(boxes) == {"C4": 2, "C6": 1}[claim_id]
    assert sum(isinstance(entry, go.Figure) for entry in shown) == {"C4": 4, "C6": 3}[claim_id]


def test_random_parts_stand_beside_a_renderer_that_answers_in_proportion(make_chapter):
    chapter = make_chapter("C4")
    given = {
        "share.power.low": 0.36,
        "share.power.high": 0.64,
        "corrections.random_low.reference.improvement": 0.31,
        "corrections.random_high.reference.improvement": 0.71,
    }
    said = band_controls.power_sentence(replace(chapter, table=chapter.table.assign(**given)))
    assert "would be worth 20% and 40%. Taken away at random it is worth 31% and 71%" in said


def test_the_effective_error_is_share_times_response():
    bins = [0.05] * 3 + [0.1] * 7
    residuals = pd.DataFrame([{"object": n, "predicted.bins": bins} for n in ("a", "b", "x")])
    responses = pd.DataFrame(
        [{"object": n, "published.bin_shares": [0.2] * 3 + [0.4 / 7] * 7} for n in ("b", "a", "y")]
    )
    found = effective.shares(residuals, responses, 32)
    assert {name: values.shape for name, values in found.items()} == dict.fromkeys(effective.LINES, (2, 10))
    low = 3 * 0.05 * 0.2 / (3 * 0.05 * 0.2 + 7 * 0.1 * 0.4 / 7)
    assert found["product"][:, :3].sum(axis=1) == pytest.approx([low, low])
    assert found["residual"].sum(axis=1) == pytest.approx([1, 1])
    assert effective.effective_sentence(found).startswith(
        "Below 0.3 × Nyquist lie 18% of the residual's amplitude, 60% of the response and 43% of the product"
    )
    (product,) = (line for line in effective.effective_figure(found).data if "effective" in line.name)
    assert sum(product.y) == pytest.approx(1)


def test_white_noise_has_an_effective_error_that_follows_the_response():
    from lrm_core.spectral import white_noise_shares

    flat = white_noise_shares(32, effective.BIN_EDGES).tolist()
    residuals = pd.DataFrame([{"object": "a", "predicted.bins": flat}])
    responses = pd.DataFrame([{"object": "a", "published.bin_shares": [0.1] * 10}])
    found = effective.shares(residuals, responses, 32)
    assert found["flat"] == pytest.approx(found["product"])
    assert found["flat"] == pytest.approx(found["residual"])
