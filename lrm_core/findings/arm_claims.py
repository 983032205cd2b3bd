"""What the rules of claims C10 to C14 read, from the records of the arms of fine-tuning.

The table has one row per object and seed. A number that is no mean over objects is the same in all rows. The
columns `<name>.low` and `<name>.high` hold the interval of a number over objects and seeds: another seed is another
training, and what holds for the runs that were made need not hold for the next.
"""

from collections.abc import Mapping
from math import nan
from typing import Any

import pandas as pd

from lrm_core.findings.c10 import WRONG
from lrm_core.profiles import PROFILES, PUBLISHED
from lrm_core.records.arm_tables import (
    best_rank,
    best_ranks,
    changes,
    mean_interval,
    paired,
    records,
    tidy,
    values,
    worst,
)
from lrm_core.records.arms import ARMS, MAIN_RANK, RANKS, rank_arm
from lrm_core.records.statistics import Interval, holm, interval_ends, sign_flip_p
from lrm_core.records.store import ResultStore

PUBLISHED_RANK = 8  # of the headline of claim C10
BY_SEED: Mapping[str, tuple[str, ...]] = {
    "C10": ("lora_freq", rank_arm("freq", PUBLISHED_RANK), "lora_mse_x25", "lora_freq_true_distance"),
    "C11": (*(rank_arm(loss, rank) for loss in ("mse", "freq") for rank in RANKS), "lora_mse_x25"),
    "C12": tuple(rank_arm("freq", rank) for rank in RANKS),
    "C13": ("lora_mse", "lora_freq"),
}  # the arms whose seeds a claim rests on


def claim_table(profile: str, store: ResultStore | None = None, model_hash: str | None = None) -> pd.DataFrame:
    """What the rules read, of the current records of a profile; arguments and errors as of `records`.

    Returns:
        One row per object and seed; NaN where an arm has no record of a seed. Empty if there are no records.
    """
    found = list(records(profile, store, model_hash))
    if not found:
        return pd.DataFrame()
    sizes = next((r["result"] for r in found if r["object"] == "lora_freq"), None)
    return claim_columns(tidy(found), sizes)


def told_wrong(table: pd.DataFrame, profile: str) -> pd.DataFrame:
    """A claim table with what the same arms changed in the published condition, as columns that begin with `WRONG`.

    They are NaN where the published condition of the profile has no records.
    """
    name = profile + PUBLISHED
    other = claim_table(name) if name in PROFILES else pd.DataFrame()
    other = table[:0] if other.empty else other
    renamed = {column: f"{WRONG}{column}" for column in table if column not in ("object", "seed")}
    return table.merge(other.rename(columns=renamed), on=["object", "seed"], how="left")


def claim_columns(runs: pd.DataFrame, sizes: Mapping[str, Any] | None) -> pd.DataFrame:
    """`claim_table` of a table of runs.

    Args:
        runs: of `lrm_core.records.arm_tables.tidy`.
        sizes: result of a record of adapters of rank 4, whose parameters are counted; None if there is none.
    """
    varying = _gains(runs) | _loss_differences(runs)
    objects, seeds = (pd.Index(sorted(runs[name].unique()), name=name) for name in ("object", "seed"))
    every = {name: v.reindex(index=objects, columns=seeds).stack() for name, v in (varying | _ends(runs)).items()}
    means = interval_ends({name: mean_interval(values) for name, values in varying.items()})
    table, constant = pd.DataFrame(every).reset_index(), means | _ranks(runs) | _worst(runs) | _counts(runs, sizes)
    return pd.concat([table, pd.DataFrame(constant, index=table.index)], axis=1)


