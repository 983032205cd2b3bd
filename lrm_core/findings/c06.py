"""C6, what is inside the low band: how channel means and the rest are judged, and what the chapter draws of them."""

import pandas as pd

from lrm_core.findings.c04 import SLACK, TARGETS, improvements
from lrm_core.findings.claims import published
from lrm_core.findings.figures import Bars
from lrm_core.findings.finding import Finding
from lrm_core.findings.prose import counted
from lrm_core.findings.rules import Condition, Rule, around, artefact, graded
from lrm_core.measure.e08_band_correction import flat_improvement
from lrm_core.records.statistics import per_object

P = published("C6")
INSIDE = ("dc", "structured_low")
PARTS = {"dc": "channel means", "structured_low": "rest of the low band"}
PARTS |= {"low": "both together", "high": "high band"}
PUBLISHED = {"dc": P["dc_only"], "structured_low": P["structured_low"], "low": P["full_low"]}
DC, REST = ({target: f"corrections.{part}.{target}.improvement" for target in TARGETS} for part in INSIDE)
MARGIN = {target: f"margin.structured_minus_twice_dc.{target}" for target in TARGETS}
FACTOR = 2.0

# "DC explains little, structured low frequency dominates": more than twice as much improvement, which is the least
# that anybody would call dominating; published are 7 (stone) and 11 (office).
# 0: correcting the structured part against the truth helps at all.
AHEAD = Condition(MARGIN["reference"], over=0, failed="the rest is not shown to be worth twice the channel means")
DOMINATES = [
    Condition(REST["truth"], over=0, failed="correcting the rest of the low band is not shown to help"),
    AHEAD,
    Condition(MARGIN["truth"], over=0, failed="its lead is not shown against the truth"),
]
AMOUNTS = [
    around(
        column["reference"],
        PUBLISHED[part].values(),
        SLACK,
        f"the share of the error to the oracle's renders that the {PARTS[part]} remove is not shown to lie within "
        f"{SLACK} of the published range",
    )
    for part, column in (("structured_low", REST), ("dc", DC))
]
CASES = (
    *(
        artefact(
            f"to renders of the oracle the rest is worth more than twice the means, but to the truth it {words}",
            [AHEAD, Condition(column, under=0)],
        )
        for column, words in ((MARGIN["truth"], "is not"), (REST["truth"], "harms"))
    ),
    *graded(
        DOMINATES,
        AMOUNTS,
        f"the rest helps, more than twice as much as the means, to both; by the published amounts within {SLACK}",
        "the same, by other amounts",
    ),
)
RULE = Rule(claim="C6", experiment="e09_low_band", ours=REST["reference"], audited=REST["truth"], cases=CASES)


def _gain(table: pd.DataFrame, part: str) -> float:
    """Improvement over what a renderer that prefers no band gains from a part of that power, mean over mean."""
    power = table[f"corrections.{part}.power_share"]
    flat = power.map(lambda share: flat_improvement({part: share})[part]).groupby(table["object"]).mean()
    return per_object(table, f"corrections.{part}.truth.improvement").mean() / flat.mean()


FINDING = Finding(
    rule=RULE,
    typical=(*DC.values(), *REST.values()),
    facts={
        **{f"published.{part}": lambda table, of=PUBLISHED[part]: [*of.values()] for part in INSIDE},
        "ahead": lambda table: counted(per_object(table, MARGIN["truth"]) > 0),
        **{f"gain.{part}": lambda table, part=part: _gain(table, part) for part in INSIDE},
        "share_for_share": lambda table: "more" if _gain(table, "dc") > _gain(table, "structured_low") else "less",
        "worse_together": lambda table: counted(
            per_object(table, "corrections.low.truth.improvement") < per_object(table, REST["truth"])
        ),
    },
    figures={
        "bars": Bars(
            "improvement, to the truth",
            {PARTS["dc"]: (DC["truth"], "real"), PARTS["structured_low"]: (REST["truth"], "procedural")},
            {name: (PUBLISHED["dc"][name], PUBLISHED["structured_low"][name]) for name in P["dc_only"]},
            FACTOR,
        ),
        "parts": improvements(PARTS, {part: [*of.values()] for part, of in PUBLISHED.items()}),
    },
)
