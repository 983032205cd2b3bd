"""What the records say about a claim, in a few sentences that hold whichever way the numbers fall."""

from collections.abc import Callable

import pandas as pd

from lrm_core.evidence.claims import claim
from lrm_core.evidence.rulebook import RULES
from lrm_core.evidence.rules import Intervals
from lrm_core.evidence.rules_response import C3_OURS, C3_PREDICTED, C3_REFERENCE
from lrm_core.evidence.verdicts import NOT_MEASURED, TOO_FEW, Judgement, experiment_table, intervals, judge
from lrm_core.findings.registry import FINDINGS
from lrm_core.findings.sentences import told
from lrm_core.show.elements.prose import number
from lrm_core.show.findings.finetuning import (
    best_rank_sentence,
    full_sentence,
    lora_sentence,
    parameters_sentence,
    ranks_sentence,
)
from lrm_core.show.findings.isotropy import isotropy_sentence
from lrm_core.show.findings.meanings import MEANING


def finding(claim_id: str, table: pd.DataFrame) -> str:
    """The numbers that decide a claim, and what they amount to, in plain sentences.

    Args:
        claim_id: of a claim with a rule.
        table: its records, from the results store.
    """
    found = judge(RULES[claim_id], table)
    if found.case is NOT_MEASURED:
        return "There are no records yet."
    if claim_id in FINDINGS:
        return f"{told(FINDINGS[claim_id], 'finding', table)} {meaning(claim_id, found)}"
    return f"{SENTENCES[claim_id](intervals(table))} {meaning(claim_id, found)}"


def stored_finding(claim_id: str, profile: str) -> str:
    """`finding` for the current records of a profile."""
    return finding(claim_id, stored_table(claim_id, profile))


def stored_verdict(claim_id: str, profile: str) -> str:
    """The verdict on a claim by the current records of a profile."""
    return judge(RULES[claim_id], stored_table(claim_id, profile)).case.verdict


def stored_table(claim_id: str, profile: str, model_hash: str | None = None) -> pd.DataFrame:
    """`experiment_table` of the experiment that a claim rests on."""
    return experiment_table(RULES[claim_id].experiment, profile, model_hash)


def meaning(claim_id: str, found: Judgement) -> str:
    """What the case that decided amounts to."""
    if found.case is TOO_FEW:
        return f"These are too few objects for a verdict: {found.audited.n} with the number that decides."
    return MEANING[claim_id][RULES[claim_id].cases.index(found.case)]


def _response(x: Intervals) -> str:
    return (
        "By the published definition the first tenth of the spectrum answers "
        f"{number(x(C3_OURS).estimate)} times as much as the last (published: "
        f"{number(claim('C3').published['ratio'], 1)}); per bin, low frequencies answer "
        f"{number(x('published.ratio.per_bin').estimate)} times as much as high ones. To noise that the renderer can "
        f"see, they answer {number(x(C3_REFERENCE).estimate)} times as much around the oracle and "
        f"{number(x(C3_PREDICTED).estimate)} times around the prediction; the lookup of the planes alone, without a "
        f"decoder, gives {number(x('lookup.ratio.per_bin').estimate)}."
    )


SENTENCES: dict[str, Callable[[Intervals], str]] = {
    "C3": _response,
    "C8": isotropy_sentence,
    "C10": lora_sentence,
    "C11": ranks_sentence,
    "C12": best_rank_sentence,
    "C13": full_sentence,
    "C14": parameters_sentence,
}
