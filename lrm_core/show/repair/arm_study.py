"""What the chapters on fine-tuning work with: the records of the arms, as far as they have been made."""

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

import pandas as pd

from lrm_core.evidence.arm_runs import ArmRecorder, record_arms
from lrm_core.evidence.arm_tables import records, tidy
from lrm_core.evidence.arms import ARMS, EXPERIMENT, MAIN_RANK, Arm, arm_seeds, plan_arms
from lrm_core.paths import repository_root
from lrm_core.profiles import Profile, get_profile
from lrm_core.show.elements.prose import number
from lrm_core.show.repair.arm_changes import seeds_of
from lrm_core.show.repair.arm_labels import label

MADE_WITH_THE_PAGE = "smoke"  # the one profile whose runs are short enough


@dataclass(frozen=True)
class ArmStudy:
    """The arms of a profile with what was measured of them.

    Attributes:
        plan: the profile.
        records: current ones, whole.
        runs: the same as a tidy table of the chosen objects (`arm_tables.runs`).
        device: where live computations run.
    """

    plan: Profile
    records: Sequence[dict[str, Any]]
    runs: pd.DataFrame
    device: str = "cpu"

    @cached_property
    def recorder(self) -> ArmRecorder:
        """What trains an arm, with the model and the examples."""
        return ArmRecorder(
            self.plan, self.plan.results, repository_root() / ".cache" / "finetune", self.device
        )

    def arms(self, names: Sequence[str]) -> list[Arm]:
        """Those of the names that the profile has, in the order given."""
        known = {arm.name for arm in plan_arms(self.plan)}
        return [ARMS[name] for name in names if name in known]

    def of(self, arm: str) -> list[dict[str, Any]]:
        """The records of an arm in order of their seeds."""
        return sorted((r for r in self.records if r["object"] == arm), key=lambda record: record["seed"])

    def record(self, arm: str, seed: int) -> dict[str, Any] | None:
        """The record of an arm and seed."""
        return next((record for record in self.of(arm) if record["seed"] == seed), None)

    def made(self, names: Sequence[str] | None = None, seed: int | None = None) -> pd.DataFrame:
        """One row for each object of each record, with what `show.elements.origin` says of records.

        Args:
            names: of the arms; all if None.
            seed: all if None.
        """
        revisions = {(one["object"], one["seed"]): one["provenance"]["revision"] for one in self.records}
        rows = self.runs[["arm", "seed", "object"]].drop_duplicates()
        rows = rows if names is None else rows[rows["arm"].isin(names)]
        rows = rows if seed is None else rows[rows["seed"] == seed]
        where = {"experiment": EXPERIMENT, "provenance.profile": self.plan.name}
        made_by = [revisions[key] for key in zip(rows["arm"], rows["seed"], strict=True)]
        return rows.assign(**where, **{"provenance.revision": made_by})

    def losses(self, arms: Sequence[str]) -> dict[str, list[list[float]]]:
        """Training losses of each arm that has records, one list for each seed."""
        return {arm: [one["result"]["loss"] for one in self.of(arm)] for arm in arms if self.of(arm)}

    def first_losses(self, arms: Sequence[str]) -> dict[str, list[float]]:
        """The loss of the first step of each arm, one for each seed."""
        return {arm: [one["result"]["first_loss"] for one in self.of(arm)] for arm in arms}

    def missing(self, names: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Seeds that there are and seeds that there should be, for the arms that lack some."""
        counts = {
            arm.name: (len(seeds_of(self.runs, arm.name)), len(arm_seeds(self.plan, arm)))
            for arm in self.arms(names)
        }
        return {name: count for name, count in counts.items() if count[0] < count[1]}


def open_study(
    profile: str, *, objects: Sequence[str] | None = None, refresh: bool = False, device: str = "cpu"
) -> ArmStudy:
    """Load the records of the arms; only the profile `smoke` makes those that are missing.

    Args:
        profile: "smoke", "mini" or "paper".
        objects: names of validation objects to show; all if None.
        refresh: make the records again, where they are made here at all.
        device: "cpu" or "cuda".

    Raises:
        ValueError: if the profile is unknown.
        FileNotFoundError: if the model or the objects are missing.
    """
    plan = get_profile(profile)
    if profile == MADE_WITH_THE_PAGE:
        with redirect_stdout(sys.stderr):
            record_arms(profile, refresh=refresh, device=device)
    found = list(records(profile))
    table = tidy(iter(found))
    chosen = table if objects is None else table[table["object"].isin(objects)]
    return ArmStudy(plan, found, chosen.reset_index(drop=True), device)


def measured_sentence(study: ArmStudy, names: Sequence[str]) -> str:
    """How many seeds of which arms there are, and what rank they have, as Markdown."""
    wanted, lacking = study.arms(names), study.missing(names)
    where = f"on {study.runs['object'].nunique()} validation objects"
    rank = f" Adapters have rank {MAIN_RANK} where their name gives no other."
    small = rank + (
        f" The profile `{study.plan.name}` has {len(wanted)} of the {len(names)} arms of this chapter."
        if len(wanted) < len(names)
        else ""
    )
    if not lacking:
        return f"All {len(wanted)} arms have all their seeds, {where}.{small}"
    none = [label(name) for name, (have, _) in lacking.items() if not have]
    some = [f"{label(name)}: {have} of {want}" for name, (have, want) in lacking.items() if have]
    sentences = [f"{len(wanted) - len(lacking)} of {len(wanted)} arms have all their seeds, {where}."]
    sentences += [f"Seeds measured of others: {'; '.join(some)}."] if some else []
    sentences += [f"**Not measured yet:** {'; '.join(none)}."] if none else []
    return " ".join(sentences) + small


def budget_table(study: ArmStudy, names: Sequence[str]) -> pd.DataFrame:
    """For each arm: seeds measured, what it trains, seconds of a run and the best step; and where there are several,
    the machines."""
    rows = []
    for arm in study.arms(names):
        found = study.of(arm.name)
        seeds = f"{len(found)} of {len(arm_seeds(study.plan, arm))}"
        where = "; ".join(machines(study, [arm.name])) or "–"
        rows.append((label(arm.name), seeds, *(_circumstances(found) if found else ["–"] * 3), where))
    columns = [
        "arm",
        "seeds measured",
        "trained parameters",
        "seconds a run",
        "steps of least LPIPS, of the seeds",
        "machine",
    ]
    table = pd.DataFrame(rows, columns=columns)
    return table if len(machines(study, names)) > 1 else table.drop(columns="machine")


def machines(study: ArmStudy, names: Sequence[str]) -> list[str]:
    """What the records of some arms were made on."""
    found = [one for arm in study.arms(names) for one in study.of(arm.name)]
    return list(dict.fromkeys(_machine(one["provenance"]["machine"]) for one in found))


def _circumstances(found: Sequence[dict[str, Any]]) -> list[str]:
    seconds = [one["provenance"]["seconds"] for one in found]
    best = sorted({one["result"]["early_stop"]["best_step"] for one in found})
    mean = number(fmean(seconds), 0)
    return [
        f"{found[0]['result']['trainable']:,}",
        mean if len(seconds) == 1 else f"{mean} ({number(min(seconds), 0)} to {number(max(seconds), 0)})",
        ", ".join(map(str, best)),
    ]


def _machine(described: dict[str, Any]) -> str:
    return described["accelerator"] or f"{described['processor']}, {described['cores']} cores"
