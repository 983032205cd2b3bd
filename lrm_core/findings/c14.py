"""C14, the share of trained parameters: counted, not estimated."""

from math import isnan

from lrm_core.findings.c10 import EXPERIMENT
from lrm_core.findings.claims import headline, published
from lrm_core.findings.finding import Finding
from lrm_core.findings.rules import NOT_REPLICATED, Case, Condition, Rule, around

# The published share is that of the transformer, of which it is 0.087%; of the model it is 0.057% (A13).
# 0.00005: half of the last digit that was published.
ROUNDING = 0.00005
OURS, MODEL = "share.base.transformer", "share.base.parameters"
HEADLINE = headline("C14")


AS_PUBLISHED = {of: around(of, [HEADLINE], ROUNDING, "no share is the published one") for of in (OURS, MODEL)}
CASES = (
    Case(
        "replicated",
        "adapters of rank 4 have the published share of all parameters, as rounded",
        [AS_PUBLISHED[MODEL]],
    ),
    Case(
        "replicated with a different size",
        "they have less than it; it is their share of the transformer",
        [Condition(MODEL, under=HEADLINE), AS_PUBLISHED[OURS]],
    ),
    NOT_REPLICATED,
)
RULE = Rule(claim="C14", experiment=EXPERIMENT, ours=OURS, audited=MODEL, cases=CASES)


def _fine(share: float) -> str:
    """In percent with three digits."""
    return "–" if isnan(share) else f"{100 * share:.3f}%"


FINDING = Finding(
    rule=RULE,
    facts={
        "trained": lambda table: f"{published('C10')['trainable_r4']:,}",
        "published": lambda table: f"{100 * HEADLINE:.2f}%",
        "of.transformer": lambda table: _fine(table[OURS].iloc[0]),
        "of.model": lambda table: _fine(table[MODEL].iloc[0]),
    },
)
