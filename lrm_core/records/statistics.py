"""Statistics of paired measurements: the object is the unit, then the seed; views are not replicates."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import nan

import numpy as np
import pandas as pd
from scipy.stats import bootstrap

EXACT_UP_TO = 16
FEWEST_OBJECTS = 3


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

    Raises:
        KeyError: if there is no such column.
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


def bca_interval(
    values: Sequence[float], level: float = 0.95, resamples: int = 9999, seed: int = 0
) -> Interval:
    """Bias-corrected and accelerated bootstrap interval of the mean (Efron 1987).

    Args:
        values: one per object; for a paired comparison the differences.
        level: coverage.
        resamples: bootstrap samples.
        seed: of the resampling.

    Returns:
        The interval collapses onto the mean if all values are equal, and is NaN for fewer than 3 objects.

    Raises:
        ValueError: if there is no value or one is not finite.
    """
    return _interval(tuple(_finite(values).tolist()), level, resamples, seed)


@lru_cache(maxsize=4096)
def _interval(values: tuple[float, ...], level: float, resamples: int, seed: int) -> Interval:
    """`bca_interval`, whose samples are drawn once for the same values."""
    sample = np.array(values)
    mean = float(sample.mean())
    if len(sample) < FEWEST_OBJECTS:
        return Interval(mean, nan, nan, len(sample))
    if np.ptp(sample) == 0:
        return Interval(mean, mean, mean, len(sample))
    low, high = _bootstrap(sample, "BCa", level, resamples, seed)
    if np.isnan([low, high]).any():  # BCa degenerates where one value outweighs all others
        low, high = _bootstrap(sample, "percentile", level, resamples, seed)
    return Interval(mean, low, high, len(sample))


def sign_flip_p(differences: Sequence[float], samples: int = 100_000, seed: int = 0) -> float:
    """Two-sided p value of the mean under random signs: all 2^n of them up to n = 16, else a sample.

    With n objects it cannot fall below 2^(1 - n).

    Raises:
        ValueError: if there is no value or one is not finite.
    """
    sample = _finite(differences)
    n = len(sample)
    if n <= EXACT_UP_TO:
        signs = np.array(list(product((1.0, -1.0), repeat=n)))
        return float(np.mean(_as_extreme(signs, sample)))
    signs = np.random.default_rng(seed).choice((1.0, -1.0), size=(samples, n))
    return float((1 + _as_extreme(signs, sample).sum()) / (1 + samples))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's step-down adjusted p values of one family (Holm 1979), in the order given."""
    ascending = sorted(p_values, key=p_values.__getitem__)
    adjusted, largest = {}, 0.0
    for rank, name in enumerate(ascending):
        largest = max(largest, min(1.0, (len(ascending) - rank) * p_values[name]))
        adjusted[name] = largest
    return {name: adjusted[name] for name in p_values}


def _as_extreme(signs: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """Whether each row of signs gives a mean at least as far from 0; equal up to rounding counts."""
    tolerance = 1e-12 * np.abs(sample).sum()
    return np.abs(signs @ sample) >= abs(sample.sum()) - tolerance


def _bootstrap(
    sample: np.ndarray, method: str, level: float, resamples: int, seed: int
) -> tuple[float, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the degenerate case is handled by the caller
        result = bootstrap(
            (sample,),
            np.mean,
            confidence_level=level,
            n_resamples=resamples,
            method=method,
            rng=np.random.default_rng(seed),
        )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def _finite(values: Sequence[float]) -> np.ndarray:
    sample = np.asarray(values, dtype=float)
    if sample.ndim != 1 or not len(sample) or not np.isfinite(sample).all():
        raise ValueError(f"expected finite values, one per object, found {values!r}")
    return sample
