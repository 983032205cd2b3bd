"""Two renderings of the same objects: what counts as another finding, and which objects are compared."""

from math import nan

import pandas as pd
import pytest

from lrm_core.findings import renderer, verdicts
from lrm_core.findings.renderer import CASTER, CYCLES, Comparison, compare
from lrm_core.findings.rules import Case, Judgement
from lrm_core.findings.verdicts import RULES
from lrm_core.records.statistics import Interval

NUMBER = Interval(0.5, 0.4, 0.6, 3)
OTHERWISE = Case("not replicated", "none of the above")
REPLICATED = Case("replicated", "always")


def comparison(by_cycles, case):
    values = pd.DataFrame({CASTER: [0.0, 1.0, 2.0], CYCLES: by_cycles}, index=["a", "b", "c"])
    return Comparison(values, Judgement(NUMBER, NUMBER, OTHERWISE), Judgement(NUMBER, NUMBER, case))


@pytest.mark.parametrize(
    ("shift", "case", "answer"),
    [(0.9, OTHERWISE, "the same"), (1.1, OTHERWISE, "another size"), (0.0, REPLICATED, "depends on the renderer")],
)
def test_a_size_is_another_one_beyond_the_spread_of_the_objects_and_a_verdict_outweighs_it(shift, case, answer):
    found = comparison([shift + at for at in (0.0, 1.0, 2.0)], case)
    assert found.spread == 1
    assert found.difference.estimate == pytest.approx(shift)
    assert found.answer == answer


@pytest.fixture
def stored(monkeypatch):
    """Replaces the store; its tables have the columns that the rule of C2 reads."""
    tables = {}
    monkeypatch.setattr(verdicts, "experiment_table", lambda experiment, profile: tables[profile])
    return tables


def table(values):
    columns = (RULES["C2"].audited, "predicted.published.high", "predicted.published.low", "null.ratio.high")
    return pd.DataFrame([{"object": k, "seed": 0} | dict.fromkeys(columns, v) for k, v in values.items()])


def test_only_objects_of_both_renderings_are_compared(stored, monkeypatch):
    by_caster = {"a": 0.5, "b": 0.6, "c": 0.7, "z": 0.9}
    stored |= {CASTER: table(by_caster), CYCLES: table({"b": 0.7, "a": 0.4, "c": 0.8})}
    seen = []
    monkeypatch.setattr(renderer, "judge", lambda rule, t: seen.append(set(t["object"])) or "judged")
    found = compare("C2")
    assert seen == [{"a", "b", "c"}] * 2
    assert found.values.loc["a"].tolist() == [0.5, 0.4]
    assert found.values.loc["b"].tolist() == [0.6, 0.7]


@pytest.mark.parametrize(
    "by_cycles",
    [pd.DataFrame(), table({"a": 0.4, "b": 0.5, "y": 0.6}), table({"a": 0.4, "b": 0.5, "c": nan})],
    ids=["no record", "two in common", "two numbers"],
)
def test_nothing_is_compared_on_too_few_objects(stored, by_cycles):
    stored |= {CASTER: table({"a": 0.5, "b": 0.6, "c": 0.7}), CYCLES: by_cycles}
    assert compare("C2") is None
