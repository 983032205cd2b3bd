"""Every claim on one scale: with one condition and with two, in the units of a reader."""

from math import nan

import pandas as pd
import pytest

from lrm_core.page import findings as forest
from lrm_core.page.findings import CONDITION, TRUTH, Line, Mark, strip

ROW = {
    "claim": "C4", "title": "Low band", "quantity": "improvement", "published": 0.65,
    "ours_published_definition": 0.42, "ours_low": 0.32, "ours_high": 0.5, "verdict": "not replicated",
}  # fmt: skip


@pytest.fixture
def stored(monkeypatch):
    """Sets the tables of verdicts by profile."""

    def put(**tables) -> None:
        monkeypatch.setattr(forest, "verdicts", lambda name: pd.DataFrame([tables[name.replace("-", "_")]]))
        monkeypatch.setattr(forest, "reason", lambda *of: "Why.")
        names = {TRUTH: "mini"} | ({CONDITION: "mini-published"} if len(tables) > 1 else {})
        monkeypatch.setattr(forest, "conditions", lambda profile: names)

    return put


def test_a_second_series_is_absent_where_it_was_not_measured(stored):
    stored(mini=ROW)
    (line,) = forest.lines("mini")
    assert [mark.series for mark in line.marks] == [TRUTH]
    stored(mini=ROW, mini_published=ROW | {"ours_published_definition": nan, "verdict": "not measured yet"})
    (line,) = forest.lines("mini")
    assert [mark.series for mark in line.marks] == [TRUTH]
    assert line.verdict == "not replicated"
    stored(mini=ROW, mini_published=ROW | {"verdict": "not testable here"})
    assert [mark.series for mark in forest.lines("mini")[0].marks] == [TRUTH]


def test_the_published_condition_decides_where_it_was_measured(stored):
    stored(mini=ROW, mini_published=ROW | {"ours_published_definition": 0.66, "verdict": "replicated"})
    (line,) = forest.lines("mini")
    assert [(mark.series, mark.value) for mark in line.marks] == [(TRUTH, 0.42), (CONDITION, 0.66)]
    assert line.verdict == "replicated"
    assert strip(line).count("<circle") == 2
    assert forest.legend([line]).count("<circle") == 2
    assert forest.numbers(line)[0] == "published 65%"
    assert forest.numbers(line)[2].startswith(f"{CONDITION} 66%")


def test_what_lies_beyond_the_scale_is_written_at_its_edge():
    line = Line("C12", "Rank", "rank", 4.0, (Mark(TRUTH, 32.0, 32.0, 32.0),), "not replicated", "")
    assert "8 × →" in strip(line)
    assert "circle" not in strip(line)


def test_a_negative_published_number_turns_the_interval_with_it():
    line = Line("C9", "", "", -0.4, (Mark(TRUTH, -0.5, -0.6, -0.4),), "", "")
    low, high = forest._place(1.0), forest._place(1.5)
    assert f'x1="{low}" x2="{high}"' in strip(line)


def test_a_profile_without_a_twin_has_one_condition():
    assert forest.conditions("cycles") == {TRUTH: "cycles"}
