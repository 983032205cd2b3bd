"""What the records say about claim C8, in the manner of `lrm_core.show.findings.sentences`."""

from lrm_core.evidence.claims import claim
from lrm_core.evidence.rules import Intervals
from lrm_core.evidence.rules_isotropy import C8_BANDS, C8_JITTER, C8_OURS, C8_RANDOM, PUBLISHED_SPREAD
from lrm_core.show.elements.prose import number, percent

LEVELS = 255  # steps between black and white in a stored image

# What each case of the rule amounts to, in the order of its cases.
ISOTROPY_MEANING = (
    "So the published measurement reads the renderer's own noise: it would give the same number without any "
    "direction, and says nothing about directions.",
    "So random directions agree because each of them holds a little of everything, not because all directions are "
    "alike.",
    "So directions are alike here, random ones, those of one frequency and the leading singular one, and the spread "
    "is about the published one.",
    "So directions are alike here, random ones, those of one frequency and the leading singular one, but the spread "
    "is another than published.",
    "So the records do not show that directions are alike.",
)


def levels(value: float) -> str:
    """A change of the images in levels of an 8-bit image, to two significant digits."""
    return "–" if value != value else f"{LEVELS * value:.2g}"


def isotropy_sentence(x: Intervals) -> str:
    """The numbers that decide claim C8."""
    norm, still = claim("C8").published["norm"], "audited.random.l1"
    jittered, held = (levels(x(column).estimate) for column in ("published.mean", f"{still}.mean"))
    times = {name: x(f"{name}.over_random").estimate for name in ("leading", "audited.residual")}
    return (
        f"Along random directions of norm {norm:g} the images change by {jittered} of {LEVELS} levels on average "
        f"where the renderer draws its samples at random, with a spread over mean of {percent(x(C8_OURS).estimate)} "
        f"(published: {percent(PUBLISHED_SPREAD)}); two renders of one and the same triplane differ by "
        f"{percent(x(C8_JITTER).estimate)} of that. With the samples held still they change by {held} levels, with a "
        f"spread of {percent(x(C8_RANDOM).estimate)}. Directions of different frequency spread by "
        f"{percent(x(C8_BANDS).estimate)}. In root mean square the images change {number(times['leading'], 0)} times "
        f"as much along the leading singular direction as along a random one, and "
        f"{number(times['audited.residual'], 1)} times as much along the residual; in a random matrix, which "
        f"prefers no direction, the leading one reaches "
        f"{number(x('random_map.ratio').estimate, 1)} times."
    )
