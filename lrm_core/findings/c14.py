"""C14, the share of trained parameters: counted, not estimated."""

from collections.abc import Callable
from math import isnan

import pandas as pd

from lrm_core.findings.c10 import EXPERIMENT
from lrm_core.findings.claims import published
from lrm_core.findings.finding import Finding
from lrm_core.findings.headlines import headline
from lrm_core.findings.rules import All, Case, Condition, Rule

# The published share is that of the transformer, of which it is 0.087%; of the model it is 0.057% (A13).
# 0.00005: half of the last digit that was published.
ROUNDING = 0.00005
OURS, MODEL = "share.base.transformer", "share.base.parameters"
HEADLINE = headline("C14")


def _as_published(column: str) -> Condition:
    return Condition(column, HEADLINE - ROUNDING, HEADLINE + ROUNDING, failed="no share is the published one")


RULE = Rule(
    claim="C14",
    experiment=EXPERIMENT,
    ours=OURS,
    audited=MODEL,
    cases=(
        Case(
            "replicated",
            "adapters of rank 4 have the published share of all parameters, as rounded",
            All([_as_published(MODEL)]),
        ),
        Case(
            "replicated with a different size",
            "they have less than it; it is their share of the transformer",
            All([Condition(MODEL, under=HEADLINE), _as_published(OURS)]),
        ),
        Case(
            "not replicated",
            "none of the above",
            All(),
        ),
    ),
)


def _fine(column: str) -> Callable[[pd.DataFrame], str]:
    """A share in percent with three digits."""

    def told(table: pd.DataFrame) -> str:
        share = table[column].iloc[0]
        return "–" if isnan(share) else f"{100 * share:.3f}%"

    return told


FINDING = Finding(
    module=__name__,
    rule=RULE,
    typical=(),
    starts=(),
    facts={
        "trained": lambda table: f"{published('C10')['trainable_r4']:,}",
        "published": lambda table: f"{100 * HEADLINE:.2f}%",
        "of.transformer": _fine(OURS),
        "of.model": _fine(MODEL),
    },
    figures={},
)
