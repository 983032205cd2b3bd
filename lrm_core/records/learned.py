"""What adapters learn from training objects that are told wrong distances: the scale, or the object?

The rules were written down before any arm was trained in the published condition. One factor for all objects is the
best that a scale can do: the mean over the training objects of true over told distance.

*Scale*: an arm learned the scale if its change of extent, after over before, told as in training, mean over the
validation objects, has its interval within `NEAR` of that factor; *a part* of it if the interval lies on the same
side of 1; else *no scale*.

*Object*: it learned the objects as well if, told the truth, the tuned model has less L1 than the untouched one
(interval below 0); it *harms* where the interval lies above 0.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

import pandas as pd

from lrm_core.measure.finetuning import object_folders
from lrm_core.profiles import get_profile
from lrm_core.records.arm_tables import mean_interval, records
from lrm_core.records.arms import ARMS
from lrm_core.records.statistics import Interval

# 0.05: a third of the published enlargement of 1.14 to 1.15, and of what is missing on average in the draw.
NEAR = 0.05


@dataclass(frozen=True)
class Learned:
    """One arm in the published condition; intervals are over objects and seeds.

    Attributes:
        arm: its name.
        factor: mean of true over told of its training objects.
        grown: extent after over before, told as in training.
        gain: relative change of L1, told as in training.
        gain_truth: the same of both models told the truth.
        only_told: relative change of L1 by telling the untouched model the truth, without any training.
    """

    arm: str
    factor: float
    grown: Interval
    gain: Interval
    gain_truth: Interval
    only_told: Interval

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
    if ARMS[arm].factor:
        return 1 / ARMS[arm].factor
    plan = get_profile(profile)
    return fmean(1 / plan.told(folder.name) for folder in object_folders(plan)[0])


def learned(profile: str) -> list[Learned]:
    """Every arm of a profile in the published condition that has records, in reading order."""
    by_arm: dict[str, list[dict[str, Any]]] = {}
    for record in records(profile):
        if all("extent" in curves for curves in record["result"]["objects"].values()):
            by_arm.setdefault(record["object"], []).append(record)
    return [summary(arm, by_arm[arm], profile) for arm in ARMS if arm in by_arm]


def summary(arm: str, found: list[Mapping[str, Any]], profile: str) -> Learned:
    """`Learned` of the records of one arm."""

    def mean(number: Callable[[Any], float]) -> Interval:
        by_seed = {
            record["seed"]: {name: number(curves) for name, curves in record["result"]["objects"].items()}
            for record in found
        }
        return mean_interval(pd.DataFrame(by_seed))

    return Learned(
        arm=arm,
        factor=training_factor(arm, profile),
        grown=mean(lambda o: o["extent"]["told"][1] / o["extent"]["told"][0]),
        gain=mean(lambda o: o["l1"][-1] / o["l1"][0] - 1),
        gain_truth=mean(lambda o: o["truth"]["l1"][1] / o["truth"]["l1"][0] - 1),
        only_told=mean(lambda o: o["truth"]["l1"][0] / o["l1"][0] - 1),
    )
