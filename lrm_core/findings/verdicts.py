"""The scorecard: every claim with its published number, ours by both definitions, and the verdict."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from math import nan
from typing import Any

import pandas as pd

from lrm_core.findings import c01, c02, c03, c04, c05, c06, c07, c08, c09, c10, c11, c12, c13, c14
from lrm_core.findings.claims import HEADLINES, claims, headline
from lrm_core.findings.finding import Finding
from lrm_core.findings.rules import Rule, judge
from lrm_core.measure.experiments import get_experiment
from lrm_core.profiles import PROFILES, PUBLISHED, get_profile
from lrm_core.records import arm_tables
from lrm_core.records.arm_tables import changes, mean_interval, paired, values, worst
from lrm_core.records.arms import ARMS, MAIN_RANK, RANKS, rank_arm
from lrm_core.records.arms import EXPERIMENT as FINETUNING
from lrm_core.records.provenance import weights_hash
from lrm_core.records.statistics import Interval, holm, in_common, interval_ends, sign_flip_p
from lrm_core.records.store import ResultStore

_MODULES = (c01, c02, c03, c04, c05, c06, c07, c08, c09, c10, c11, c12, c13, c14)
FINDINGS: dict[str, Finding] = {module.RULE.claim: module.FINDING for module in _MODULES}
RULES: dict[str, Rule] = {claim: finding.rule for claim, finding in FINDINGS.items()}
PUBLISHED_ARM = rank_arm("freq", 8)  # of the headline of claim C10
BY_SEED: Mapping[str, tuple[str, ...]] = {
    "C10": ("lora_freq", PUBLISHED_ARM, "lora_mse_x25", "lora_freq_true_distance"),
    "C11": (*(rank_arm(loss, rank) for loss in ("mse", "freq") for rank in RANKS), "lora_mse_x25"),
    "C12": tuple(rank_arm("freq", rank) for rank in RANKS),
    "C13": ("lora_mse", "lora_freq"),
}  # the arms whose seeds a claim rests on


def verdicts(
    profile: str = "mini", *, store: ResultStore | None = None, model_hash: str | None = None
) -> pd.DataFrame:
    """The scorecard of a profile; arguments and errors as of `experiment_table`.

    Returns:
        One row per claim: claim, published, ours_published_definition, audited, low, high (95% interval of
        audited over objects, and over seeds where they are trainings), verdict; then ours_low and ours_high (the
        interval of ours_published_definition), objects, title, quantity, and the rule that decided. NaN where
        nothing was measured.
    """
    read, rows = cache(experiment_table), []  # claims share experiments
    for claim_id, claim in claims().items():
        rule = RULES[claim_id]
        found = judge(rule, read(rule.experiment, profile, model_hash, store))
        rows.append(
            {
                "claim": claim_id,
                "published": headline(claim_id),
                "ours_published_definition": found.ours.estimate,
                "audited": found.audited.estimate,
                "low": found.audited.low,
                "high": found.audited.high,
                "verdict": found.case.verdict,
                "ours_low": found.ours.low,
                "ours_high": found.ours.high,
                "objects": found.audited.n,
                "title": claim["title"],
                "quantity": HEADLINES[claim_id].quantity,
                "rule": found.case.words,
            }
        )
    return pd.DataFrame(rows)


def experiment_table(
    experiment: str, profile: str, model_hash: str | None = None, store: ResultStore | None = None
) -> pd.DataFrame:
    """Current records of an experiment: those with the configuration and the weights of a profile.

    Args:
        experiment: such as "e05_residual_spectrum", or "e14_finetuning" for what the rules read of its arms.
        profile: such as "smoke", "mini", "cycles" or "paper".
        model_hash: of the weights; those that the profile has now if None. Where they are not on this machine
            (a published model that was never fetched) records of any one model are read.
        store: `data/results/<profile>` if None.

    One row per object and seed, as `ResultStore.table`; empty if there are none. ValueError if the profile is
    unknown, a record is damaged, or the records mix models.
    """
    if experiment == FINETUNING:
        found = list(arm_tables.records(profile, store, model_hash))
        sizes = next((record["result"] for record in found if record["object"] == "lora_freq"), None)
        return claim_columns(arm_tables.tidy(found), sizes) if found else pd.DataFrame()
    plan = get_profile(profile)
    configuration = asdict(get_experiment(experiment).configuration(plan))
    wanted = model_hash or weights_hash(plan.model)
    store = store or ResultStore(plan.results)
    return store.table(experiment, model_hash=wanted, configuration=configuration)


def tables_in_common(experiment: str, *profiles: str) -> list[pd.DataFrame]:
    """`experiment_table` in two profiles, of objects and seeds that both have; no table where one has no record."""
    tables = [experiment_table(experiment, profile) for profile in profiles]
    return [] if any(table.empty for table in tables) else [*in_common(*tables)]


def told_wrong(table: pd.DataFrame, profile: str) -> pd.DataFrame:
    """A table of `claim_columns` with those of the published condition, whose names begin with `c10.WRONG`.

    The latter are NaN where that has no records.
    """
    name = profile + PUBLISHED
    found = experiment_table(FINETUNING, name) if name in PROFILES else pd.DataFrame()
    other = (table[:0] if found.empty else found).set_index(["object", "seed"]).add_prefix(c10.WRONG)
    return table.join(other, on=["object", "seed"])


def claim_columns(runs: pd.DataFrame, sizes: Mapping[str, Any] | None) -> pd.DataFrame:
    """What the rules of claims C10 to C14 read of the arms of fine-tuning.

    A number that is no mean over objects is the same in all rows. The columns `<name>.low` and `<name>.high` hold the
    interval of a number over objects and seeds: another seed is another training, and what holds for the runs that
    were made need not hold for the next.

    Args:
        runs: of `lrm_core.records.arm_tables.tidy`.
        sizes: result of a record of adapters of rank 4, whose parameters are counted; None if there is none.

    Returns:
        One row per object and seed; NaN where an arm has no record of a seed.
    """
    varying = _gains(runs) | _loss_differences(runs)
    ends = {
        f"l1.{arm}.{end}": values(runs, arm, "l1", step)
        for arm in ("lora_mse", "lora_freq")
        for end, step in (("before", 0), ("after", None))
    }
    objects, seeds = (pd.Index(sorted(runs[name].unique()), name=name) for name in ("object", "seed"))
    every = {name: v.reindex(index=objects, columns=seeds).stack() for name, v in (varying | ends).items()}
    means = interval_ends({name: mean_interval(values) for name, values in varying.items()})
    table, constant = pd.DataFrame(every).reset_index(), means | _ranks(runs) | _worst(runs) | _counts(runs, sizes)
    return pd.concat([table, pd.DataFrame(constant, index=table.index)], axis=1)


def _gains(runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Relative changes by each arm, and the margins over the controls of C10."""
    columns = {f"change.{m}.{arm}": changes(runs, arm, m) for m in ("l1", "lpips") for arm in ARMS}
    columns |= {f"change.psnr.{arm}": values(runs, arm, "psnr") - values(runs, arm, "psnr", 0) for arm in ARMS}  # dB
    freq, x25, true = (columns[f"change.l1.{arm}"] for arm in BY_SEED["C10"] if arm != PUBLISHED_ARM)
    before = values(runs, PUBLISHED_ARM, "l1", 0)
    return columns | {
        # with the mean over the objects below the line, the mean is the change of the mean, as published
        "published.change.l1": (values(runs, PUBLISHED_ARM, "l1") - before) / before.mean(axis=0),
        "margin.freq_minus_x25.l1": freq - x25,
        "margin.half_minus_x25.l1": 0.5 * freq - x25,
        "margin.true_distance_minus_half.l1": true - 0.5 * freq,
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
        "best_rank.one_run": float(arm_tables.best_ranks(runs).get(0, nan)),
        **_with_interval("best_rank", arm_tables.best_rank(runs)),
        "holm.lpips": max(holm(p_values).values(), default=nan),
        "difference.lpips.largest": max(of.mean() for of in by_rank.values()) if complete else nan,
    }


def _worst(runs: pd.DataFrame) -> dict[str, float]:
    """The largest rise of an object's L1 by each arm, and by all weights beyond that by adapters.

    The `rise` of all weights and of adapters with any loss is that number without its interval.
    """
    columns: dict[str, float] = {}
    for arm in ("lora_mse", "lora_freq", PUBLISHED_ARM, "full_mse", "full_freq"):
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
