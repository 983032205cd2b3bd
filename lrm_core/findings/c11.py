"""C11, FreqLoss against MSE at every rank: how it is judged, and what the chapter draws of it."""

import pandas as pd

from lrm_core.findings.c10 import EXPERIMENT, few_seeds
from lrm_core.findings.claims import headline, published
from lrm_core.findings.figures import Row, strip
from lrm_core.findings.finding import Finding
from lrm_core.findings.rules import Case, Condition, Rule, artefact, graded
from lrm_core.records.statistics import interval_of

P, HEADLINE, TWICE = published("C11"), headline("C11"), published("C10")
RANKS = P["ranks"]
# 0.05: level of the largest of five sign-flip p values over objects, adjusted by Holm.
# 8: with fewer objects the smallest p value, 2^(1-n), is above 0.05 once it is multiplied by five.
# 0.5: as for C10; what MSE x 25 has as well is a matter of scale.
# 2: factor either way around the published mean difference, which five runs without seeds gave.
LEVEL, FEWEST_OBJECTS, FACTOR = 0.05, 8, 2.0
OURS, OVER_X25 = "difference.lpips", "difference.lpips.x25"
X25, HOLM, LARGEST = "margin.half_minus_x25.lpips", "holm.lpips", "difference.lpips.largest"
BEATS = [
    Condition(LARGEST, under=0, failed="at some rank FreqLoss has the higher LPIPS"),
    Condition(HOLM, under=LEVEL, failed="at some rank the objects do not tell the losses apart"),
    Condition(OVER_X25, under=0, failed="FreqLoss is not shown to beat the plain loss of its scale"),
]
CASES = (
    few_seeds("C11", "either loss at any rank or of MSE × 25"),
    Case(
        "not testable here",
        f"fewer than {FEWEST_OBJECTS} objects, too few for p < {LEVEL} after Holm",
        [Condition("objects.C11", under=FEWEST_OBJECTS)],
    ),
    artefact(
        "FreqLoss has a lower LPIPS than MSE on average, but MSE × 25 more than half of that advantage",
        [Condition(OURS, under=0), Condition(X25, over=0)],
    ),
    *graded(
        BEATS,
        [Condition(OURS, HEADLINE * FACTOR, HEADLINE / FACTOR)],
        f"FreqLoss has a lower LPIPS than MSE at every rank (p < {LEVEL} after Holm) and than MSE × 25; on average "
        f"by the published amount within a factor of {FACTOR:g}",
        "as above, by another amount than published",
    ),
)
RULE = Rule(claim="C11", experiment=EXPERIMENT, ours=OURS, audited=OVER_X25, cases=CASES)


def apart(loss: str) -> float:
    """How far apart the fork's two runs of rank 8 are in LPIPS."""
    return abs(P[f"lpips_{loss}"][RANKS.index(8)] - TWICE[f"lora_{loss}_r8"]["lpips"])


def _shown(table: pd.DataFrame) -> str:
    """Of how many ranks, and at how many the interval of the difference excludes zero."""
    found = [interval_of(table, f"difference.lpips.r{rank}") for rank in RANKS]
    return f"{sum(one.low > 0 or one.high < 0 for one in found)} of {len(found)}"


FINDING = Finding(
    rule=RULE,
    facts={"published": lambda table: HEADLINE, "shown": _shown},
    figures={
        "losses": strip(
            "LPIPS of FreqLoss less that of the other",
            [
                *(
                    Row(f"MSE, rank {rank}", f"difference.lpips.r{rank}", {"published": freq - mse})
                    for rank, freq, mse in zip(RANKS, P["lpips_freq"], P["lpips_std"], strict=True)
                ),
                Row("MSE × 25, rank 4", OVER_X25),
            ],
            {"no difference": 0.0},
        )
    },
)
