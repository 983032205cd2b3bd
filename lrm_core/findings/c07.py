"""C7, whether occlusion makes the errors: how seen and unseen surface are compared, and what the chapter draws."""

from statistics import fmean

import pandas as pd

from lrm_core.findings.claims import published
from lrm_core.findings.figures import Pictures, Row, strip
from lrm_core.findings.finding import Finding
from lrm_core.findings.rules import Condition, Rule, around, artefact, graded
from lrm_core.records.statistics import interval_of, per_object

# 1.5: where half of the surface is occluded, making it as good as the visible one would remove (r - 1) / (r + 1) of
#   all error: 7% at the published 1.16, 20% at 1.5, 33% at 2. A fifth is the most that "not occlusion" can mean.
# 0.1: around the published ratio, which is the same for both published objects; norm and threshold of the published
#   error are not known, and objects, model and resolution differ.
# Occluded surface that is no worse than visible surface bears the claim out all the more: there is no lower bound.
LIMIT, SLACK = 1.5, 0.1
OURS, TRUTH = "published.sight.ratio", "audited.truth.sight.ratio"
RATIOS = list(published("C7")["ratio"].values())
INSIDE = Condition(
    OURS, under=LIMIT, failed="inside the oracle's matter the interval reaches above the limit of the rule"
)
SEEN = Condition(
    TRUTH,
    under=LIMIT,
    failed=f"the limit of the rule, {LIMIT:g} times, lies inside the interval for the surface that views show",
)
LITTLE = f"what is occluded is less than {LIMIT} times as wrong as what is visible, by both definitions"
CASES = (
    artefact(
        f"what is occluded is less than {LIMIT} times as wrong as what is visible by the published definition, all "
        "points in matter, to T_ref, but more on surface that images show, to the truth",
        [INSIDE, Condition(TRUTH, over=LIMIT)],
    ),
    *graded(
        [INSIDE, SEEN],
        [around(OURS, RATIOS, SLACK)],
        f"{LITTLE}; by the published one by the published ratio within {SLACK}",
        "the same, by another ratio",
    ),
)
RULE = Rule(claim="C7", experiment="e04_visibility", ours=OURS, audited=TRUTH, cases=CASES)


def farthest(table: pd.DataFrame) -> str:
    """The object whose ratio to the truth is farthest from the mean."""
    ratios = per_object(table, TRUTH)
    return str((ratios - ratios.mean()).abs().idxmax())


ROWS = {
    "points inside its matter, as published": OURS,
    "the outermost of these points": "published.outside.sight.ratio",
    "surface that views show, to renders of the oracle": "audited.reference.sight.ratio",
    "surface that views show, to the truth (in the rule)": TRUTH,
    "the same, colour of the field alone": "audited.field.sight.ratio",
    "the same, renders of the oracle instead": "audited.oracle.sight.ratio",
    "the same, another camera as the source": "audited.cameras.mean",
}
FINDING = Finding(
    rule=RULE,
    typical=(OURS, TRUTH),
    beside=("e05_residual_spectrum",),
    facts={
        "published": lambda table: fmean(RATIOS),
        "limit": lambda table: f"{LIMIT:g}",
        "gone.limit": lambda table: (LIMIT - 1) / (LIMIT + 1),
        "farthest": lambda table: farthest(table).removeprefix("cc0_"),
        "farthest.ratio": lambda table: per_object(table, TRUTH)[farthest(table)],
        "without": lambda table: interval_of(table[table["object"] != farthest(table)], TRUTH),
    },
    figures={
        "painted": Pictures("lrm_core.page.diagnosis.painted:painted_objects"),
        "ratios": strip(
            "error of unseen over that of seen",
            [Row(label, at, {"published": fmean(RATIOS)} if at == OURS else {}) for label, at in ROWS.items()],
            {"as good": 1.0, "limit of the rule": LIMIT},
            (0.5, 2.0),
        ),
    },
)
