"""What the arms of fine-tuning change, as tables of objects: the tidy table of runs read for the figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from statistics import stdev

import pandas as pd

from lrm_core.evidence.arm_tables import by_seed, changes, mean_interval, values
from lrm_core.evidence.statistics import Interval, bca_interval, sign_flip_p

METRICS: Mapping[str, str] = {"lpips": "LPIPS", "l1": "L1", "psnr": "PSNR (dB)", "ssim": "SSIM"}
DIGITS: Mapping[str, int] = {"lpips": 4, "l1": 4, "psnr": 2, "ssim": 4}


@dataclass(frozen=True)
class Difference:
    """A paired comparison: its table by object and by the seeds that both sides have."""

    table: pd.DataFrame

    @property
    def objects(self) -> pd.Series:
        """Difference of each object, seeds averaged."""
        return self.table.mean(axis=1).dropna()

    @property
    def seeds(self) -> pd.Series:
        """Mean over the objects for each seed."""
        return self.table.mean(axis=0)

    @property
    def interval(self) -> Interval:
        """Mean with its interval over objects and seeds; unknown if there is none."""
        return mean_interval(self.table)

    @property
    def p(self) -> float:
        """Two-sided sign-flip p value over objects."""
        return sign_flip_p(self.objects.to_numpy())

    @property
    def spread(self) -> float:
        """Standard deviation over seeds; NaN for fewer than two."""
        return stdev(self.seeds) if len(self.seeds) > 1 else nan

    @property
    def agreeing(self) -> int:
        """How many seeds differ in the direction of the mean over objects."""
        return int((self.seeds * self.objects.mean() > 0).sum())


def seeds_of(runs: pd.DataFrame, arm: str) -> list[int]:
    """Seeds of which an arm has a record."""
    return sorted(runs.loc[runs["arm"] == arm, "seed"].unique().tolist())


def measured(runs: pd.DataFrame, arms: Sequence[str]) -> list[str]:
    """Those of the arms that have a record, in the order given."""
    there = set(runs["arm"])
    return [arm for arm in arms if arm in there]


def change(runs: pd.DataFrame, arm: str, metric: str, step: int | None = None) -> Difference:
    """A metric at a step (at the end if None) less that of the untouched model."""
    return Difference(by_seed(values(runs, arm, metric, step), values(runs, arm, metric, 0)))


def relative_change(runs: pd.DataFrame, arm: str, metric: str) -> Difference:
    """Change of each object at the end over its value before."""
    return Difference(changes(runs, arm, metric))


def difference(runs: pd.DataFrame, arm: str, control: str, metric: str) -> Difference:
    """An arm's metric at the end less that of its control, paired by object and by the seeds that both have."""
    return Difference(by_seed(values(runs, arm, metric), values(runs, control, metric)))


def difference_of_changes(runs: pd.DataFrame, arm: str, control: str, metric: str) -> Difference:
    """`difference` of what two arms changed, for arms that start from different renders."""
    return Difference(
        by_seed(*(values(runs, name, metric) - values(runs, name, metric, 0) for name in (arm, control)))
    )


def baseline(runs: pd.DataFrame, arm: str, metric: str) -> Interval:
    """The untouched model on the objects of an arm, mean with interval; ValueError if the arm has no record."""
    return bca_interval(values(runs, arm, metric, 0).mean(axis=1).to_numpy())


def worsened(runs: pd.DataFrame, arm: str, metric: str) -> tuple[int, int]:
    """How many objects an arm makes worse in a metric of which less is better, and of how many."""
    changed = relative_change(runs, arm, metric).objects
    return int((changed > 0).sum()), len(changed)
