"""The chapter on a second renderer: figures, table and sentences, on numbers made up here."""

import pandas as pd
import pytest

from lrm_core.evidence.renderers import CASTER, CYCLES, Comparison
from lrm_core.evidence.rules import OTHERWISE, Case
from lrm_core.evidence.statistics import bca_interval
from lrm_core.evidence.verdicts import Judgement
from lrm_core.show.diagnosis import renderers

OBJECTS = ["cc0_a", "cc0_b", "cc0_c"]
REPLICATED = Case("replicated", "always", lambda x: True)


def comparison(claim, by_cycles, case=OTHERWISE):
    values = pd.DataFrame({CASTER: [0.0, 1.0, 2.0], CYCLES: by_cycles}, index=OBJECTS)
    judged = (bca_interval(values[name].to_numpy()) for name in (CASTER, CYCLES))
    caster, cycles = (Judgement(i, i, c) for i, c in zip(judged, (OTHERWISE, case), strict=True))
    return Comparison(claim, values, caster, cycles)


@pytest.fixture
def found():
    return [
        comparison("C2", [0.1, 1.1, 2.1]),
        comparison("C4", [0.0, 1.0, 2.0], REPLICATED),
        comparison("C5", [1.5, 2.5, 3.5]),
        comparison("C6", [0.2, 1.2, 2.2]),
    ]


@pytest.fixture
def quality():
    columns = {f"{p}.{m}": [1.0, 2.0, 3.0] for p in (CASTER, CYCLES) for m in renderers.MEASURES}
    return pd.DataFrame({"object": OBJECTS} | columns | {"cycles.model.novel.psnr": [0.5, 1.5, 2.5]})


def test_the_finding_names_every_claim_once_and_by_its_answer(found, quality):
    said = renderers.finding(found, quality)
    assert "on the same 3 objects, another verdict is reached with Cycles for C4;" in said
    assert "more than objects differ for C5;" in said
    assert "no dependence on the renderer is shown for C2 and C6." in said
    assert "Not compared, for want of records or of objects with a number: C1, C3, C7, C8 and C9." in said
    assert "PSNR in novel views changes by −0.50 [−0.50, −0.50] dB" in said


def test_the_finding_says_where_few_objects_judge_otherwise_than_the_scorecard(found, quality, monkeypatch):
    monkeypatch.setattr(renderers, "stored_verdict", lambda claim, profile: found[0].caster.case.verdict)
    assert "weak evidence" not in renderers.finding(found, quality)
    monkeypatch.setattr(
        renderers,
        "stored_verdict",
        lambda claim, profile: "replicated" if claim == "C5" else "not replicated",
    )
    assert "they give C5 another verdict than the scorecard" in renderers.finding(found, quality)


def test_without_records_the_finding_says_so(quality):
    assert renderers.finding([], quality) == "There are no records of the second rendering."


def test_the_figure_has_both_renderings_of_every_claim(found):
    figure = renderers.claims_figure(found)
    drawn = [trace for trace in figure.data if list(trace.text or ()) == OBJECTS]
    assert [list(trace.x) for trace in drawn[:2]] == [[0.0, 1.0, 2.0], [0.1, 1.1, 2.1]]
    assert len(drawn) == 2 * len(found)
    assert "C5: 1.00 by the ray caster and 2.50 by Cycles." in figure.layout.meta["alt"]


def test_the_figure_of_quality_tells_the_means(quality):
    alt = renderers.quality_figure(quality).layout.meta["alt"]
    assert "PSNR in novel views (dB) 2.0 by the ray caster and 1.5 by Cycles" in alt


def test_the_table_has_verdicts_and_differences(found):
    row = renderers.comparison_table(found).iloc[2]
    assert row.tolist()[:4] == ["C5", "not replicated", "not replicated", "1.000"]
    assert row.tolist()[4:] == ["1.500 [1.500, 1.500]", "1.000", "another size"]


def test_commands_name_the_records_that_the_chapter_reads():
    said = renderers.reproduce("13_another_renderer")
    assert "--out data/mini/objects/cycles" in said
    for name in ("e00_model", "e02_basins", "e12_test_time"):
        assert f"--experiment {name}" in said


def test_pictures_show_each_renderer_and_what_the_model_makes_of_it():
    html = renderers.pictures("cpu")
    assert html.count("<img") == 6
    assert "held-out view, Cycles" in html


def test_what_is_measured_live_agrees_with_the_store(found):
    stored = renderers.live_record(renderers.records(found))
    live = renderers.live("cpu", stored)
    assert stored["object"].tolist() == ["cc0_JapaneseLantern"]
    compared = live.comparison().set_index("entry")
    assert set(compared.index) == set(renderers.LIVE_ENTRIES)
    assert compared["difference"].abs().max() < 0.01


def test_without_a_record_there_is_nothing_to_compare_with():
    assert renderers.live("cpu", pd.DataFrame()).stored is None
