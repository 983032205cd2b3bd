"""C12, the best rank: how it is judged, and what the chapter draws of it."""

import pandas as pd

from lrm_core.findings.c10 import CONDITIONS, EXPERIMENT, WRONG, few_seeds, lost
from lrm_core.findings.c11 import RANKS, apart
from lrm_core.findings.c11 import P as BY_RANK
from lrm_core.findings.claims import published
from lrm_core.findings.figures import Means
from lrm_core.findings.finding import Finding
from lrm_core.findings.prose import number
from lrm_core.findings.rules import NOT_REPLICATED, Case, Condition, Rule, artefact
from lrm_core.records.arms import rank_arm

# The best rank over all objects and seeds, with the interval of resampled objects and seeds.
# 16: the first rank tried that is not a neighbour of 4. Ranks 4 and 8 are published 0.0003 apart, less than two runs
#   of rank 8 (0.0023, A8), so that a best rank of 2 or 8 bears the claim out with another number.
HIGH_RANK = 16
ONE_RUN, RANK = "best_rank.one_run", "best_rank"
PUBLISHED = published("C12")["best_rank"]
LOSSES = {"MSE": ("std", "mse", "procedural"), "FreqLoss": ("freq", "freq", "real")}
ARMS = tuple(rank_arm(loss, rank) for loss in ("mse", "freq") for rank in RANKS)

CASES = (
    few_seeds("C12", "FreqLoss at any rank"),
    Case(
        "replicated",
        f"rank {PUBLISHED} has the lowest LPIPS, over the whole interval",
        [Condition(RANK, PUBLISHED - 1, PUBLISHED + 1)],
    ),
    Case(
        "replicated with a different size",
        f"a rank below {HIGH_RANK} has the lowest LPIPS, over the whole interval",
        [Condition(RANK, under=HIGH_RANK, failed="a high rank has the lowest LPIPS")],
    ),
    artefact(
        f"rank {PUBLISHED} is best in one run, as published, but the interval reaches to {HIGH_RANK} or more",
        [Condition(ONE_RUN, PUBLISHED - 1, PUBLISHED + 1), Condition(f"{RANK}.low", under=PUBLISHED + 1)],
    ),
    NOT_REPLICATED,
)
RULE = Rule(claim="C12", experiment=EXPERIMENT, ours=ONE_RUN, audited=RANK, cases=CASES)


def _ends(table: pd.DataFrame) -> str:
    """The interval of the best rank."""
    low, high = (number(table[f"{RANK}.{end}"].iloc[0], 0) for end in ("low", "high"))
    return f"{low} to {high}" if low != high else low


FINDING = Finding(
    rule=RULE,
    typical=("change.lpips.lora_mse", "change.lpips.lora_freq"),
    starts=(),
    facts={
        "ends": _ends,
        "lost": lost,
        "published": lambda table: PUBLISHED,
        "published.apart": lambda table: max(apart(loss) for loss, *_ in LOSSES.values()),
        "published.gap": lambda table: abs(BY_RANK["lpips_freq"][1] - BY_RANK["lpips_freq"][2]),
    },
    figures={
        "ranks": Means(
            RANKS,
            ("rank", "change of LPIPS, over its value before"),
            {
                place: {
                    name: (colour, [f"{prefix}change.lpips.{rank_arm(loss, rank)}" for rank in RANKS])
                    for name, (_, loss, colour) in LOSSES.items()
                }
                for place, prefix in zip(CONDITIONS.values(), ("", WRONG), strict=True)
            },
            {
                loss: [value / BY_RANK["baseline"]["lpips"] - 1 for value in BY_RANK[f"lpips_{name}"]]
                for loss, (name, *_) in LOSSES.items()
            },
        )
    },
)
