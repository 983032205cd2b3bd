"""What the records say about claim C9, in the manner of `lrm_core.show.findings.sentences`."""

from lrm_core.evidence.claims import claim
from lrm_core.evidence.rules import Intervals
from lrm_core.evidence.rules_test_time import PUBLISHED_CHANGES
from lrm_core.show.elements.prose import number, percent

# What each case of the rule amounts to, in the order of its cases.
TEST_TIME_MEANING = (
    "So the artefacts are left by going on for so long: stopped earlier, optimisation improves views that it has not "
    "seen by both measures.",
    "So optimising one object lowers the error that it is judged by and leaves what LPIPS sees; L1 falls by about "
    "the published amounts.",
    "So optimising one object lowers the error that it is judged by and leaves what LPIPS sees; L1 falls by other "
    "amounts than published.",
    "So the two halves of the claim, less L1 and artefacts that stay, do not hold together here in both spaces.",
)


def optimisation_sentence(x: Intervals) -> str:
    """The numbers that decide claim C9."""
    spaces = ("planes", "tokens")
    free = percent(claim("C9").published["triplane_unconstrained_l1_change"])
    tokens = " to ".join(percent(change) for change in PUBLISHED_CHANGES["tokens"])
    end, stopped = (
        {
            (space, metric): percent(x(f"{space}.{when}.{metric}").estimate)
            for space in spaces
            for metric in ("l1", "lpips")
        }
        for when in ("end", "stopped")
    )
    risen = dict.fromkeys(percent(x(f"{space}.after_best.lpips").estimate) for space in spaces)
    steps = dict.fromkeys(number(x(f"{space}.stopped.step").estimate, 0) for space in spaces)
    return (
        f"In held-out views L1 changes by {end['planes', 'l1']} when the planes are optimised (published: {free}) "
        f"and by {end['tokens', 'l1']} when the tokens are (published: {tokens}). LPIPS changes by "
        f"{end['planes', 'lpips']} and {end['tokens', 'lpips']}; since its best step it has risen again by "
        f"{' and '.join(risen)}. Stopped where LPIPS of two more views is least, after "
        f"{' and '.join(steps)} steps in the mean, L1 changes by {stopped['planes', 'l1']} and "
        f"{stopped['tokens', 'l1']}, LPIPS by {stopped['planes', 'lpips']} and {stopped['tokens', 'lpips']}."
    )
