"""C5, how much more a share of the low band does: how it is judged, and what the chapter on C4 draws of it."""

from math import inf, nan

from lrm_core.findings.c02 import PUBLISHED_SIZE, law_shares, matching_exponent
from lrm_core.findings.c04 import CUTOFF
from lrm_core.findings.claims import published
from lrm_core.findings.figures import Row, strip
from lrm_core.findings.finding import Finding
from lrm_core.findings.rules import Condition, Rule, artefact, graded
from lrm_core.measure.e08_band_correction import amplification, flat_improvement, low_high
from lrm_core.spectral.bands import power_law_shares

# 2: a renderer that prefers no band stays below it at one cutoff and by power, (1 + sqrt p) / (1 + sqrt(1 - p)).
# The ratio is tested as "low minus twice high", which exists also where correcting the high band harms.
# 30 and 50: the published range, without slack, since it is a range already.
MIXTURE, REFERENCE, TRUTH = (f"amplification.{of}" for of in ("published_mixture", "reference", "truth"))
TESTED = ".low_minus_twice_high"
RANGE = published("C5")["ratio"]
TWICE = Condition(
    REFERENCE + TESTED,
    over=0,
    failed="over all objects a share of the low band is not shown to be worth twice one of the high band",
)
CASES = (
    *(
        artefact(words, [Condition(MIXTURE + TESTED, over=0), Condition(target + TESTED, under=0)])
        for target, words in {
            REFERENCE: "more than twice as published, less at one cutoff and by power, to renders of the oracle",
            TRUTH: "the same, but to the truth",
        }.items()
    ),
    *graded(
        [TWICE],
        [Condition(f"{REFERENCE}.ratio", *RANGE)],
        f"{RANGE[0]} to {RANGE[1]} times at one cutoff and by power",
        f"more than twice at one cutoff and by power, but not {RANGE[0]} to {RANGE[1]} times",
    ),
)
RULE = Rule(
    claim="C5", experiment="e08_band_correction", ours=f"{MIXTURE}.ratio", audited=f"{REFERENCE}.ratio", cases=CASES
)


def published_ratios() -> dict[str, float]:
    """The ratio that follows from the published improvements and shares of each object."""
    improved, shares = published("C4"), published("C2")
    return {
        name: amplification(
            low_high(improved["low_only"][name], improved["high_only"][name]),
            low_high(shares[name][0], shares[name][2]),
        )["ratio"] or nan
        for name in improved["low_only"]
    }  # fmt: skip


def flat_ratios() -> tuple[float, float]:
    """What a renderer that prefers no band scores where the residual is a power law of the published share.

    Returns:
        by the published definition; at one cutoff and by power.
    """
    exponent = matching_exponent()
    power = low_high(*power_law_shares(PUBLISHED_SIZE, exponent, (0.0, CUTOFF, inf), "power").tolist())
    low, _, high = law_shares(exponent)[0]
    return tuple(amplification(flat_improvement(power), of)["ratio"] or nan for of in (low_high(low, high), power))


DEFINITIONS = {
    MIXTURE: "as published: two cutoffs, amplitude",
    REFERENCE: "one cutoff, power, to renders of the oracle",
    TRUTH: "one cutoff, power, to the truth",
}
FINDING = Finding(
    rule=RULE,
    facts={
        "published.range": lambda table: " to ".join(map(str, RANGE)),
        "published.ratios": lambda table: " and ".join(f"{r:.0f} ({n})" for n, r in published_ratios().items()),
        "flat.mixture": lambda table: flat_ratios()[0],
        "flat.power": lambda table: flat_ratios()[1],
    },
    figures={
        "ratios": strip(
            "gain per share, low band over high band",
            [
                Row(label, f"{column}.ratio", {"flat renderer": f"{flat}.flat_ratio"})
                for (column, label), flat in zip(DEFINITIONS.items(), (MIXTURE, *["amplification"] * 2), strict=True)
            ],
            {"twice": 2.0, **{str(end): float(end) for end in RANGE}},
            log=True,
        )
    },
)
