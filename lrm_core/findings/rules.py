"""The rules of the verdicts: thresholds written down before the runs, one table per claim.

A rule reads intervals over objects (95% BCa bootstrap of the mean; seeds are averaged within an object
first), or over objects and seeds where a seed is a training (C10 to C13). Its cases are tried from the top;
the first that holds is the verdict. "Above x" means that the whole interval lies above x, "below x" that it
lies below. Fewer than 3 objects give no interval, hence "not testable here".
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Literal

import pandas as pd

from lrm_core.records.statistics import UNKNOWN, Interval, interval_of

Verdict = Literal[
    "replicated",
    "replicated with a different size",
    "metric artefact",
    "not replicated",
    "not testable here",
    "not measured yet",
]
Intervals = Callable[[str], Interval]


@dataclass(frozen=True)
class Condition:
    """The whole interval of a column lies between two numbers; `failed` says in words that it does not."""

    column: str
    over: float = -inf
    under: float = inf
    failed: str = ""

    def __call__(self, x: Intervals) -> bool:
        """Whether it holds."""
        interval = x(self.column)
        return interval.low > self.over and interval.high < self.under

    @property
    def code(self) -> str:
        """The comparison as a reader would write it.

        >>> Condition("floor.high", over=0.5).code
        'floor.high > 0.5'
        """
        low = f"{self.over:g} < " if self.over > -inf and self.under < inf else ""
        return low + self.column + (f" < {self.under:g}" if self.under < inf else f" > {self.over:g}")


def around(column: str, published: Collection[float], slack: float, failed: str = "") -> Condition:
    """The condition that an interval lies in the range of published numbers, with some slack on either side."""
    return Condition(column, min(published) - slack, max(published) + slack, failed)


@dataclass(frozen=True)
class Either:
    """At least one of several groups of conditions holds as a whole; `failed` says in words that none does."""

    parts: Sequence[Sequence[Condition]]
    failed: str = ""

    def __call__(self, x: Intervals) -> bool:
        """Whether one does."""
        return any(all(condition(x) for condition in part) for part in self.parts)

    @property
    def code(self) -> str:
        """The comparisons as a reader would write them."""
        return " or ".join(" and ".join(condition.code for condition in part) for part in self.parts)


Conditions = Sequence[Condition | Either]


@dataclass(frozen=True)
class Case:
    """One line of a rule: the verdict if all conditions hold, and these as the book quotes them."""

    verdict: Verdict
    words: str
    conditions: Conditions = ()

    def missed(self, x: Intervals) -> list[Condition | Either]:
        """The conditions that do not hold."""
        return [condition for condition in self.conditions if not condition(x)]


@dataclass(frozen=True)
class Rule:
    """How one claim is judged."""

    claim: str
    experiment: str  # whose records are read
    ours: str  # column of the results table with the published definition
    audited: str  # column with the audited definition; its interval is shown
    cases: tuple[Case, ...]  # tried from the top


def artefact(words: str, held: Conditions) -> Case:
    """The case of a number that its measure makes: all of these conditions hold."""
    return Case("metric artefact", words, held)


NOT_REPLICATED = Case("not replicated", "none of the above")


def graded(held: Conditions, size: Conditions, same: str, other: str) -> tuple[Case, ...]:
    """The last cases of most rules: a claim holds, by the conditions `held`, and its published `size` too; or not."""
    return (
        Case("replicated", same, [*held, *size]),
        Case("replicated with a different size", other, held),
        NOT_REPLICATED,
    )


NOT_MEASURED = Case("not measured yet", "no record")
TOO_FEW = Case("not testable here", "fewer than 3 objects")


@dataclass(frozen=True)
class Judgement:
    """What the records say about one claim: both numbers and the case that decided."""

    ours: Interval
    audited: Interval
    case: Case


def judge(rule: Rule, table: pd.DataFrame) -> Judgement:
    """Apply a rule to the table of its experiment: the first case that holds decides."""
    if table.empty:
        return Judgement(UNKNOWN, UNKNOWN, NOT_MEASURED)
    interval = partial(interval_of, table)
    ours, audited = interval(rule.ours), interval(rule.audited)
    if not audited.known:
        return Judgement(ours, audited, TOO_FEW)
    return Judgement(ours, audited, next(case for case in rule.cases if not case.missed(interval)))
