"""Whether a wrong source distance makes a published number: the same objects told the truth, and as published.

The rules of *cause* and *pattern* are those of the section "rule" in `texts/one_wrong_number.md`. They were written
down before anything was measured in the published condition (`published_factor`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import pandas as pd

from lrm_core.findings.c02 import SHARES
from lrm_core.findings.c04 import PUBLISHED as REMOVED
from lrm_core.findings.claims import headline
from lrm_core.findings.verdicts import RULES, experiment_table, tables_in_common
from lrm_core.profiles import PUBLISHED
from lrm_core.records.statistics import FEWEST_OBJECTS, UNKNOWN, Interval, bca_interval, interval_of, per_object

# 0.5: what makes more than half of a difference makes most of it.
# 0.05: around published shares and improvements, since objects, model and resolution differ; as in the rules.
MOST, SLACK = 0.5, 0.05
DOSE = "e17_source_distance"


@dataclass(frozen=True)
class Cause:
    """One claim's number by its published definition in both conditions, on the objects that both have."""

    claim: str
    published: float
    truth: Interval = UNKNOWN
    condition: Interval = UNKNOWN
    towards: Interval = UNKNOWN  # by how much the condition moves it towards the published number, paired

    @property
    def answer(self) -> str:
        """What the rule of this module says."""
        before, after = (self.published - mean.estimate for mean in (self.truth, self.condition))
        if not self.towards.known:
            return "not measured yet"
        if self.towards.low <= 0 <= self.towards.high:
            return "does not move it"
        if self.towards.high < 0:
            return "moves it away"
        if abs(after) < MOST * abs(before):
            return "makes most of the difference"
        return "moves it past" if before * after < 0 else "makes a part of the difference"


def causes(profile: str = "mini") -> list[Cause]:
    """The number of every claim told the truth and in the published condition; raises as `experiment_table`."""
    read = cache(tables_in_common)  # claims share experiments
    return [cause(claim_id, profile, read) for claim_id in RULES]


def cause(claim_id: str, profile: str, read: Callable[..., list[pd.DataFrame]] = tables_in_common) -> Cause:
    """The number of one claim in both conditions, `read` from records; raises as `causes`."""
    tables = read(RULES[claim_id].experiment, profile, profile + PUBLISHED)
    return compare(claim_id, *tables) if tables else Cause(claim_id, headline(claim_id))


def compare(claim_id: str, truth: pd.DataFrame, condition: pd.DataFrame) -> Cause:
    """The cause of a claim by any two tables of the same objects and seeds."""
    column, target = RULES[claim_id].ours, headline(claim_id)
    both = {"truth": truth, "condition": condition}
    paired = pd.DataFrame({name: per_object(table, column) for name, table in both.items()}).dropna()
    if len(paired) < FEWEST_OBJECTS or (paired.nunique() == 1).all():  # a number that is not one of objects
        return Cause(claim_id, target)
    means = {name: bca_interval(paired[name].to_numpy()) for name in paired}
    sign = 1.0 if target >= means["truth"].estimate else -1.0
    towards = bca_interval((sign * (paired["condition"] - paired["truth"])).to_numpy())
    return Cause(claim_id, target, **means, towards=towards)


@dataclass(frozen=True)
class Share:
    """One of the four shares of the pattern: where it is recorded, and the least and the greatest published one."""

    words: str
    experiment: str
    column: str
    dosed: str  # column in the records of `DOSE`, a list over what the encoder is told
    low: float
    high: float

    def met(self, value: float) -> bool:
        """Whether a mean lies in the published range, or within the slack of it."""
        return self.low - SLACK <= value <= self.high + SLACK


def _spectrum(band: str) -> Share:
    words = f"amplitude of the residual in the {band} band"
    columns = f"predicted.published.{band}", f"residual.published_{band}"
    return Share(words, "e05_residual_spectrum", *columns, min(SHARES[band]), max(SHARES[band]))


def _correction(band: str) -> Share:
    words = f"error removed by correcting the {band} band"
    columns = f"corrections.{band}.reference.improvement", f"residual.{band}_to_reference"
    return Share(words, "e08_band_correction", *columns, min(REMOVED[band]), max(REMOVED[band]))


PATTERN: Mapping[str, Share] = {
    **{f"{band}_share": _spectrum(band) for band in ("high", "low")},
    **{f"{band}_correction": _correction(band) for band in ("low", "high")},
}


def pattern(profile: str, *, like: str | None = None) -> dict[str, Interval]:
    """The four shares of the pattern in a profile; unknown where there is no record.

    Only objects and seeds that another profile, `like`, has as well are counted, where it has any.
    """
    found = {}
    for name, share in PATTERN.items():
        common = tables_in_common(share.experiment, profile, like) if like else []
        table = common[0] if common else experiment_table(share.experiment, profile)
        found[name] = UNKNOWN if table.empty else interval_of(table, share.column)
    return found


def shift(profile: str) -> dict[str, Interval]:
    """How much larger the four shares are in the published condition than told the truth, object by object."""
    found = dict.fromkeys(PATTERN, UNKNOWN)
    for name, share in PATTERN.items():
        if tables := tables_in_common(share.experiment, profile, profile + PUBLISHED):
            truth, condition = (per_object(table, share.column) for table in tables)
            found[name] = bca_interval((condition - truth).dropna().to_numpy())
    return found


def dose(profile: str) -> dict[float, dict[str, Interval]]:
    """The four shares by the factor that every object is told, against the oracle of the truth."""
    table = experiment_table(DOSE, profile)
    if table.empty:
        return {}
    shares = {name: np.array(table[share.dosed].tolist(), dtype=float) for name, share in PATTERN.items()}
    return {
        float(factor): {name: bca_interval(values[:, place]) for name, values in shares.items()}
        for place, factor in enumerate(table["factors"].iloc[0])
    }


def pattern_met(found: Mapping[str, Interval]) -> Literal["there", "nearly there", "not there"]:
    """Whether the four shares are the published ones."""
    missing = sum(not share.met(found[name].estimate) for name, share in PATTERN.items())
    return ("there", "nearly there")[missing] if missing < 2 else "not there"
