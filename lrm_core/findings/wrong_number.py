"""One wrong number: what telling a wrong source distance makes of the published numbers, and what repairs it.

Of our model, of the published pictures of the fork, and by the ten-minute test of any model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from statistics import fmean

import numpy as np
import pandas as pd

from lrm_core.findings import repair
from lrm_core.findings.cause import MOST, PATTERN, SLACK, Cause, Share, pattern, pattern_met, shift
from lrm_core.findings.finding import say
from lrm_core.findings.prose import listed, mean_and_interval, number, percent, percent_interval, percent_range
from lrm_core.findings.verdicts import experiment_table
from lrm_core.measure.e17_source_distance import FACTORS, best_told
from lrm_core.paths import data_dir
from lrm_core.profiles import DISTANCES, DRAWN, PUBLISHED, TOLD, get_profile
from lrm_core.records.statistics import Interval, interval_of

EXPERIMENTS = ("e05_residual_spectrum", "e08_band_correction", "e09_low_band", "e04_visibility")
TEXT = "one_wrong_number"
ONE = "one number for all objects: nothing to pair"
FILE = "published_scale.csv"
ARMS = {
    "LoRA": {"lora_mse_r8": "MSE", "lora_freqloss_r8": "FreqLoss"},
    "all weights": {"full_mse": "MSE", "full_freqloss": "FreqLoss"},
}  # of the file, by what was tuned
UNTOUCHED = "untouched"


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
        "published condition": Point(factor, pattern(plan.name)),
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
    """What the figures of the chapter show, by their names; raises as `published_extents`."""
    met = [f"{factor:g}" for factor, shares in doses.items() if pattern_met(shares) == "there"]
    sizes = experiment_table("extent", profile + PUBLISHED)
    follows = np.polyfit(np.log(sizes["told"]), np.log(sizes["extent"]), 1)[0] if len(sizes) > 2 else nan
    return {
        "pattern": say(TEXT, f"title {'' if met else 'no '}pattern", slack=f"{SLACK:g}", factors=listed(met)),
        "size": say(TEXT, "title size", follows=percent(follows)),
        "extents": say(TEXT, "title extents", **_growth(published_extents())),
    }


def causes_text(causes: Sequence[Cause]) -> str:
    """What the wrong distance does to the numbers of the claims, in a sentence; empty where none was measured."""
    answers = dict.fromkeys(found.answer for found in causes if found.towards.known)
    named = {answer: listed([of.claim for of in causes if of.answer == answer]) for answer in answers}
    claims = "; ".join(f"{answer}: {claims}" for answer, claims in named.items())
    return say(TEXT, "causes", claims=claims) if claims else ""


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
    at = {"told as published": condition, "told the truth": truth}
    at[f"told {farthest:g} times the truth"] = doses[farthest]
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


def published_extents() -> pd.DataFrame:
    """Extent of the renders over the true one in the published pictures of both fine-tuning experiments.

    Measured on the pictures: silhouettes are pixels with a channel below 225 of 255, their extent the geometric mean
    of the ranges from the 1st to the 99th percentile in x and in y. The experiments show the same five objects in
    other views, so that each has untouched renders of its own.

    Returns:
        One row per experiment, arm and object: tuned ("LoRA", "all weights"), arm (as in the file), object, and
        extent (mean over four views).

    FileNotFoundError if the file is missing.
    """
    table = pd.read_csv(data_dir() / FILE)
    table["tuned"] = table["arm"].map({arm: tuned for tuned, arms in ARMS.items() for arm in arms})
    table["tuned"] = table.groupby(["object", "view"])["tuned"].transform("first")
    means = table.groupby(["tuned", "arm", "object"], sort=False)["extent_ratio"].mean()
    return means.rename("extent").reset_index()


def enlargement(table: pd.DataFrame) -> pd.Series:
    """Mean over objects of extent after over extent before, by tuned and arm; of `published_extents`."""
    wide = table.pivot(index=["tuned", "object"], columns="arm", values="extent")
    factors = wide.drop(columns=UNTOUCHED).div(wide[UNTOUCHED], axis=0)
    return factors.stack().dropna().groupby(level=[0, 2]).mean()


def _growth(table: pd.DataFrame) -> dict[str, str]:
    growth = enlargement(table)
    return {"growth_least": number(growth.min()), "growth_most": number(growth.max())}


def fork_text() -> str:
    """Sizes untouched and after each fine-tuning; raises as `published_extents`."""
    table = published_extents()
    before = table.loc[table["arm"] == UNTOUCHED, "extent"]
    full = table[table["tuned"] == "all weights"].pivot(index="object", columns="arm", values="extent")
    nearest = full.loc[full[UNTOUCHED].idxmax()]
    return say(
        TEXT,
        "fork",
        least=number(before.min()),
        most=number(before.max()),
        drawn_least=number(DRAWN[0]),
        drawn_most=number(DRAWN[1]),
        factor=number(sum(DISTANCES) / 2 / TOLD, 3),
        right_before=number(nearest[UNTOUCHED]),
        right_after=number(nearest["full_mse"]),
    )


def told_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Means over objects with their intervals for each distance told, as text; of rows of `told_rows`."""
    names = table["told"].map("{:g}".format).where(~table["published"], f"{TOLD:g} / own")
    rows = [
        (name, *(mean_and_interval(interval_of(of, column), digits) for column, digits in (("l1", 4), ("extent", 3))))
        for name, of in table.groupby(names, sort=False)
    ]
    return pd.DataFrame(rows, columns=["told", "L1", "silhouette size"])


