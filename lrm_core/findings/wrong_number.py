"""One wrong number: what telling a wrong source distance makes of the published numbers, and what repairs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from statistics import fmean

import numpy as np
import pandas as pd

from lrm_core.findings import repair
from lrm_core.findings.cause import MOST, PATTERN, SLACK, Cause, Share, pattern, pattern_met, shift
from lrm_core.findings.prose import listed, percent, percent_interval, percent_range
from lrm_core.findings.sentences import say
from lrm_core.findings.verdicts import experiment_table
from lrm_core.profiles import PUBLISHED, get_profile
from lrm_core.records.statistics import Interval

EXPERIMENTS = ("e05_residual_spectrum", "e08_band_correction", "e09_low_band", "e04_visibility")
TEXT = "one_wrong_number"
ONE = "one number for all objects: nothing to pair"


@dataclass(frozen=True)
class Point:
    """The four shares of the pattern for one thing that the encoder is told."""

    told: float
    shares: Mapping[str, Interval]


def conditions(profile: str) -> dict[str, Point]:
    """The pattern of the same objects told the truth, and in the published condition at their mean factor."""
    plan = get_profile(profile + PUBLISHED)
    factor = fmean(plan.told(folder.name) for folder in plan.object_folders())
    return {
        "told the truth": Point(1.0, pattern(profile, like=plan.name)),
        "published condition": Point(factor, pattern(profile + PUBLISHED)),
    }


def pattern_table(points: Mapping[str, Point], shifts: Mapping[str, Interval]) -> pd.DataFrame:
    """The four shares, published, in both `conditions` with their `shift`, and whether the pattern is there."""
    rows, shares = [], [point.shares for point in points.values()]
    for name, share in PATTERN.items():
        published = f"{percent(share.low)} to {percent(share.high)}"
        ours = [percent_interval(of[name]) if of[name].n else "–" for of in (*shares, shifts)]
        rows.append((share.words, published, *ours))
    met = [pattern_met(of) if of["high_share"].n else "not measured yet" for of in shares]
    rows.append(("the pattern is", "", *met, ""))
    return pd.DataFrame(rows, columns=["share", "published", *points, "shift, object by object"])


def titles(profile: str, doses: Mapping[float, Mapping[str, Interval]]) -> dict[str, str]:
    """What the figures of the chapter show, by their names."""
    met = [f"{factor:g}" for factor, shares in doses.items() if pattern_met(shares) == "there"]
    sizes = experiment_table("extent", profile + PUBLISHED)
    follows = np.polyfit(np.log(sizes["told"]), np.log(sizes["extent"]), 1)[0] if len(sizes) > 2 else nan
    where = {"slack": f"{SLACK:g}", "factors": listed(met)}
    at = say(TEXT, "title pattern", **where) if met else say(TEXT, "title no pattern")
    return {"pattern": at, "size": say(TEXT, "title size", follows=percent(follows))}


def causes_text(causes: Sequence[Cause]) -> str:
    """What the wrong distance does to the numbers of the claims, in a sentence; empty where none was measured."""
    answers = dict.fromkeys(found.answer for found in causes if found.towards.known)
    if not answers:
        return ""
    named = {answer: listed([of.claim for of in causes if of.answer == answer]) for answer in answers}
    return say(TEXT, "causes", claims="; ".join(f"{answer}: {claims}" for answer, claims in named.items()))


def moved(found: Cause, condition: Mapping[str, float]) -> str:
    """What the wrong distance does to the number of a claim; `condition` is its row of verdicts in that condition."""
    measured = not isnan(condition["ours_published_definition"])
    return ONE if measured and not found.towards.known else found.answer


def answer(
    profile: str, points: Mapping[str, Point], doses: Mapping[float, Mapping[str, Interval]], harms: str = ""
) -> str:
    """What was found, in Markdown, by the `conditions` and the doses of a profile, and a sentence on other harms."""
    truth, condition = (point.shares for point in points.values())
    if not condition["high_share"].n or not doses:
        return "Not measured yet."
    shifts, farthest = shift(profile), max(doses)
    moved = sum(_towards(truth[name].estimate, shifts[name], share) for name, share in PATTERN.items())
    at = {
        "told as published": condition,
        "told the truth": truth,
        f"told {farthest:g} times the truth": doses[farthest],
    }
    told = ", ".join(_told(words, shares) for words, shares in at.items())
    corrections = PATTERN["low_correction"], PATTERN["high_correction"]
    coarse, fine = (percent_range([of.low, of.high]) for of in corrections)
    met = say(TEXT, pattern_met(condition), moved=str(moved), shares=str(len(PATTERN)))
    shares = say(TEXT, "shares", told=told, coarse=coarse, fine=fine)
    return f"{met} {shares} {harms}\n\n{repair.answer(profile)}".strip()


def _towards(truth: float, shift: Interval, share: Share) -> bool:
    """Whether a share moves towards its published range, by the whole interval of its shift."""
    return shift.low > 0 if truth < share.low else shift.high < 0


def _told(words: str, shares: Mapping[str, Interval]) -> str:
    low, high = (percent(shares[name].estimate) for name in ("low_correction", "high_correction"))
    return say(TEXT, "told", condition=words, low=low, high=high, objects=str(shares["low_correction"].n))


def rule_text() -> str:
    """The rules of cause and pattern, as Markdown."""
    return say(TEXT, "rule", most=f"{MOST:.0%}", slack=f"{SLACK:g}", near=f"{repair.NEAR:g}")
