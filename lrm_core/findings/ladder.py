"""Does it carry over? The claims' numbers on models of growing quality, and on predictions moved to their oracles.

The rule was written down before any rung had been measured.

*Rung*: a model told the truth, whose quality is its PSNR in novel views, the mean over the objects that all rungs
have. *Trend* of a claim: the least-squares slope of an object's number, by its published definition, over the
quality of the rungs, in units per dB; the mean over objects with its interval.

The number *does not move* with quality where the whole interval of the trend lies within `STEADY` of its mean on the
best rung, for each dB, either way. Else it *moves towards* the published number, or *away* from it (seen from the
best rung), where the interval does not contain 0. Else a trend is *not shown*.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import numpy as np
import pandas as pd

from lrm_core.findings.headlines import headline
from lrm_core.findings.rulebook import RULES
from lrm_core.findings.verdicts import experiment_table
from lrm_core.profiles import RUNGS, get_profile
from lrm_core.records.statistics import FEWEST_OBJECTS, UNKNOWN, Interval, bca_interval, per_object

CLAIMS = tuple(f"C{number}" for number in range(1, 9))
QUALITY, VIRTUAL = "e00_model", "virtual_quality"
EXPERIMENTS = (
    QUALITY,
    *dict.fromkeys(RULES[claim].experiment for claim in ("C2", "C4", "C6", "C7", "C3", "C8", "C1")),
)
FEWEST_RUNGS = 3
STEADY = 0.05  # of the number, for each dB: a fifth over the four dB from the first rung to the last
Answer = Literal["does not move", "moves towards", "moves away", "not shown", "not measured yet"]


@dataclass(frozen=True)
class Trend:
    """One claim's number over quality.

    Attributes:
        claim: "C1", ...
        numbers: of each object (the index) at each PSNR (the columns, growing); objects that have all.
        slope: of `numbers`, per dB.
    """

    claim: str
    numbers: pd.DataFrame = field(default_factory=pd.DataFrame)
    slope: Interval = UNKNOWN

    @property
    def answer(self) -> Answer:
        """What the rule of this module says."""
        if not self.slope.known or len(self.numbers.columns) < FEWEST_RUNGS:
            return "not measured yet"
        best = self.numbers.iloc[:, -1].mean()
        still = STEADY * abs(best)
        if -still < self.slope.low and self.slope.high < still:
            return "does not move"
        if self.slope.low <= 0 <= self.slope.high:
            return "not shown"
        return "moves towards" if (headline(self.claim) - best) * self.slope.estimate > 0 else "moves away"

    def means(self) -> dict[float, Interval]:
        """Mean over objects at each PSNR."""
        return {psnr: bca_interval(of.to_numpy()) for psnr, of in self.numbers.items()}


def rungs() -> tuple[str, ...]:
    """Profiles of the rungs, in the order of training, the shipped model last."""
    return (*(f"rung-{steps}" for steps in RUNGS), "mini")


@cache
def qualities() -> pd.DataFrame:
    """The rungs that were measured (the index), worst first: psnr (dB) and lpips in novel views, `Interval`s."""
    wanted = [folder.name for folder in get_profile(rungs()[0]).object_folders()]
    found = {}
    for name in rungs():
        table = experiment_table(QUALITY, name)
        if table.empty or not set(wanted) <= set(table["object"]):
            continue
        values = {of: per_object(table, f"model.novel.{of}")[wanted].to_numpy() for of in ("psnr", "lpips")}
        found[name] = {of: bca_interval(each) for of, each in values.items()}
    table = pd.DataFrame.from_dict(found, orient="index", columns=["psnr", "lpips"])
    return table.sort_values("psnr", key=lambda column: column.map(lambda mean: mean.estimate))


def unmeasured() -> list[str]:
    """Rungs that are left out: their run or their records were cut, or were never begun."""
    return [name for name in rungs() if name not in qualities().index]


@cache
def trend(claim: str, after: str = "") -> Trend:
    """A claim over all rungs that have its number for every object.

    Args:
        claim: of `CLAIMS`.
        after: "" told the truth, "-published" in the published condition.
    """
    rule, columns = RULES[claim], {}
    wanted = [folder.name for folder in get_profile(rungs()[0]).object_folders()]
    for name, quality in qualities().iterrows():
        table = experiment_table(rule.experiment, name + after)
        if not table.empty and set(wanted) <= set(table["object"]):
            columns[quality["psnr"].estimate] = per_object(table, rule.ours)
    return _trend(claim, pd.DataFrame(columns).reindex(wanted).dropna()) if columns else Trend(claim)


@cache
def virtual(claim: str, profile: str = "mini") -> Trend:
    """A claim over predictions that are moved towards their oracles; no trend where it does not see them."""
    table, rule = experiment_table(VIRTUAL, profile), RULES[claim]
    column = f"{rule.experiment}.{rule.ours}"
    if column not in table:
        return Trend(claim)
    psnr = np.mean(table["psnr"].tolist(), axis=0)
    values = {
        name: np.array(of, dtype=float) for name, of in zip(table["object"], table[column], strict=True)
    }
    return _trend(claim, pd.DataFrame.from_dict(values, orient="index", columns=psnr).dropna())


def _trend(claim: str, numbers: pd.DataFrame) -> Trend:
    if len(numbers) < FEWEST_OBJECTS or len(numbers.columns) < 2:
        return Trend(claim, numbers)
    quality = np.array(numbers.columns, dtype=float)
    quality = quality - quality.mean()
    slopes = numbers.to_numpy(dtype=float) @ quality / (quality @ quality)
    return Trend(claim, numbers, bca_interval(slopes))