def _gains(runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Relative changes by each arm, and the margins over the controls of C10."""
    columns = {f"change.{m}.{arm}": changes(runs, arm, m) for m in ("l1", "lpips") for arm in ARMS}
    columns |= {f"change.psnr.{arm}": values(runs, arm, "psnr") - values(runs, arm, "psnr", 0) for arm in ARMS}  # dB
    controls = ("lora_freq", "lora_mse_x25", "lora_freq_true_distance")
    freq, x25, true = (columns[f"change.l1.{arm}"] for arm in controls)
    published = rank_arm("freq", PUBLISHED_RANK)
    before = values(runs, published, "l1", 0)
    return columns | {
        # with the mean over the objects below the line, the mean is the change of the mean, as published
        "published.change.l1": (values(runs, published, "l1") - before) / before.mean(axis=0),
        "margin.freq_minus_x25.l1": freq - x25,
        "margin.half_minus_x25.l1": 0.5 * freq - x25,
        "margin.true_distance_minus_half.l1": true - 0.5 * freq,
    }


def _ends(runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """L1 before and after by adapters with either loss."""
    return {
        f"l1.{arm}.{end}": values(runs, arm, "l1", step)
        for arm in ("lora_mse", "lora_freq")
        for end, step in (("before", 0), ("after", None))
    }


def _loss_differences(runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """LPIPS of FreqLoss less that of MSE at each rank and on average, and less that of MSE x 25 at rank 4."""
    at = {
        rank: values(runs, rank_arm("freq", rank), "lpips") - values(runs, rank_arm("mse", rank), "lpips")
        for rank in RANKS
    }
    over_x25 = values(runs, "lora_freq", "lpips") - values(runs, "lora_mse_x25", "lpips")
    return {f"difference.lpips.r{rank}": part for rank, part in at.items()} | {
        "difference.lpips": sum(at.values()) / len(at),
        "difference.lpips.x25": over_x25,
        "margin.half_minus_x25.lpips": over_x25 - 0.5 * at[MAIN_RANK],
    }


def _ranks(runs: pd.DataFrame) -> dict[str, float]:
    """The best rank of one run and over all; the largest difference of the losses at a rank, and adjusted p value."""
    by_rank = {rank: paired(runs, rank_arm("freq", rank), rank_arm("mse", rank), "lpips") for rank in RANKS}
    complete = all(len(part) for part in by_rank.values())
    p_values = {str(rank): sign_flip_p(part) for rank, part in by_rank.items()} if complete else {}
    return {
        "best_rank.one_run": float(best_ranks(runs).get(0, nan)),
        **_with_interval("best_rank", best_rank(runs)),
        "holm.lpips": max(holm(p_values).values(), default=nan),
        "difference.lpips.largest": max(of.mean() for of in by_rank.values()) if complete else nan,
    }


def _worst(runs: pd.DataFrame) -> dict[str, float]:
    """The largest rise of an object's L1 by each arm, and by all weights beyond that by adapters.

    The `rise` of all weights and of adapters with any loss is that number without its interval.
    """
    columns: dict[str, float] = {}
    for arm in ("lora_mse", "lora_freq", rank_arm("freq", PUBLISHED_RANK), "full_mse", "full_freq"):
        columns |= _with_interval(f"worst.l1.{arm}", worst(runs, arm))
    columns["rise.l1.full_mse"] = columns["worst.l1.full_mse"]
    columns["rise.l1.adapters"] = max(columns["worst.l1.lora_mse"], columns["worst.l1.lora_freq"])
    return columns | _with_interval("worst.l1.full_minus_lora", worst(runs, "full_mse", control="lora_mse"))


def _counts(runs: pd.DataFrame, sizes: Mapping[str, Any] | None) -> dict[str, float]:
    """Shares of trained parameters in the published transformer and model; least seeds of the arms that each claim
    rests on; objects of a pair of losses."""
    count, base = runs.groupby("arm")["seed"].nunique(), sizes["base"] if sizes else {}
    return {
        **{
            f"share.base.{of}": base.get("trainable", nan) / base.get(of, nan) for of in ("transformer", "parameters")
        },
        **{f"seeds.{claim}": min(int(count.get(arm, 0)) for arm in arms) for claim, arms in BY_SEED.items()},
        "objects.C11": len(paired(runs, "lora_freq", "lora_mse_x25", "lpips")),
    }


def _with_interval(name: str, found: Interval) -> dict[str, float]:
    return {name: found.estimate} | interval_ends({name: found})
