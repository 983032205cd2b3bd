"""The scorecard: every claim with its published number, ours by both definitions, and the verdict."""

from dataclasses import asdict
from functools import cache

import pandas as pd

from lrm_core.findings import c01, c02, c03, c04, c05, c06, c07, c08, c09, c10, c11, c12, c13, c14
from lrm_core.findings.arm_claims import claim_table
from lrm_core.findings.claims import HEADLINES, claims, headline
from lrm_core.findings.finding import Finding
from lrm_core.findings.rules import Rule, judge
from lrm_core.measure.experiments import get_experiment
from lrm_core.profiles import get_profile
from lrm_core.records.arms import EXPERIMENT as FINETUNING
from lrm_core.records.provenance import weights_hash
from lrm_core.records.store import ResultStore

_MODULES = (c01, c02, c03, c04, c05, c06, c07, c08, c09, c10, c11, c12, c13, c14)
FINDINGS: dict[str, Finding] = {module.RULE.claim: module.FINDING for module in _MODULES}
RULES: dict[str, Rule] = {claim: finding.rule for claim, finding in FINDINGS.items()}


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

    Returns:
        One row per object and seed, as `ResultStore.table`; empty if there are none.

    Raises:
        ValueError: if the profile is unknown, a record is damaged, or the records mix models.
    """
    if experiment == FINETUNING:
        return claim_table(profile, store, model_hash)
    plan = get_profile(profile)
    configuration = asdict(get_experiment(experiment).configuration(plan))
    wanted = model_hash or weights_hash(plan.model)
    store = store or ResultStore(plan.results)
    return store.table(experiment, model_hash=wanted, configuration=configuration)
