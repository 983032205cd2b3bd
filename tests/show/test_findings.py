"""Sentences about the records: they follow the verdict and quote the numbers."""

import pandas as pd
import pytest

from lrm_core.evidence.live import Live
from lrm_core.evidence.rules import C1_FEATURES, C1_MATTER, C1_OURS, RULES
from lrm_core.evidence.statistics import Interval
from lrm_core.evidence.verdicts import judge
from lrm_core.show import prose
from lrm_core.show.findings import MEANING, finding, stored_finding, stored_verdict

BASINS = {
    C1_OURS: 0.1, C1_MATTER: 0.1, C1_FEATURES: 0.1, "alike.gap": 0.2, "alike.closeness": 3.0, "path.barrier": 4.0,
    "heldout.psnr.pred": 21.0, "heldout.psnr_between.random_vs_predinit": 28.5,
}  # fmt: skip
SPECTRUM = {
    "predicted.published.low": 0.16, "predicted.published.high": 0.5, "predicted.published.high_minus_low": 0.34,
    "predicted.power.low": 0.1, "predicted.power.high": 0.6, "predicted.power.high_minus_low": 0.5,
    "floor.high": 0.03, "white_noise.published.high": 0.66, "white_noise.published.low": 0.02,
}  # fmt: skip
CASES = [
    ("C1", 0, BASINS | {C1_MATTER: 0.9}),
    ("C1", 1, BASINS),
    ("C1", 2, BASINS | {"path.barrier": 0.1}),
    ("C1", 3, BASINS | {"alike.gap": 5.0}),
    ("C2", 0, SPECTRUM | {"floor.high": 0.8}),
    ("C2", 1, SPECTRUM | {"predicted.power.high_minus_low": -0.5}),
    ("C2", 2, SPECTRUM),
    ("C2", 3, SPECTRUM | {"predicted.published.high": 0.7}),
    (
        "C2",
        4,
        SPECTRUM | {"predicted.power.high_minus_low": -0.5, "predicted.published.high_minus_low": -0.1},
    ),
]


def _table(values: dict[str, float], objects: int = 4) -> pd.DataFrame:
    return pd.DataFrame([{"object": str(index), "seed": 0} | values for index in range(objects)])


@pytest.mark.parametrize(("claim", "case", "values"), CASES)
def test_the_conclusion_is_that_of_the_case_that_decided(claim, case, values):
    table = _table(values)
    assert judge(RULES[claim], table).case is RULES[claim].cases[case]
    text = finding(claim, table)
    assert text.endswith(MEANING[claim][case])
    assert "nan" not in text
    assert "–" not in text.replace("47–52%", "").replace("15–17%", "")


def test_every_case_of_every_rule_has_a_meaning():
    assert {name: len(rule.cases) for name, rule in RULES.items()} == {k: len(v) for k, v in MEANING.items()}
    assert {(claim, case) for claim, case, _ in CASES} == {
        (name, index) for name, rule in RULES.items() for index in range(len(rule.cases))
    }


def test_the_sentences_quote_the_numbers_of_the_table():
    text = finding("C1", _table(BASINS | {C1_FEATURES: -0.25}))
    assert all(part in text for part in ("28.5 dB", "21.0 dB", "0.10 over all", "−0.25 behind", "4.0 dB"))
    assert "published: 0.12" in text
    text = finding("C2", _table(SPECTRUM))
    assert all(part in text for part in ("50% of the residual", "60% and 10%", "3.0% of that", "47–52%"))


def test_too_few_objects_and_none_are_said_to_be_so():
    assert "too few objects for a verdict: 2" in finding("C1", _table(BASINS, objects=2))
    assert finding("C2", pd.DataFrame()) == "There are no records yet."


@pytest.mark.parametrize("claim", list(RULES))
def test_the_landing_page_finds_a_verdict_and_a_sentence_for_any_profile(claim):
    for profile in ("smoke", "mini", "paper"):
        assert stored_verdict(claim, profile) in {case.verdict for case in RULES[claim].cases} | {
            "not measured yet",
            "not testable here",
        }
        assert stored_finding(claim, profile).endswith((".", "decides."))


@pytest.mark.parametrize(
    ("value", "text"), [(-0.125, "−0.12"), (-0.001, "0.00"), (1.0, "1.00"), (None, "–"), (float("nan"), "–")]
)
def test_numbers_are_written_with_a_typographic_minus(value, text):
    assert prose.number(value) == text


def test_an_interval_is_written_only_where_it_is_known():
    assert prose.mean_and_interval(Interval(0.5, -0.1, 0.9, 5)) == "0.50 [−0.10, 0.90]"
    assert prose.mean_and_interval(Interval(0.5, float("nan"), float("nan"), 2)) == "0.50"


def test_the_box_marks_the_case_that_decided_and_no_other():
    rule, table = RULES["C1"], _table(BASINS)
    box = prose.verdict_box(rule, judge(rule, table), "A <finding>.")
    assert box.count("<li>") == len(rule.cases)
    assert box.count("this one decided") == 1
    assert "<strong>held-out PSNR of the two oracles within" in box
    assert "A &lt;finding&gt;." in box
    assert "C1: replicated</p>" in box
    undecided = prose.verdict_box(rule, judge(rule, _table(BASINS, objects=1)), "x")
    assert "this one decided" not in undecided
    assert "fewer than 3 objects" in undecided


def test_agreement_names_the_number_that_differs_most():
    live = Live({"a": 1.0, "b": 20.0}, {"a": 1.001, "b": 20.01})
    assert (
        "agrees with the store: of 2 numbers, `a` differs most, 1 now against 1.001 stored"
        in prose.agreement(live)
    )
    assert "**differs from** the store" in prose.agreement(Live({"a": 1.0, "b": 20.0}, {"a": 1.0, "b": 25.0}))
    assert "All 2 numbers" in prose.agreement(Live({"a": 1.0, "b": 0.0}, {"a": 1.0, "b": 0.0}))
    assert "no stored record" in prose.agreement(Live({"a": 1.0}, None))


def test_live_numbers_stand_beside_the_stored_ones():
    table = prose.live_table(Live({"a": {"b": 1.0}}, {"a": {"b": 2.0}}), {"a.b": "label", "a.c": "none"})
    assert table.to_numpy().tolist() == [["label", "1.000", "2.000"], ["none", "–", "–"]]
