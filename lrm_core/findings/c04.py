"""C4, which band does the damage: how corrections of either are judged, and what the chapter draws of them."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from lrm_core.findings.claims import published
from lrm_core.findings.figures import Lines, Pairs, Row, Series, Strips, strip
from lrm_core.findings.finding import Finding
from lrm_core.findings.prose import counted
from lrm_core.findings.rules import Condition, Rule, around, artefact, graded
from lrm_core.records.statistics import per_object

P = published("C4")
CUTOFF = P["cutoff_x_nyquist"]
PUBLISHED = {band: list(P[f"{band}_only"].values()) for band in ("low", "high")}
TARGETS = {"reference": "renders of the oracle", "truth": "the truth"}
SLACK = 0.05  # around published improvements, since objects, model and resolution differ; as for C2
LOW, HIGH = ({target: f"corrections.{band}.{target}.improvement" for target in TARGETS} for band in PUBLISHED)
MARGIN = {target: f"margin.low_minus_high.{target}" for target in TARGETS}
RANDOM = "margin.low_minus_random.reference"  # a random part of the residual of the same power

# 0: the sign of an improvement or of a difference; a smaller one than published is a matter of size.
LEAD = "the interval of the coarse band's lead over the fine one reaches below zero"
AHEAD = Condition(MARGIN["reference"], over=0, failed=LEAD)
HELPS = [
    AHEAD,
    Condition(MARGIN["truth"], over=0, failed="its lead is not shown against the truth"),
    Condition(LOW["truth"], over=0, failed="correcting the coarse band is not shown to help"),
]
AMOUNTS = [around(of["reference"], PUBLISHED[band], SLACK) for band, of in (("low", LOW), ("high", HIGH))]
CASES = (
    artefact(
        "low helps more than high against renders of the oracle, but less against the truth",
        [AHEAD, Condition(MARGIN["truth"], under=0)],
    ),
    artefact("the same, but harms against the truth", [AHEAD, Condition(LOW["truth"], under=0)]),
    artefact(
        "low helps more than high, but less than a random part of the residual of the same power",
        [AHEAD, Condition(RANDOM, under=0)],
    ),
    *graded(
        HELPS,
        AMOUNTS,
        f"low helps, and more than high, against both targets; by the published amounts within {SLACK}",
        "the same, by other amounts",
    ),
)
RULE = Rule(claim="C4", experiment="e08_band_correction", ours=LOW["reference"], audited=LOW["truth"], cases=CASES)


def _lead(table: pd.DataFrame) -> pd.Series:
    return per_object(table, MARGIN["truth"])


def _harmed(table: pd.DataFrame) -> str:
    worst = per_object(table, LOW["truth"]).sort_values()
    return " and ".join(name.removeprefix("cc0_") for name in worst.index[worst < 0]) or "no object"


CORRECTIONS = {
    "low": "low band corrected",
    "random_low": "as much power of the residual, at random",
    "control_low": "noise of that power, in the low band",
    "high": "high band corrected",
    "random_high": "as much power of the residual, at random ",  # a label for itself
    "control_high": "noise of that power, in the high band",
}
MEASURES = {"l1": "L1", "psnr": "PSNR", "ssim": "SSIM", "lpips": "LPIPS"}


def improvements(labels: Mapping[str, str], published: Mapping[str, Sequence[float]]) -> Strips:
    """What corrections improve, to both targets, with the published numbers of some of them."""
    rows = [
        Row(
            label,
            f"corrections.{name}.reference.improvement",
            {"published": published[name]} if name in published else {},
            {"null": f"corrections.{name}.truth.improvement"},
            "predinit",
        )
        for name, label in labels.items()
    ]
    names = dict(zip(("predinit", "null"), (f"to {target}" for target in TARGETS.values()), strict=True))
    return strip("improvement", rows, {"as before": 0.0}, (0, 1), names=names)


def _crossing(table: pd.DataFrame) -> str:
    """The cutoff, in x Nyquist, at which both sides are worth the same in the mean; "no cutoff" if there is none."""
    lead = np.mean([*table["sweep.low.truth.improvement"]], 0) - np.mean([*table["sweep.high.truth.improvement"]], 0)
    cutoffs = table["sweep.cutoff"].iloc[0]
    if not (lead[0] < 0 < lead[-1]):
        return "no cutoff"
    at = int(np.argmax(lead > 0))
    return f"{np.interp(0, lead[at - 1 : at + 1], cutoffs[at - 1 : at + 1]):.2f}"


def _better(table: pd.DataFrame, sign: int) -> str:
    """Measures by which corrections of the low band (1) or the high band (-1) are better in the mean."""
    lead = {
        label: sign * (table[f"corrections.low.truth.{of}"].mean() - table[f"corrections.high.truth.{of}"].mean())
        for of, label in MEASURES.items()
    }
    return " and ".join(of for of, x in lead.items() if (x < 0 if of in ("L1", "LPIPS") else x > 0)) or "no measure"


FINDING = Finding(
    rule=RULE,
    typical=(*LOW.values(), *HIGH.values()),
    facts={
        "cutoff": lambda table: f"{CUTOFF:g}",
        **{f"published.{band}": lambda table, of=of: of for band, of in PUBLISHED.items()},
        "won": lambda table: counted(_lead(table) > 0),
        "sign_test": lambda table: binomtest(int((_lead(table) > 0).sum()), len(_lead(table))).pvalue,
        "harmed": _harmed,
        "crossing": _crossing,
        "better_low": lambda table: _better(table, 1),
        "better_high": lambda table: _better(table, -1),
    },
    figures={
        "pairs": Pairs(
            LOW["truth"],
            HIGH["truth"],
            ("improvement, coarse band corrected", "improvement, fine band corrected"),
            {name: (P["low_only"][name], P["high_only"][name]) for name in P["low_only"]},
            ("coarse correction helps more", "fine correction helps more"),
        ),
        "cutoffs": Lines(
            x=lambda table: table["sweep.cutoff"].iloc[0],
            axes=("cutoff (× Nyquist)", "improvement, to the truth"),
            series=(
                Series("low band corrected", "sweep.low.truth.improvement", "procedural"),
                Series("high band corrected", "sweep.high.truth.improvement", "real"),
                Series("share of power below the cutoff", "sweep.share.power.low", "null", "dash", objects=False),
            ),
            marks={"published cutoff": CUTOFF},
            log_ticks=(0.05, 0.1, 0.2, 0.4, 0.7, 1),
        ),
        "controls": improvements(CORRECTIONS, PUBLISHED),
    },
)
