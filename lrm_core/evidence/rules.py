"""The rules of the verdicts: thresholds written down before the runs, one table per claim.

A rule reads intervals over objects (95% BCa bootstrap of the mean; seeds are averaged within an object first).
Its cases are tried from the top; the first that holds is the verdict. "Above x" means that the whole interval
lies above x, "below x" that it lies below.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lrm_core.evidence.statistics import Interval

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
class Case:
    """One line of a rule: the verdict if the condition holds; `words` is the condition as the book quotes it."""

    verdict: Verdict
    words: str
    holds: Callable[[Intervals], bool]


@dataclass(frozen=True)
class Rule:
    """How one claim is judged.

    Attributes:
        claim: "C1", ...
        experiment: whose records are read.
        published: the published number that `ours` is to be compared with, from the claim's numbers.
        ours: column of the results table with the published definition.
        audited: column with the audited definition; its interval is shown.
        quantity: what the two columns are, in words.
        cases: tried from the top.
    """

    claim: str
    experiment: str
    published: Callable[[Mapping[str, Any]], float]
    ours: str
    audited: str
    quantity: str
    cases: tuple[Case, ...]

    @property
    def columns(self) -> tuple[str, str]:
        return self.ours, self.audited


def above(interval: Interval, threshold: float) -> bool:
    return interval.low > threshold


def below(interval: Interval, threshold: float) -> bool:
    return interval.high < threshold


def within(interval: Interval, low: float, high: float) -> bool:
    return interval.low > low and interval.high < high


# Fewer objects give no interval, and nothing is decided without one.
NO_INTERVAL = Case("not testable here", "fewer than 3 objects", lambda x: not x("heldout").known)
OTHERWISE = Case("not replicated", "none of the above", lambda x: True)

# C1. "Alike" and "far apart" are two statements, and both must hold.
# 1 dB: a difference that a change of seed or a longer fit makes between equally good fits.
# 0 dB: the two oracles are closer to each other, as images, than the prediction is to the truth.
# 0.3: correlation below which two triplanes share less than a tenth of their variance; published is 0.12.
# 0.7: correlation above which they share more than half of it, so that nobody would call them far apart.
ALIKE_DB, FAR, NEAR = 1.0, 0.3, 0.7
LATENT = "random_vs_predinit.channel_correlation"


def _alike(x: Intervals) -> bool:
    return within(x("alike.gap"), -ALIKE_DB, ALIKE_DB) and above(x("alike.closeness"), 0)
