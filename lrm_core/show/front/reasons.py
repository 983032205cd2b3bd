"""Why each claim has its verdict, in a few words beside its numbers."""

from collections.abc import Callable, Mapping

from lrm_core.evidence.rulebook import RULES
from lrm_core.evidence.rules import Intervals
from lrm_core.evidence.rules_finetuning import C13_LORA
from lrm_core.evidence.rules_isotropy import C8_JITTER
from lrm_core.evidence.rules_parameters import C14_MODEL
from lrm_core.evidence.verdicts import experiment_table, intervals
from lrm_core.findings.finding import decided
from lrm_core.findings.registry import FINDINGS
from lrm_core.show.elements.prose import number, percent

ARTEFACT, SIZE, NOT = "metric artefact", "replicated with a different size", "not replicated"
REASONS: Mapping[str, Mapping[str, Callable[[Intervals], str]]] = {
    "C1": {SIZE: lambda x: "Alike as pictures, apart as numbers, but less far."},
    "C2": {
        ARTEFACT: lambda x: "It depends on the oracle, and on counting amplitudes.",
        SIZE: lambda x: "More than published.",
    },
    "C3": {"replicated": lambda x: "Coarse changes count more."},
    "C4": {SIZE: lambda x: "Coarse leads fine, by other amounts."},
    "C6": {SIZE: lambda x: "Structure dominates, by other amounts."},
    "C8": {ARTEFACT: lambda x: f"{percent(x(C8_JITTER).estimate)} of it is the renderer’s own noise."},
    "C9": {NOT: lambda x: f"No artefacts here: LPIPS {percent(x('planes.end.lpips').estimate)}."},
    "C10": {NOT: lambda x: "No gain that a control lacks."},
    "C11": {NOT: lambda x: "The losses do not differ."},
    "C12": {NOT: lambda x: "High ranks are best."},
    "C13": {
        ARTEFACT: lambda x: f"Adapters harm one as well: {percent(max(x(arm).estimate for arm in C13_LORA))}."
    },
    "C14": {SIZE: lambda x: f"Of the transformer; of the model {number(100 * x(C14_MODEL).estimate, 3)}%."},
}


def reason(claim_id: str, verdict: str, profile: str) -> str:
    """Why the claim has this verdict by the records of a profile; empty where nothing short can be said."""
    table = experiment_table(RULES[claim_id].experiment, profile)
    if words := REASONS.get(claim_id, {}).get(verdict):
        return words(intervals(table))
    finding = FINDINGS.get(claim_id)
    missed = finding.failed(decided(finding.rule, table), table) if finding and verdict == NOT else ""
    if not missed:
        return ""
    near = ", a near miss" if finding.is_near(decided(finding.rule, table), table) else ""
    return f"{missed[0].upper()}{missed[1:]}{near}."
