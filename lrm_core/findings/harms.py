"""Which harm of the source view makes the published numbers: their vector for every harm, against the published one.

The rules were written down before anything was measured under these harms.

*Distance* of a harm: root mean square over the numbers of (mean over objects - published) / spread, where the spread
is the standard deviation over all objects told the truth. Its interval resamples objects.

*Answer*: a harm goes *towards* the published numbers where its distance less that of the truth, the same objects
resampled in both, lies below 0 with its interval, *away* where it lies above 0. The published pattern is *specific*
to a wrong distance if a wrong distance goes towards it and no other harm of the same size does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean
from typing import Literal
from warnings import catch_warnings, simplefilter

import numpy as np
import pandas as pd
from jaxtyping import Float64

from lrm_core.findings.c02 import SHARES
from lrm_core.findings.c04 import PUBLISHED as REMOVED
from lrm_core.findings.cause import PATTERN, SLACK, pattern, pattern_met
from lrm_core.findings.claims import headline
from lrm_core.findings.finding import say
from lrm_core.findings.prose import listed, percent
from lrm_core.findings.verdicts import RULES, experiment_table
from lrm_core.profiles import DOSES, HARMS, PROFILES, RENDERINGS, RUNGS
from lrm_core.records.statistics import FEWEST_OBJECTS, Interval, bca_interval, per_object

RESAMPLES, LEVEL = 9999, 0.95
# as much held-out error as a distance told 0.8 times the true one
EQUAL = {"turned": "a turned camera", "focal": "a longer focal length", "blurred": "a blurred source"}
TOLD = "told-"
ALIKE = 0.9  # cosine above which two changes of a prediction are called the same
TEXT = "one_wrong_number"
CLAIMS = ("C2", "C4", "C5", "C6", "C7")  # whose experiments are made under every harm


@dataclass(frozen=True)
class Fingerprint:
    """What a harm makes of the published numbers."""

    harm: str  # of `HARMS` or `RUNGS`, "published" for the published condition, or "path-traced"
    numbers: Mapping[str, float]  # mean over objects of each
    distance: Interval  # to the published numbers, in spreads
    over_truth: Interval  # the same less that of the same objects told the truth

    @property
    def answer(self) -> Literal["towards", "away", "neither"]:
        """What the rule of this module says."""
        if self.over_truth.high < 0:
            return "towards"
        return "away" if self.over_truth.low > 0 else "neither"


def published_numbers() -> dict[str, float]:
    """The published number of each claim of `CLAIMS`, and the two shares of the pattern that none of them is."""
    others = {"low_share": fmean(SHARES["low"]), "high_correction": fmean(REMOVED["high"])}
    return {claim: headline(claim) for claim in CLAIMS} | others


def numbers_of(profile: str) -> pd.DataFrame:
    """The numbers of `published_numbers` of each object of a profile, objects that have all records; may be empty."""
    places = {claim: (RULES[claim].experiment, RULES[claim].ours) for claim in CLAIMS}
    places |= {of: (PATTERN[of].experiment, PATTERN[of].column) for of in ("low_share", "high_correction")}
    tables = {experiment: experiment_table(experiment, profile) for experiment, _ in places.values()}
    if any(table.empty for table in tables.values()):
        return pd.DataFrame(columns=list(places))
    recorded = set.intersection(*(set(table["object"]) for table in tables.values()))
    found = {name: per_object(tables[experiment], column) for name, (experiment, column) in places.items()}
    return pd.DataFrame(found).loc[lambda table: table.index.isin(recorded)]


@cache
def fingerprints(profile: str = "mini") -> list[Fingerprint]:
    """Every harm that was measured on enough objects, the truth first, on the objects that the truth has as well."""
    truth = numbers_of(profile)
    places = {"truth": profile} | {harm: f"{profile}-{harm}" for harm in ("published", *HARMS) if harm != "truth"}
    if profile == RENDERINGS[0]:
        places |= {"path-traced": RENDERINGS[1]} | {name: name for name in RUNGS}
    found = []
    for harm, place in places.items():
        harmed = numbers_of(place) if place in PROFILES else truth[:0]
        common = truth.index.intersection(harmed.index)
        if len(common) >= FEWEST_OBJECTS:
            found.append(fingerprint(harm, truth.loc[common], harmed.loc[common], truth.std()))
    return found


def fingerprint(harm: str, truth: pd.DataFrame, harmed: pd.DataFrame, spread: pd.Series) -> Fingerprint:
    """`Fingerprint` of a harm by the numbers of the same objects told the truth and harmed, and a unit for each."""
    target = np.array([published_numbers()[name] for name in truth])
    drawn = np.random.default_rng(0).integers(len(truth), size=(RESAMPLES, len(truth)))
    samples = np.vstack([np.arange(len(truth)), drawn])  # first the objects themselves
    values = [table.to_numpy(dtype=float) for table in (truth, harmed)]
    before, after = (_distance(each, samples, target, spread.to_numpy()) for each in values)
    numbers = dict(zip(truth, np.nanmean(values[1], axis=0).tolist(), strict=True))
    return Fingerprint(harm, numbers, *(_interval(of, len(truth)) for of in (after, after - before)))


def _distance(
    values: Float64[np.ndarray, "objects numbers"], samples: np.ndarray, target: np.ndarray, spread: np.ndarray
) -> Float64[np.ndarray, " samples"]:
    """Distance of the means of each sample of objects, rows of indices; numbers that a sample lacks do not count."""
    with catch_warnings():
        simplefilter("ignore", RuntimeWarning)  # a sample of objects without a ratio
        means = np.nanmean(values[samples], axis=1)
    return np.sqrt(np.nanmean(((means - target) / spread) ** 2, axis=1))


def _interval(samples: np.ndarray, n: int) -> Interval:
    """The first of some numbers with the interval of the others."""
    low, high = np.quantile(samples[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(samples[0]), float(low), float(high), n)


def specific(found: Sequence[Fingerprint]) -> str:
    """What the rule of this module says of all harms together, also that it was "not measured"."""
    answers = {of.harm: of.answer for of in found}
    if not set(EQUAL) <= set(answers):
        return "not measured"
    if not any(answer == "towards" for harm, answer in answers.items() if harm.startswith(TOLD)):
        return "no wrong distance"
    return "not specific" if "towards" in map(answers.get, EQUAL) else "specific"


def words(harm: str) -> str:
    """A harm as a reader expects it."""
    if harm.startswith(TOLD):
        return f"told {harm.removeprefix(TOLD)} × the distance"
    if harm in RUNGS:
        return f"a model trained for {RUNGS[harm]} steps"
    source = HARMS.get(harm, HARMS["truth"])
    return {
        "published": "told as published",
        "turned": f"camera turned by {source.turned:g}°",
        "focal": f"focal length × {source.focal:g}",
        "blurred": f"source blurred by {source.blur:g} pixels",
        "path-traced": "images by a path tracer",
    }.get(harm, "told the truth")


def sentence(section: str, found: Sequence[Fingerprint]) -> str:
    """A section of the text for what the rule says: `harms`, or `title harms` where they were measured."""
    others = listed([EQUAL[of.harm] for of in found if of.harm in EQUAL and of.answer == "towards"])
    return say(TEXT, f"{section}: {specific(found)}", others=others)


def less_trained(found: Sequence[Fingerprint]) -> str:
    """Steps of training after which a model told the truth shows the whole published pattern, in words."""
    rungs = [of.harm for of in found if of.harm in RUNGS]
    return listed([str(RUNGS[name]) for name in rungs if pattern_met(pattern(name)) == "there"])


def said(found: Sequence[Fingerprint]) -> str:
    """What other harms do, and which model shows the pattern without any, in sentences."""
    others, steps = sentence("harms", found), less_trained(found)
    objects = max((pattern(of.harm)["low_correction"].n for of in found if of.harm in RUNGS), default=0)
    trained = say(TEXT, "less trained", steps=steps, slack=f"{SLACK:g}", objects=str(objects)) if steps else ""
    return f"{others} {trained}".strip()


def caption(figure: str) -> str:
    """How a figure reads, `harms` or `dose`."""
    return say(TEXT, f"caption {figure}")


def shared(found: Sequence[Fingerprint]) -> str:
    """What the harms that go towards the published numbers share; empty unless others than the distance do."""
    if specific(found) != "not specific":
        return ""
    removed = [of.numbers["C4"] for of in found if of.answer == "towards" and of.harm != "published"]
    truth = next(of.numbers["C4"] for of in found if of.harm == "truth")
    return say(TEXT, "shared", least=percent(min(removed)), most=percent(max(removed)), truth=percent(truth))


def heard(alike: Mapping[str, float]) -> str:
    """What the model hears of a wrong camera, by the cosine of each move with that of a wrong distance."""
    return say(TEXT, "heard" if min(alike["turned"], alike["focal"]) > ALIKE else "heard apart")


def dose_title(doses: Mapping[str, Mapping[float, Interval]]) -> str:
    """How many numbers come nearest to the published one at a wrong distance; of `doses`."""
    target = published_numbers()
    best = [min(means, key=lambda f: abs(means[f].estimate - target[name])) for name, means in doses.items()]
    return say(TEXT, "title dose", nearest=str(sum(factor != 1 for factor in best)), count=str(len(best)))


def doses(profile: str = "mini") -> dict[str, dict[float, Interval]]:
    """Every number of `published_numbers` over the factor told, each against an oracle from its own prediction.

    Factors with records, objects that were measured at all of them.
    """
    places = {factor: f"{profile}-{TOLD}{factor:g}" for factor in DOSES} | {1.0: profile}
    tables = {factor: numbers_of(place) for factor, place in places.items() if place in PROFILES}
    tables = {factor: table for factor, table in tables.items() if len(table) >= FEWEST_OBJECTS}
    if len(tables) < 2:
        return {}
    common = set.intersection(*(set(table.index) for table in tables.values()))
    tables = {factor: tables[factor].loc[sorted(common)] for factor in sorted(tables)}
    return {
        name: {factor: bca_interval(of[name].dropna().to_numpy()) for factor, of in tables.items()}
        for name in published_numbers()
    }
