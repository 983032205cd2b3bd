"""Ends of the chapters on fine-tuning: verdict, what is checked live, and how to run them again."""

from collections.abc import Sequence
from statistics import fmean

import pandas as pd
from accelerate import Accelerator

from lrm_core.evidence.arm_claims import claim_columns
from lrm_core.evidence.arm_runs import LOSS_STEPS
from lrm_core.evidence.arms import ARMS, EXPERIMENT, recipe
from lrm_core.evidence.finetuning import METRICS
from lrm_core.evidence.live import Live
from lrm_core.evidence.rulebook import RULES
from lrm_core.evidence.verdicts import judge
from lrm_core.fit.batch import batch_loss
from lrm_core.fit.scores import score
from lrm_core.fit.tuning import Tuning
from lrm_core.show.elements import prose
from lrm_core.show.elements.origin import origin
from lrm_core.show.findings import finding
from lrm_core.show.repair.arm_study import ArmStudy, machines

LIVE_OBJECTS = 2  # validation objects that are scored again while a page is built


def claim_rows(study: ArmStudy) -> pd.DataFrame:
    """What the rules read, of the study's objects; empty if there are no records."""
    if study.runs.empty:
        return pd.DataFrame()
    sizes = study.of("lora_freq")
    return claim_columns(study.runs, sizes[0]["result"] if sizes else None)


def verdict_html(study: ArmStudy, claim_id: str) -> str:
    """The verdict on a claim with the rule that decided, and what the records say."""
    rule, table = RULES[claim_id], claim_rows(study)
    return prose.verdict_box(rule, judge(rule, table), finding(claim_id, table), origin(study.made()))


def live(study: ArmStudy, arm: str, seed: int = 0) -> Live:
    """The first steps of an arm trained now, and the untouched model scored on two objects, with what is stored."""
    chosen = ARMS[arm]
    data = study.recorder.data(chosen)
    config = recipe(study.plan, chosen, seed)
    tuning, team = Tuning(study.recorder.model, config, study.device), Accelerator(cpu=study.device == "cpu")
    scored = list(score(tuning.model, data.validation[:LIVE_OBJECTS], METRICS))
    losses = []
    for _ in range(min(LOSS_STEPS, config.steps)):
        losses.append(batch_loss(tuning, data.train, config, team))
        tuning.advance()
    result = {"first_loss": losses[0], "loss": [fmean(losses)], "objects": {}}
    for row in scored:
        result["objects"][row.pop("object")] = {name: [value] for name, value in row.items()}
    record = study.record(arm, seed)
    return Live(result, record and record["result"])


def live_entries(found: Live) -> dict[str, str]:
    """Labels for the numbers of `live`, by their dotted names."""
    entries = {"first_loss": "training loss, first step", "loss[0]": "training loss, mean of the first steps"}
    for name in found.result["objects"]:
        entries |= {
            f"objects.{name}.{metric}[0]": f"{name}, untouched: {metric.upper()}"
            for metric in ("l1", "lpips")
        }
    return entries


def reproduce(study: ArmStudy, notebook: str, arm: str) -> str:
    """The commands that run a chapter again and that make the records of an arm, as Markdown."""
    profile = study.plan.name
    arms = f".venv/bin/lrm arms --profile {profile}"
    records = {
        "every record of an arm that is missing; resumes": arms,
        "one run again": f"{arms} --arm {arm} --seed 0 --refresh",
    }
    return prose.commands(prose.runs(profile, notebook) | records)


def records_sentence(study: ArmStudy, names: Sequence[str]) -> str:
    """Where the records are, and what those of some arms were made on."""
    folder = f"data/results/{study.plan.name}/{EXPERIMENT}/"
    where = prose.listed(machines(study, names))
    made = f" Those of this chapter were made on {where}." if where else ""
    return (
        f"The {len(study.records)} records are in `{folder}`, one JSON file per arm and seed, with every object at "
        f"every validated step.{made}"
    )


def records_link(study: ArmStudy, arms: Sequence[str]) -> str:
    """A link that holds the scores of those arms, one row per arm, seed, object and step, as HTML."""
    mine = study.runs[study.runs["arm"].isin(arms)]
    return prose.csv_link(mine, f"{EXPERIMENT}_{arms[0]}", "The records of this chapter as one table (CSV)")
