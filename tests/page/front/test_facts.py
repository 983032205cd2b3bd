"""The answer to the title follows the records, whichever way they fall; without records it says so."""

import xml.etree.ElementTree as ElementTree

import pandas as pd
import pytest

from lrm_core.findings import cause
from lrm_core.findings.cause import PATTERN
from lrm_core.findings.finding import sections
from lrm_core.page.front import facts
from lrm_core.records.statistics import UNKNOWN, Interval

AS_PUBLISHED = {name: (share.low + share.high) / 2 for name, share in PATTERN.items()}
OTHER = {"high_share": 0.2, "low_share": 0.6, "low_correction": 0.1, "high_correction": 0.6}


def _intervals(shares):
    return {name: Interval(value, value, value, 24) for name, value in shares.items()}


@pytest.mark.parametrize(
    ("truth", "condition", "far", "section"),
    [
        (AS_PUBLISHED, AS_PUBLISHED, AS_PUBLISHED, "there"),
        (OTHER, AS_PUBLISHED, AS_PUBLISHED, "there told as published"),
        (OTHER, OTHER, AS_PUBLISHED, "there far off"),
        (OTHER, OTHER, OTHER, "not there"),
    ],
)
def test_the_answer_is_that_of_the_records(monkeypatch, truth, condition, far, section):
    monkeypatch.setattr(facts, "conditions", lambda profile: {facts.CONDITION: "x-published"})
    monkeypatch.setattr(
        facts, "pattern", lambda name, like=None: _intervals(condition if name == "x-published" else truth)
    )
    monkeypatch.setattr(
        facts, "dose", lambda profile: {1.0: _intervals(truth), 0.7: _intervals(OTHER), 1.4: _intervals(far)}
    )
    monkeypatch.setattr(facts, "fingerprints", lambda profile: [])
    monkeypatch.setattr(facts, "less_trained", lambda found: "300" if far is OTHER else "")
    said = facts.answer.__wrapped__("x")
    assert sections("front")[section].split("{")[0] in said
    assert ("1.4 times" in said) == (section == "there far off")
    assert (sections("front")["less trained"] in said) == (far is OTHER)


def test_without_records_page_and_figures_say_so(monkeypatch):
    for module in (facts, cause):
        monkeypatch.setattr(module, "experiment_table", lambda *of: pd.DataFrame())
    monkeypatch.setattr(facts, "pattern", lambda profile: dict.fromkeys(PATTERN, UNKNOWN))
    monkeypatch.setattr(facts, "fingerprints", lambda profile: [])
    assert facts.answer.__wrapped__("none") == facts.UNKNOWN_ANSWER
    assert facts.facts.__wrapped__("none").keys() == facts.FACTS.keys()
    for draw in facts.FIGURES.values():
        assert "not measured yet" in draw("none")


def test_every_small_figure_is_well_formed_and_stays_inside_its_frame():
    for draw in facts.FIGURES.values():
        picture = ElementTree.fromstring(draw("mini"))
        for part in picture:
            for coordinate, limit in (("x", facts.WIDTH), ("cx", facts.WIDTH), ("y", facts.HEIGHT)):
                assert 0 <= float(part.get(coordinate, 0)) <= limit