def best_factors(table: pd.DataFrame) -> dict[str, Interval]:
    """Geometric mean over objects of the best distance to tell over the true one, by l1 and by extent.

    Objects whose best is beyond the distances told are left out: n says how many are in.
    """
    best = pd.DataFrame({name: best_told(rows) for name, rows in table.groupby("object")}).T.astype(float)
    logs = np.log(best).rename_axis("object").reset_index()
    means = {name: interval_of(logs, name) for name in best}
    return {name: Interval(*np.exp([of.estimate, of.low, of.high]), of.n) for name, of in means.items()}


def published_rise(table: pd.DataFrame) -> Interval:
    """L1 of renders whose encoder was told 2.0, over that of the same object told the truth, less 1."""
    by_object = table.set_index("object")
    truth = by_object.loc[(by_object["told"] == 1) & ~by_object["published"], "l1"]
    rise = by_object.loc[by_object["published"], "l1"] / truth - 1
    return interval_of(rise.rename("rise").reset_index(), "rise")


def distance_sentence(table: pd.DataFrame) -> str:
    """The answer: best by error and by size, and what telling 2.0 did to these objects."""
    best, rise, count = best_factors(table), published_rise(table), table["object"].nunique()
    told = table.loc[table["published"], "told"]
    beyond = [f"{count - x.n} by {name}" for name, x in best.items() if x.n < count]
    left = f" (beyond {FACTORS[0]:g} to {FACTORS[-1]:g}, so left out: {', '.join(beyond)})" if beyond else ""
    return (
        f"{count} objects: renders have the least error when the encoder is told "
        f"{mean_and_interval(best['l1'], 3)} of the true distance, and the right size at "
        f"{mean_and_interval(best['extent'], 3)}{left}. Told {TOLD:g}, as in the published runs, these objects "
        f"are told {number(told.min())} to {number(told.max())} of their own distance, and L1 changes by "
        f"{percent_interval(rise)} against the truth: {_judged(rise)}."
    )


def _judged(rise: Interval) -> str:
    if not rise.known:
        return "too few objects to say whether it was a wrong distance"
    if rise.low > 0:
        return f"{TOLD:g} was a wrong distance for them"
    if rise.high < 0:
        return f"{TOLD:g} suits this model better than their own distance"
    return f"it is not shown that {TOLD:g} was a wrong distance for them"
