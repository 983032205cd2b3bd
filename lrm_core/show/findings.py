"""What the records say about a claim, in a few sentences that hold whichever way the numbers fall."""

from collections.abc import Callable

import pandas as pd

from lrm_core.evidence.claims import PUBLISHED_OBJECTS, claim
from lrm_core.evidence.rules import C1_FEATURES, C1_MATTER, C1_OURS, RULES, Intervals
from lrm_core.evidence.verdicts import NOT_MEASURED, TOO_FEW, Judgement, experiment_table, intervals, judge
from lrm_core.show.prose import number, percent, percent_range

# What each case of a rule amounts to, in the order of its cases.
MEANING: dict[str, tuple[str, ...]] = {
    "C1": (
        "So the distance between the two oracles is mostly one that no picture shows.",
        "So the two oracles are basins of their own: alike as pictures, far apart as numbers, and worse in between.",
        "So the two oracles are alike as pictures and apart as numbers, but less far than published or without a "
        "ridge between them.",
        "So at least one half of the claim, alike as pictures or far apart as numbers, does not hold here.",
    ),
    "C2": (
        "So most of what lies in the high band is left by the fit itself, and says nothing about the encoder.",
        "So the high band wins only because amplitudes are summed: in power the low band outweighs it.",
        "So the residual is a high-frequency one, in power as in amplitude and by about the published share.",
        "So the residual is a high-frequency one in power too, although its share differs from the published one.",
        "So the records do not show that the high band outweighs the low one.",
    ),
}


def finding(claim_id: str, table: pd.DataFrame) -> str:
    """The numbers that decide a claim, and what they amount to, in plain sentences.

    Args:
        claim_id: of a claim with a rule.
        table: its records, from the results store.
    """
    found = judge(RULES[claim_id], table)
    if found.case is NOT_MEASURED:
        return "There are no records yet."
    return f"{SENTENCES[claim_id](intervals(table))} {meaning(claim_id, found)}"


def stored_finding(claim_id: str, profile: str) -> str:
    """`finding` for the current records of a profile."""
    return finding(claim_id, stored_table(claim_id, profile))


def stored_verdict(claim_id: str, profile: str) -> str:
    """The verdict on a claim by the current records of a profile."""
    return judge(RULES[claim_id], stored_table(claim_id, profile)).case.verdict


def stored_table(claim_id: str, profile: str, model_hash: str | None = None) -> pd.DataFrame:
    """`experiment_table` of the experiment that a claim rests on."""
    return experiment_table(RULES[claim_id].experiment, profile, model_hash)


def meaning(claim_id: str, found: Judgement) -> str:
    """What the case that decided amounts to."""
    if found.case is TOO_FEW:
        return f"These are too few objects for a verdict: {found.audited.n} with the number that decides."
    return MEANING[claim_id][RULES[claim_id].cases.index(found.case)]


def _basins(x: Intervals) -> str:
    between, pred = x("heldout.psnr_between.random_vs_predinit"), x("heldout.psnr.pred")
    published = claim("C1").published["random_vs_predinit"]["channel_correlation"]
    return (
        f"In held-out views the two oracles match each other to {number(between.estimate, 1)} dB, and the "
        f"prediction matches the truth to {number(pred.estimate, 1)} dB. Their triplanes correlate by "
        f"{number(x(C1_OURS).estimate)} over all texels (published: {number(published)}), by "
        f"{number(x(C1_MATTER).estimate)} over those that the object occupies and by "
        f"{number(x(C1_FEATURES).estimate)} behind the decoder's first layer; on the straight line between them "
        f"the renders lose up to {number(x('path.barrier').estimate, 1)} dB."
    )


def _residual_spectrum(x: Intervals) -> str:
    published = claim("C2").published
    high, low = ([published[name][band] for name in PUBLISHED_OBJECTS] for band in (2, 0))
    return (
        f"By the published definition {percent(x('predicted.published.high').estimate)} of the residual lies in "
        f"the high band and {percent(x('predicted.published.low').estimate)} in the low one (published: "
        f"{percent_range(high)} and {percent_range(low)}; white noise: "
        f"{percent(x('white_noise.published.high').estimate)} and "
        f"{percent(x('white_noise.published.low').estimate)}). In power it is "
        f"{percent(x('predicted.power.high').estimate)} and {percent(x('predicted.power.low').estimate)}, and a fit "
        f"whose true residual is zero leaves {percent(x('floor.high').estimate)} of that high-band power."
    )


SENTENCES: dict[str, Callable[[Intervals], str]] = {"C1": _basins, "C2": _residual_spectrum}
