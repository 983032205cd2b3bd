"""A chapter on the arms of fine-tuning: a finding on their records, and what its cells train on."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
from jaxtyping import Float
from torch import Tensor

from lrm_core import load_model
from lrm_core.findings import prose
from lrm_core.findings.arm_claims import claim_columns, told_wrong
from lrm_core.findings.finding import Finding
from lrm_core.fit.scores import Example
from lrm_core.measure.finetuning import TRAINING_VIEWS, make_examples, object_folders
from lrm_core.page import chapter as pages
from lrm_core.page.finding_page import Chapter
from lrm_core.profiles import get_profile
from lrm_core.records.arm_runs import record_arms
from lrm_core.records.arm_tables import records, tidy
from lrm_core.records.arms import ARMS, EXPERIMENT, recipe
from lrm_core.records.runner import load_item

MADE_WITH_THE_PAGE = "smoke"  # the one profile whose runs are short enough


@dataclass(frozen=True)
class ArmPage(Chapter):
    """A chapter on one finding on the arms."""

    records: Sequence[dict[str, Any]]  # current ones, whole
    runs: pd.DataFrame  # the same as a tidy table of the chosen objects (`arm_tables.tidy`)

    def record(self, arm: str, seed: int = 0) -> dict[str, Any] | None:
        """The record of an arm and seed; None where it has not been made."""
        return next((r for r in self.records if (r["object"], r["seed"]) == (arm, seed)), None)

    def example(self, views: Sequence[int], name: str = "") -> Example:
        """The chapter's object, or that of another name, as FreqLoss sees it, with those of its views."""
        wanted = name or self.item.name
        folders = [folder for part in object_folders(self.plan) for folder in part if folder.name == wanted]
        distance = partial(ARMS["lora_freq"].distance, self.plan)
        (example,) = make_examples(self.model, folders, views, distance, self.plan.side)
        return example.to(next(self.model.parameters()).device)

    def pairs(self, number: int) -> Iterator[tuple[Example, Float[Tensor, "1 3 h w"], Float[Tensor, "1 25"]]]:
        """What the first steps of FreqLoss train on: the object, a true view of it, and its camera."""
        train, _ = object_folders(self.plan)
        config = recipe(self.plan, ARMS["lora_freq"], self.seed)
        for step in range(number):
            place, view = config.pair(step, len(train), len(TRAINING_VIEWS))
            example = self.example(TRAINING_VIEWS, train[place].name)
            yield example, *(part[view : view + 1] for part in example.views)

    def download(self, arms: Sequence[str]) -> None:
        """Display a link to the scores of some arms."""
        ends = self.runs[self.runs["arm"].isin(arms) & self.runs["step"].isin([0, self.runs["step"].max()])]
        pages.show_html(prose.csv_link(ends, f"{EXPERIMENT}_{arms[0]}", "Records (CSV)"))


def open_arms(
    finding: Finding,
    profile: str,
    *,
    seed: int = 0,
    objects: Sequence[str] | None = None,
    refresh: bool = False,
    device: str = "cpu",
) -> ArmPage:
    """Load the records of the arms, also those in the published condition, and choose the finding's example.

    Only the profile "smoke" makes the records that are missing (all if `refresh`); `seed` is of what the cells train.
    ValueError if the profile is unknown or has no records; FileNotFoundError if the model or the objects are missing.
    """
    plan = get_profile(profile)
    if profile == MADE_WITH_THE_PAGE:
        with redirect_stdout(sys.stderr):
            record_arms(profile, refresh=refresh, device=device)
    found = list(records(profile))
    if not found:
        raise ValueError(f"{plan.results / EXPERIMENT}: no records; run `lrm arms --profile {profile}`")
    runs = tidy(found)
    runs = runs if objects is None else runs[runs["object"].isin(objects)].reset_index(drop=True)
    sizes = next((record["result"] for record in found if record["object"] == "lora_freq"), None)
    revisions = ", ".join(sorted({record["provenance"]["revision"] for record in found}))
    made_by = {"experiment": EXPERIMENT, "provenance.profile": profile, "provenance.revision": revisions}
    table = finding.completed(told_wrong(claim_columns(runs, sizes), profile).assign(**made_by), {})
    groups = dict(zip(runs["object"], runs["group"], strict=True))
    model = load_model(plan.model, device=device).eval().requires_grad_(False)
    example = finding.example(table, groups)
    _, held_out = object_folders(plan)
    item = load_item(plan, next(folder for folder in held_out if folder.name == example))
    return ArmPage(finding, plan, seed, model, table, groups, item, found, runs)
