"""The scorecard: every claim with its published number, ours by both definitions, and the verdict."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cache, partial

import pandas as pd

from lrm_core.findings.c10 import EXPERIMENT as FINETUNING
from lrm_core.findings.claims import claims
from lrm_core.findings.headlines import HEADLINES, headline
from lrm_core.findings.rulebook import RULES
from lrm_core.findings.rules import judge
from lrm_core.measure.experiments import get_experiment
from lrm_core.profiles import get_profile
from lrm_core.records.provenance import weights_hash
from lrm_core.records.statistics import per_object
from lrm_core.records.store import ResultStore

KINDS = ("real", "procedural")  # of objects, as their folders are called


def verdicts(
    profile: str = "mini", *, store: ResultStore | None = None, model_hash: str | None = None
) -> pd.DataFrame:
    """The scorecard of a profile.

    Args:
        profile: "smoke", "mini", "cycles" or "paper".
        store: `data/results/<profile>` if None.
        model_hash: read only records of these weights; those that the profile has now if None.

    Returns:
        One row per claim: claim, published, ours_published_definition, audited, low, high (95% interval of
        audited over objects, and over seeds where they are trainings), verdict; then ours_low and ours_high (the
        interval of ours_published_definition), objects, seeds, title, quantity, the rule that decided, and real and
        procedural (audited, mean over the objects of one kind). NaN where nothing was measured.

    Raises:
        ValueError: if the profile is unknown, a record is damaged, or the records mix models.
    """
    table = cache(partial(experiment_table, profile=profile, model_hash=model_hash, store=store))
    kinds = _kinds(profile)
    return pd.DataFrame([_row(name, claim["title"], table, kinds) for name, claim in claims().items()])


def experiment_table(
    experiment: str, profile: str, model_hash: str | None = None, store: ResultStore | None = None
) -> pd.DataFrame:
    """Current records of an experiment: those with the configuration and the weights of a profile.

    Args:
        experiment: such as "e05_residual_spectrum", or "e14_finetuning" for what the rules read of its arms.
        model_hash: of the weights; those that the profile has now if None. Where they are not on this machine
            (a published model that was never fetched) records of any one model are read.
        store: `data/results/<profile>` if None.

    Returns:
        One row per object and seed, as `ResultStore.table`; empty if there are none.

    Raises:
        ValueError: if the profile is unknown, a record is damaged, or the records mix models.
    """
    if experiment == FINETUNING:
        from lrm_core.findings.arm_claims import claim_table  # with it come PEFT and Accelerate

        return claim_table(profile, store, model_hash)
    plan = get_profile(profile)
    configuration = asdict(get_experiment(experiment).configuration(plan))
    wanted = model_hash or weights_hash(plan.model)
    store = store or ResultStore(plan.results)
    return store.table(experiment, model_hash=wanted, configuration=configuration)


def kind_means(table: pd.DataFrame, column: str, kinds: Mapping[str, str]) -> dict[str, float]:
    """Mean over the objects of each of `KINDS`; NaN where there is none, or the column is no mean over objects."""
    alike = f"{column}.low" in table and table[column].nunique() == 1  # such as the worst of all objects
    values = pd.Series(dtype=float) if alike or column not in table else per_object(table, column)
    return values.groupby(values.index.map(kinds)).mean().reindex(KINDS).to_dict()


def _kinds(profile: str) -> dict[str, str]:
    """Folder of every object of a profile, by name; empty where its objects are not on this machine."""
    try:
        groups = get_profile(profile).members()
    except FileNotFoundError:
        return {}
    return {folder.name: folder.parent.name for members in groups for folder in members}


def _row(claim_id: str, title: str, table: Callable, kinds: Mapping[str, str]) -> dict[str, object]:
    rule = RULES[claim_id]
    measured = table(rule.experiment)
    found = judge(rule, measured)
    return {
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
        "seeds": _seeds(claim_id, measured),
        "title": title,
        "quantity": HEADLINES[claim_id].quantity,
        "rule": found.case.words,
        **kind_means(measured, rule.audited, kinds),
    }


def _seeds(claim_id: str, table: pd.DataFrame) -> int:
    """How many seeds every object has, or as the table says of the arms that the claim compares."""
    if table.empty:
        return 0
    if (counted := f"seeds.{claim_id}") in table:
        return int(table[counted].iloc[0])
    return int(table.groupby("object")["seed"].nunique().min())
