"""What adapters learn from training objects that are told wrong distances: the scale, or the object?

The rules were written down before any arm was trained in the published condition. One factor for all objects is the
best that a scale can do: the mean over the training objects of true over told distance.

*Scale*: an arm learned the scale if its change of extent, after over before, told as in training, mean over the
validation objects, has its interval within `NEAR` of that factor; *a part* of it if the interval lies on the same
side of 1; else *no scale*.

*Object*: it learned the objects as well if, told the truth, the tuned model has less L1 than the untouched one
(interval below 0); it *harms* where the interval lies above 0.

*Control*: telling the right distance, without any training, gains more than the arm if L1 of the untouched model told
the truth less L1 of the tuned model told wrong lies below 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from lrm_core.measure.arm_data import object_folders
from lrm_core.profiles import get_profile
from lrm_core.records.arm_tables import mean_interval, records
from lrm_core.records.arms import ARMS
from lrm_core.records.statistics import Interval
from lrm_core.records.store import ResultStore

# 0.05: a third of the published enlargement of 1.14 to 1.15, and of what is missing on average in the draw.
NEAR = 0.05


@dataclass(frozen=True)
class Learned:
    """One arm in the published condition; intervals are over objects and seeds.

    Attributes:
        arm: its name.
        factor: mean of true over told of its training objects.
        grown: extent after over before, told as in training.
        grown_truth: the same of both models told the truth.
        gain: relative change of L1, told as in training.
        gain_truth: the same of both models told the truth.
        only_told: relative change of L1 by telling the untouched model the truth.
        over_control: `only_told` less `gain`.
        follows: rank correlation over objects of the gain in L1 with |log| of what each was told.
    """

    arm: str
    factor: float
    grown: Interval
    grown_truth: Interval
    gain: Interval
    gain_truth: Interval
    only_told: Interval
    over_control: Interval
    follows: float

    @property
    def scale(self) -> Literal["learned the scale", "learned a part of the scale", "learned no scale"]:
        """What the rule of this module says of the size."""
        if self.factor - NEAR < self.grown.low and self.grown.high < self.factor + NEAR:
            return "learned the scale"
        same_side = self.grown.low > 1 if self.factor > 1 else self.grown.high < 1
        return "learned a part of the scale" if same_side else "learned no scale"

    @property
    def object(self) -> Literal["learned the objects", "harms", "learned nothing of the objects"]:
        """What the rule says of the rest."""
        if self.gain_truth.high < 0:
            return "learned the objects"
        return "harms" if self.gain_truth.low > 0 else "learned nothing of the objects"


def training_factor(arm: str, profile: str) -> float:
    """Mean over the training objects of the true over the told distance: the one factor that would undo it."""
    plan = get_profile(profile)
    if ARMS[arm].factor:
        return 1 / ARMS[arm].factor
    return fmean(1 / plan.told(folder.name) for folder in object_folders(plan)[0])


def learned(profile: str, *, store: ResultStore | None = None) -> list[Learned]:
    """Every arm of a profile in the published condition that has records, in reading order."""
    by_arm: dict[str, list[dict[str, Any]]] = {}
    for record in records(profile, store):
        if all("extent" in curves for curves in record["result"]["objects"].values()):
            by_arm.setdefault(record["object"], []).append(record)
    return [summary(arm, by_arm[arm], profile) for arm in ARMS if arm in by_arm]


def summary(arm: str, found: list[Mapping[str, Any]], profile: str) -> Learned:
    """`Learned` of the records of one arm."""
    plan = get_profile(profile)

    def table(number: Any) -> pd.DataFrame:
        return pd.DataFrame(
            {
                record["seed"]: {name: number(curves) for name, curves in record["result"]["objects"].items()}
                for record in found
            }
        )

    gain = table(lambda o: o["l1"][-1] / o["l1"][0] - 1)
    told = [abs(np.log(ARMS[arm].factor or plan.told(name))) for name in gain.index]
    only_told = table(lambda o: o["truth"]["l1"][0] / o["l1"][0] - 1)
    return Learned(
        arm=arm,
        factor=training_factor(arm, profile),
        grown=mean_interval(table(lambda o: o["extent"]["told"][1] / o["extent"]["told"][0])),
        grown_truth=mean_interval(table(lambda o: o["extent"]["truth"][1] / o["extent"]["truth"][0])),
        gain=mean_interval(gain),
        gain_truth=mean_interval(table(lambda o: o["truth"]["l1"][1] / o["truth"]["l1"][0] - 1)),
        only_told=mean_interval(only_told),
        over_control=mean_interval(only_told - gain),
        follows=float(spearmanr(-gain.mean(axis=1), told)[0]) if np.ptp(told) > 0 else float("nan"),
    )
