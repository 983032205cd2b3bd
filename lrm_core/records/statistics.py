"""Statistics of paired measurements: the object is the unit, then the seed; views are not replicates."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isnan, nan

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import bootstrap, permutation_test

FEWEST_OBJECTS = 3
# of values (arms, ..., objects, seeds), one for each of what lies between
Statistic = Callable[[Float[np.ndarray, "arms *draws objects seeds"]], Float[np.ndarray, "*draws"]]


@dataclass(frozen=True)
class Interval:
    """Mean over n objects with its bootstrap interval; low and high are NaN where n is too small for one."""

    estimate: float
    low: float
    high: float
    n: int

    @property
    def known(self) -> bool:
        """Whether there are enough objects for an interval."""
        return self.n >= FEWEST_OBJECTS


UNKNOWN = Interval(nan, nan, nan, 0)


def per_object(table: pd.DataFrame, column: str) -> pd.Series:
    """Mean over the seeds of each object, indexed by object; objects without a value are left out."""
    return pd.to_numeric(table[column]).groupby(table["object"]).mean().dropna()


def interval_of(table: pd.DataFrame, column: str) -> Interval:
    """Mean over objects of a column with its interval; unknown where no object has a value.

    Where the table has the columns `<column>.low` and `<column>.high`, they are the interval.
    """
    values = per_object(table, column)
    if not len(values):
        return UNKNOWN
    if f"{column}.low" in table:
        low, high = table[[f"{column}.low", f"{column}.high"]].iloc[0]
        return Interval(float(values.mean()), float(low), float(high), len(values))
    return bca_interval(values.to_numpy())


def interval_ends(means: Mapping[str, Interval]) -> dict[str, float]:
    """The columns by which `interval_of` knows an interval, `<name>.low` and `<name>.high` for each name."""
    return {f"{name}.{end}": getattr(mean, end) for name, mean in means.items() for end in ("low", "high")}


def in_common(first: pd.DataFrame, second: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of two tables for the objects and seeds that both have, in the same order."""
    indexed = [table.set_index(["object", "seed"], drop=False) for table in (first, second)]
    common = indexed[0].index.intersection(indexed[1].index)
    return tuple(table.loc[common].reset_index(drop=True) for table in indexed)


def bca_interval(values: Sequence[float], resamples: int = 9999) -> Interval:
    """Bias-corrected and accelerated bootstrap interval of the mean over objects, 95% (Efron 1987).

    It collapses onto the mean if all values are equal, and is NaN for fewer than 3 objects. ValueError if there is no
    value or one is not finite.
    """
    return _interval(tuple(_finite(values).tolist()), resamples)


@lru_cache(maxsize=4096)
def _interval(values: tuple[float, ...], resamples: int) -> Interval:
    """`bca_interval`, whose samples are drawn once for the same values."""
    sample, mean = np.array(values), float(np.mean(values))
    if len(sample) < FEWEST_OBJECTS:
        return Interval(mean, nan, nan, len(sample))
    if np.ptp(sample) == 0:
        return Interval(mean, mean, mean, len(sample))
    for method in ("BCa", "percentile"):  # BCa degenerates where one value outweighs all others
        with warnings.catch_warnings(action="ignore"):
            draw = np.random.default_rng(0)
            found = bootstrap((sample,), np.mean, n_resamples=resamples, method=method, rng=draw)
        low, high = map(float, found.confidence_interval)
        if not isnan(low + high):
            break
    return Interval(mean, low, high, len(sample))


def sign_flip_p(differences: Sequence[float]) -> float:
    """Two-sided p value of the mean under random signs: all 2^n of them up to n = 16, else a sample.

    With n objects it cannot fall below 2^(1 - n). ValueError if there is no value or one is not finite.
    """
    sample = _finite(differences)
    if len(sample) == 1:  # of which scipy makes none
        return 1.0
    how = {"permutation_type": "samples", "n_resamples": 100_000, "rng": np.random.default_rng(0)}
    return float(permutation_test((sample,), np.mean, vectorized=True, **how).pvalue)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's step-down adjusted p values of one family (Holm 1979), in the order given."""
    ascending = pd.Series(p_values, dtype=float).sort_values()
    adjusted = (ascending * np.arange(len(ascending), 0, -1)).cummax().clip(upper=1)
    return {name: adjusted[name] for name in p_values}


def crossed_bootstrap(
    values: Float[np.ndarray, "arms objects seeds"], statistic: Statistic, level: float = 0.95, resamples: int = 1999
) -> Interval:
    """A statistic with its percentile interval over objects and seeds (the pigeonhole bootstrap of Owen 2007).

    Objects and seeds are crossed (a seed is the same for every object and arm), so each resample draws objects and
    seeds, and takes the same ones of every arm. The ends of the interval are values that resamples took. An extreme
    over objects never exceeds that of the sample by another draw of objects, only by one of seeds.

    The statistic is of the last two axes; axes between those and the arms are resamples. low and high are NaN for
    fewer than 3 objects. ValueError if there is no value or one is not finite.
    """
    if values.ndim != 3 or not values.size or not np.isfinite(values).all():
        raise ValueError(f"expected finite values (arms, objects, seeds), found shape {values.shape}")
    _, objects, seeds = values.shape
    estimate = float(statistic(values))
    if objects < FEWEST_OBJECTS:
        return Interval(estimate, nan, nan, objects)
    draw = np.random.default_rng(0)
    some_objects = draw.integers(objects, size=(resamples, objects, 1))
    some_seeds = draw.integers(seeds, size=(resamples, 1, seeds))
    found = statistic(values[:, some_objects, some_seeds])  # of (arms, resamples, objects, seeds)
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
    return Interval(estimate, float(low), float(high), objects)


def _finite(values: Sequence[float]) -> np.ndarray:
    sample = np.asarray(values, dtype=float)
    if sample.ndim != 1 or not len(sample) or not np.isfinite(sample).all():
        raise ValueError(f"expected finite values, one per object, found {values!r}")
    return sample
