"""Intervals over objects and seeds: of a mean, of the best of several arms, of the worst of all objects."""

from collections.abc import Callable
from math import nan

import numpy as np
from jaxtyping import Float

from lrm_core.records.statistics import FEWEST_OBJECTS, Interval

# of values (arms, ..., objects, seeds), one for each of what lies between
Statistic = Callable[[Float[np.ndarray, "arms *draws objects seeds"]], Float[np.ndarray, "*draws"]]


def crossed_bootstrap(
    values: Float[np.ndarray, "arms objects seeds"],
    statistic: Statistic,
    level: float = 0.95,
    resamples: int = 1999,
) -> Interval:
    """A statistic with its percentile interval over objects and seeds (the pigeonhole bootstrap of Owen 2007).

    Objects and seeds are crossed (a seed is the same for every object and arm), so each resample draws objects and
    seeds, and takes the same ones of every arm. The ends of the interval are values that resamples took. An extreme
    over objects never exceeds that of the sample by another draw of objects, only by one of seeds.

    Args:
        values: finite, (arms, objects, seeds).
        statistic: of the last two axes of such an array; axes between those and the arms are resamples.

    Returns:
        low and high are NaN for fewer than 3 objects.

    Raises:
        ValueError: if there is no value or one is not finite.
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


def best_of(labels: tuple[float, ...]) -> Statistic:
    """The label of the arm with the least mean over objects and seeds; the first of equals."""
    return lambda values: np.asarray(labels)[values.mean((-2, -1)).argmin(0)]


def grand_mean(values: Float[np.ndarray, "1 *draws objects seeds"]) -> Float[np.ndarray, "*draws"]:
    """The mean over objects and seeds, of one arm."""
    return values[0].mean((-2, -1))


def worst_object(values: Float[np.ndarray, "1 *draws objects seeds"]) -> Float[np.ndarray, "*draws"]:
    """The largest mean over seeds of an object, of one arm."""
    return values[0].mean(-1).max(-1)
