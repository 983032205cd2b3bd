"""Why each claim has its verdict, in a few words beside its numbers."""

from collections.abc import Callable, Mapping

from lrm_core.evidence.rulebook import RULES
from lrm_core.evidence.rules import Intervals
from lrm_core.evidence.rules_isotropy import C8_JITTER
from lrm_core.evidence.rules_visibility import C7_TRUTH, LIMIT
from lrm_core.evidence.statistics import Interval
from lrm_core.evidence.verdicts import experiment_table, intervals
from lrm_core.findings import c13, c14
from lrm_core.findings.c04 import MARGIN
from lrm_core.show.elements.prose import mean_and_interval, number, percent

ARTEFACT, SIZE, NOT = "metric artefact", "replicated with a different size", "not replicated"
REASONS: Mapping[str, Mapping[str, Callable[[Intervals], str]]] = {
    "C1": {SIZE: lambda x: "Alike as pictures, apart as numbers, but less far."},
    "C2": {
        ARTEFACT: lambda x: "It depends on the oracle, and on counting amplitudes.",
        SIZE: lambda x: "More than published.",
    },
    "C3": {"replicated": lambda x: "Coarse changes count more."},
    "C4": {
        SIZE: lambda x: "Coarse leads fine, by other amounts.",
        NOT: lambda x: f"Coarse less fine, to the truth: {_points(x(MARGIN['truth']))}.",
    },
    "C5": {NOT: lambda x: "Not shown to exceed what a level renderer gives."},
    "C6": {SIZE: lambda x: "Structure dominates, by other amounts."},
    "C7": {
        NOT: lambda x: (
            f"Seen by cameras, to the truth: {mean_and_interval(x(C7_TRUTH))}; the limit is {LIMIT:g}."
        )
    },
    "C8": {ARTEFACT: lambda x: f"{percent(x(C8_JITTER).estimate)} of it is the renderer’s own noise."},
    "C9": {NOT: lambda x: f"No artefacts here: LPIPS {percent(x('planes.end.lpips').estimate)}."},
    "C10": {NOT: lambda x: "No gain that a control lacks."},
    "C11": {NOT: lambda x: "The losses do not differ."},
    "C12": {NOT: lambda x: "High ranks are best."},
    "C13": {ARTEFACT: lambda x: f"Adapters harm one as well: {percent(x(c13.BY_ADAPTERS).estimate)}."},
    "C14": {SIZE: lambda x: f"Of the transformer; of the model {number(100 * x(c14.MODEL).estimate, 3)}%."},
}


def reason(claim_id: str, verdict: str, profile: str) -> str:
    """Why the claim has this verdict by the records of a profile; empty where nothing short can be said."""
    words = REASONS.get(claim_id, {}).get(verdict)
    return words(intervals(experiment_table(RULES[claim_id].experiment, profile))) if words else ""


def _points(difference: Interval) -> str:
    """A difference of shares in percentage points with its interval."""
    scaled = Interval(
        *(100 * value for value in (difference.estimate, difference.low, difference.high)), n=difference.n
    )
    near = ", a near miss" if scaled.estimate > 0 and -1 < scaled.low <= 0 else ""
    return f"{mean_and_interval(scaled, 1)} points{near}"
