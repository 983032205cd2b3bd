"""The records of the arms of fine-tuning as tidy tables, and what follows from pairing them (E13 to E15).

Everything is paired by object and seed; the untouched model is step 0 of each run.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd

from lrm_core.canonical import plain
from lrm_core.measure.metrics import METRICS
from lrm_core.profiles import get_profile
from lrm_core.records.arms import ARMS, EXPERIMENT, RANKS, arm_seeds, configuration, rank_arm
from lrm_core.records.provenance import weights_hash
from lrm_core.records.statistics import UNKNOWN, Interval, Statistic, crossed_bootstrap
from lrm_core.records.store import ResultStore

COLUMNS = ("arm", "seed", "object", "group", "step", *METRICS)


def records(
    profile: str, store: ResultStore | None = None, model_hash: str | None = None
) -> Iterator[dict[str, Any]]:
    """Current records of the arms: those with the configuration and the weights of a profile.

    Args:
        store: `data/results/<profile>` if None.
        model_hash: of the weights; those that the profile has now if None. Where they are not on this machine,
            records of any one model are read.

    ValueError if the profile is unknown, a record is damaged, or the records mix models.
    """
    plan = get_profile(profile)
    wanted, models = model_hash or weights_hash(plan.model), set()
    for record in (store or ResultStore(plan.results)).records(EXPERIMENT):
        arm, seed = ARMS.get(record["object"]), record["seed"]
        if arm is None or seed not in arm_seeds(plan, arm) or wanted not in (None, record["model_hash"]):
            continue
        if record["configuration"] == plain(configuration(plan, arm, seed)):
            models.add(record["model_hash"])
            yield record
    if len(models) > 1:
        raise ValueError(f"{EXPERIMENT}: records of different weights; make them again with `lrm arms --refresh`")


def tidy(found: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Every validated step of every run in `records`: arm, seed, object, group, step, and the metrics, PSNR in dB.

    One row per arm, seed, object and step, in that order, the arms in reading order.
    """
    rows = [
        (record["object"], record["seed"], name, curves["group"], step, *(curves[m][k] for m in METRICS))
        for record in found
        for name, curves in record["result"]["objects"].items()
        for k, step in enumerate(record["result"]["steps"])
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    order = {name: number for number, name in enumerate(ARMS)}
    by = ["arm", "seed", "object", "step"]
    return table.sort_values(by, key=lambda c: c.map(order) if c.name == "arm" else c, ignore_index=True)


def values(table: pd.DataFrame, arm: str, metric: str, step: int | None = None) -> pd.DataFrame:
    """A metric at a validated step (the last one if None), one row per object and one column per seed.

    Empty where the arm has no record.
    """
    mine = table[(table["arm"] == arm) & (table["step"] == (table["step"].max() if step is None else step))]
    return mine.pivot(index="object", columns="seed", values=metric)


def changes(table: pd.DataFrame, arm: str, metric: str) -> pd.DataFrame:
    """Relative change of a metric since step 0, by object and seed as `values`."""
    return values(table, arm, metric) / values(table, arm, metric, 0) - 1


def paired(table: pd.DataFrame, arm: str, control: str, metric: str) -> pd.Series:
    """A metric of an arm less that of its control at the end, by object, averaged over the seeds that both have.

    Empty if they share no seed.
    """
    return (values(table, arm, metric) - values(table, control, metric)).mean(axis=1).dropna()


def less(after: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """The difference of two tables of objects and seeds, of the seeds that both have.

    If either side has one seed only, that one stands for every seed of the other.
    """
    if after.shape[1] == 1:
        return -before.sub(after.iloc[:, 0], axis=0)
    if before.shape[1] == 1:
        return after.sub(before.iloc[:, 0], axis=0)
    return (after - before).dropna(axis=1, how="all")


def mean_interval(table: pd.DataFrame) -> Interval:
    """The mean of a table of objects and seeds, with an interval over both; unknown where it is empty.

    Seeds without any value are left out, then objects without one of the others.
    """
    return _interval([table.dropna(axis=1, how="all").dropna()], lambda v: v[0].mean((-2, -1)))


def best_ranks(table: pd.DataFrame) -> pd.Series:
    """By seed, the rank of FreqLoss with the least mean LPIPS over the objects, of the seeds that all ranks have."""
    means = {rank: part.mean(axis=0) for rank, part in zip(RANKS, _ranked(table), strict=True)}
    return pd.DataFrame(means).idxmin(axis=1)


def best_rank(table: pd.DataFrame) -> Interval:
    """The rank of FreqLoss with the least mean LPIPS at the end, with an interval over objects and seeds.

    Unknown where a rank has no record.
    """
    return _interval(_ranked(table), lambda v: np.asarray(RANKS)[v.mean((-2, -1)).argmin(0)])


def worst(table: pd.DataFrame, arm: str, control: str | None = None) -> Interval:
    """The largest relative change of an object's L1 at the end, seeds averaged, with an interval over both.

    That of the same object and seed of a control is subtracted first, as `less` does. Unknown without a record.
    """
    changed = changes(table, arm, "l1")
    if control:
        changed = less(changed, changes(table, control, "l1"))
    return _interval([changed], lambda v: v[0].mean(-1).max(-1))


def _ranked(table: pd.DataFrame) -> list[pd.DataFrame]:
    """LPIPS at the end for each rank of FreqLoss, of the seeds that all of them have."""
    parts = [values(table, rank_arm("freq", rank), "lpips") for rank in RANKS]
    shared = reduce(pd.Index.intersection, (part.columns for part in parts))
    return [part[shared] for part in parts]


def _interval(parts: Sequence[pd.DataFrame], statistic: Statistic) -> Interval:
    """`crossed_bootstrap` of one table of objects and seeds for each arm."""
    if any(part.empty for part in parts):
        return UNKNOWN
    return crossed_bootstrap(np.stack([part.to_numpy() for part in parts]), statistic)
