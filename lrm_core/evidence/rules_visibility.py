"""The rule of claim C7, which rests on the error of seen and of unseen surface (experiment E4).

It was written down before E4 was run on any object.
"""

from lrm_core.evidence.claims import published
from lrm_core.evidence.rules import OTHERWISE, Case, Intervals, Rule, above, below, within

# C7. "Not occlusion: occluded surface is only 1.16 times worse than visible surface."
# 1.5: where half of the surface is occluded, making it as good as the visible one would remove (r - 1) / (r + 1) of
#   all error: 7% at the published 1.16, 20% at 1.5, 33% at 2. A fifth is the most that "not occlusion" can mean.
# 0.1: around the published ratio, which is the same for both published objects; norm and threshold of the published
#   error are not known, and objects, model and resolution differ.
# Occluded surface that is no worse than visible surface bears the claim out all the more: there is no lower bound.
LIMIT, SLACK = 1.5, 0.1
C7_OURS = "published.sight.ratio"
C7_TRUTH = "audited.truth.sight.ratio"
PUBLISHED_RATIOS = list(published("C7")["ratio"].values())


def _not_occlusion(x: Intervals) -> bool:
    return below(x(C7_OURS), LIMIT) and below(x(C7_TRUTH), LIMIT)


VISIBILITY = Rule(
    claim="C7",
    experiment="e04_visibility",
    ours=C7_OURS,
    audited=C7_TRUTH,
    cases=(
        Case(
            "metric artefact",
            f"by the published definition (all points in matter, to T_ref) occluded surface is less than {LIMIT} "
            "times as wrong as visible surface, but on surface that images show, and to the truth, more than that",
            lambda x: below(x(C7_OURS), LIMIT) and above(x(C7_TRUTH), LIMIT),
        ),
        Case(
            "replicated",
            f"occluded surface is less than {LIMIT} times as wrong as visible surface, by the published definition "
            "and on surface that images show, to the truth; by the published definition it is the published ratio "
            f"within {SLACK}",
            lambda x: (
                _not_occlusion(x)
                and within(x(C7_OURS), min(PUBLISHED_RATIOS) - SLACK, max(PUBLISHED_RATIOS) + SLACK)
            ),
        ),
        Case(
            "replicated with a different size",
            f"occluded surface is less than {LIMIT} times as wrong as visible surface, by the published definition "
            "and on surface that images show, to the truth; by another ratio than published",
            _not_occlusion,
        ),
        OTHERWISE,
    ),
)
