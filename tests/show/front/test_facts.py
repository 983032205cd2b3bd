"""The answer to the title follows the records, whichever way they fall; without records it says so."""

import xml.etree.ElementTree as ElementTree

import pandas as pd
import pytest

from lrm_core.evidence import cause
from lrm_core.evidence.cause import PATTERN
from lrm_core.evidence.statistics import UNKNOWN, Interval
from lrm_core.show.front import facts, figures

AS_PUBLISHED = {name: (share.low + share.high) / 2 for name, share in PATTERN.items()}
OTHER = {"high_share": 0.2, "low_share": 0.6, "low_correction": 0.1, "high_correction": 0.6}
SPECTRUM = {("predicted", "power"): (0.2, 0.5), ("random", "power"): (0.8, 0.1)}


def _intervals(shares):
    return {name: Interval(value, value, value, 24) for name, value in shares.items()}


@pytest.mark.parametrize(
    ("told_wrong", "told_truth", "opening"),
    [
        (AS_PUBLISHED, OTHER, "Only when the encoder is told a distance that is wrong"),
        (AS_PUBLISHED, AS_PUBLISHED, "Yes"),
        (OTHER, AS_PUBLISHED, "Only when the encoder is told the right distance"),
        (OTHER, OTHER, "Not here"),
    ],
)
def test_the_answer_is_that_of_the_records(monkeypatch, told_wrong, told_truth, opening):
    monkeypatch.setattr(facts, "wrong", lambda profile: {"at 0.8 of the true one": [told_wrong]})
    monkeypatch.setattr(facts, "pattern", lambda profile: _intervals(told_truth))
    monkeypatch.setattr(facts, "spectrum", lambda profile: SPECTRUM)
    assert facts.answer.__wrapped__("any").startswith(opening)


def test_a_pattern_that_only_the_dose_reaches_is_one_of_a_distance_far_off(monkeypatch):
    told = {facts.CONDITION: [OTHER], "at 0.8 of the true one": [AS_PUBLISHED]}
    monkeypatch.setattr(facts, "wrong", lambda profile: told)
    monkeypatch.setattr(facts, "pattern", lambda profile: _intervals(OTHER))
    monkeypatch.setattr(facts, "spectrum", lambda profile: SPECTRUM)
    said = facts.answer.__wrapped__("any")
    assert "far off: at 0.8 of the true one" in said
    assert "told as published 10% and 60%, told the truth 10% and 60%" in said


def test_the_published_condition_comes_first_where_it_was_measured(monkeypatch):
    monkeypatch.setattr(facts, "conditions", lambda profile: {facts.CONDITION: "x-published"})
    monkeypatch.setattr(facts, "dose", lambda profile: {0.8: OTHER, 1.0: OTHER})
    monkeypatch.setattr(facts, "pattern", lambda profile: _intervals(AS_PUBLISHED))
    assert [*facts.wrong("x").values()] == [[AS_PUBLISHED], [OTHER, OTHER]]
    monkeypatch.setattr(facts, "pattern", lambda profile: dict.fromkeys(PATTERN, UNKNOWN))
    assert facts.CONDITION not in facts.wrong("x")


def test_one_direction_everywhere_is_said_as_such(monkeypatch):
    monkeypatch.setattr(facts, "spectrum", lambda profile: {("predicted", "power"): (0.2, 0.5)})
    assert "fine by every reference" in facts._dependence("any")


def test_without_records_page_and_figures_say_so(monkeypatch):
    for module in (facts, cause):
        monkeypatch.setattr(module, "experiment_table", lambda *of: pd.DataFrame())
    monkeypatch.setattr(facts, "pattern", lambda profile: dict.fromkeys(PATTERN, UNKNOWN))
    assert facts.answer.__wrapped__("none") == facts.UNKNOWN_ANSWER
    assert facts.facts.__wrapped__("none").keys() == facts.FACTS.keys()
    for draw in figures.FIGURES.values():
        assert "not measured yet" in draw("none")


def test_every_small_figure_is_well_formed_and_stays_inside_its_frame():
    for draw in figures.FIGURES.values():
        picture = ElementTree.fromstring(draw("mini"))
        for part in picture:
            for coordinate, limit in (("x", figures.WIDTH), ("cx", figures.WIDTH), ("y", figures.HEIGHT)):
                assert 0 <= float(part.get(coordinate, 0)) <= limit
