"""The verdict on a claim by the records of a profile, why it is that, and how far records repeat."""

import pandas as pd

from lrm_core.findings.prose import number, percent
from lrm_core.findings.registry import FINDINGS
from lrm_core.findings.repetition import CLAIMS, EXPERIMENTS_TABLE, SHARE, TOLERANCE, tables_folder
from lrm_core.findings.rulebook import RULES
from lrm_core.findings.sentences import sections, told
from lrm_core.findings.verdicts import experiment_table, judge


def reason(claim_id: str, verdict: str, profile: str) -> str:
    """Why a claim has this verdict by the records of a profile, in a few words; empty where there are none.

    They are the section "why" of its text for this verdict, else the condition that failed.
    """
    declared, table = FINDINGS[claim_id], stored_table(claim_id, profile)
    if (section := f"why: {verdict}") in sections(claim_id):
        return told(declared, section, table)
    if verdict != "not replicated":
        return ""
    case = judge(declared.rule, table).case
    missed = declared.failed(case, table)
    near = ", a near miss" if declared.is_near(case, table) else ""
    return f"{missed[:1].upper()}{missed[1:]}{near}." if missed else ""


def stored_verdict(claim_id: str, profile: str) -> str:
    """The verdict on a claim by the current records of a profile."""
    return judge(RULES[claim_id], stored_table(claim_id, profile)).case.verdict


def stored_table(claim_id: str, profile: str, model_hash: str | None = None) -> pd.DataFrame:
    """`experiment_table` of the experiment that a claim rests on."""
    return experiment_table(RULES[claim_id].experiment, profile, model_hash)


def repetition_sentence(profile: str) -> str:
    """How many records were made again, and how far their numbers and verdicts were from the stored ones."""
    folder = tables_folder(profile)
    if not (folder / EXPERIMENTS_TABLE).exists():
        return f"No record of the profile {profile} has been repeated yet."
    experiments, claims = (pd.read_csv(folder / name) for name in (EXPERIMENTS_TABLE, CLAIMS))
    stayed = claims["verdict"] == claims["verdict_again"]
    return (
        f"{experiments['records'].sum()} records of {experiments['objects'].max()} objects were made again: "
        f"{_agreement(experiments, claims)}, and {stayed.sum()} of {len(claims)} verdicts on these objects stayed "
        "what they were."
    )


def _agreement(experiments: pd.DataFrame, claims: pd.DataFrame) -> str:
    numbers = experiments["numbers"]
    equal, within = ((experiments[name] * numbers).sum() / numbers.sum() for name in ("equal", "within"))
    if equal == 1:
        return f"all {numbers.sum():,} numbers came out with the same digits"
    return (
        f"of {numbers.sum():,} numbers {percent(equal)} came out with the same digits and {percent(within)} within "
        f"{TOLERANCE:g} standard deviations (in the experiment that was worst "
        f"{percent(experiments['within'].min())}, where {percent(SHARE)} were asked); those of the claims came "
        f"within {number(claims['largest'].max(), 3)}"
    )
