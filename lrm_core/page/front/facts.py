"""What the records say to the question of the title: its answer, and the numbers of the findings."""

from collections.abc import Mapping
from functools import cache
from math import log

import pandas as pd

from lrm_core.findings import repair
from lrm_core.findings.c04 import MARGIN
from lrm_core.findings.cause import PATTERN, dose, pattern, pattern_met
from lrm_core.findings.finding import say
from lrm_core.findings.harms import fingerprints, less_trained, sentence
from lrm_core.findings.prose import listed, number, percent, percent_range
from lrm_core.findings.rules import Intervals
from lrm_core.findings.verdicts import experiment_table
from lrm_core.findings.wrong_number import ARMS, UNTOUCHED, published_extents
from lrm_core.page.front.forest import CONDITION, conditions
from lrm_core.profiles import DISTANCES, DRAWN, TOLD
from lrm_core.records.statistics import UNKNOWN, Interval, interval_of, per_object

SPECTRUM, CORRECTION = "e05_residual_spectrum", "e08_band_correction"
RECORDS = "the records in data/results/{profile}/"
FACTS: Mapping[str, str] = {
    **{f"{start}.power.{band}": RECORDS + SPECTRUM for start in ("predicted", "random") for band in ("low", "high")},
    **dict.fromkeys(("told", "factors", "distances"), "the published configuration and code"),
    **dict.fromkeys(("extent.before", "extent.after"), "data/published_scale.csv"),
    **dict.fromkeys(("coarse", "fine", "wins", "harmed", "margin", "random"), RECORDS + CORRECTION),
    **dict.fromkeys(("repair.gain", "repair.only_told", "repair.truth"), RECORDS + "e14_finetuning"),
    "harms": "the records in data/results/{profile}-*/",
    "less_trained": "the records in data/results/rung-*/",
}  # where each number of `facts` comes from
UNKNOWN_ANSWER = "The records that answer this have not been made yet."
TEXT = "front"
OUTCOMES = {"truth": "there", "condition": "there told as published", "far": "there far off"}
Shares = Mapping[str, Interval]


@cache
def answer(profile: str) -> str:
    """What was published, and what the records of a profile say to it, in a few sentences."""
    truth, doses = pattern(profile), dose(profile)
    condition = conditions(profile).get(CONDITION)
    published = pattern(condition) if condition else truth
    if not all((truth["high_correction"].n, doses, condition, published["high_correction"].n)):
        return UNKNOWN_ANSWER
    paired = pattern(profile, like=condition)
    told = {"truth": truth, "condition": published, "far": _first_met(doses) or truth, "paired": paired}
    fields = {
        f"{name}_{band}": percent(shares[f"{band}_correction"].estimate)
        for name, shares in told.items()
        for band in ("low", "high")
    }
    fields |= {
        band: percent_range([PATTERN[f"{band}_correction"].low, PATTERN[f"{band}_correction"].high])
        for band in ("low", "high")
    }
    factor = next((f"{factor:g}" for factor, shares in doses.items() if shares is told["far"]), "")
    section = next((outcome for name, outcome in OUTCOMES.items() if _met(told[name])), "not there")
    said = [say(TEXT, "published"), say(TEXT, section, factor=factor, **fields)]
    said += [say(TEXT, "less trained")] if less_trained(fingerprints(profile)) else []
    return " ".join(said)


def _first_met(doses: Mapping[float, Shares]) -> Shares | None:
    """The shares of the pattern at the wrong distance nearest to the truth that makes it, if one does."""
    wrong = sorted((factor for factor in doses if factor != 1), key=lambda factor: abs(log(factor)))
    return next((doses[factor] for factor in wrong if _met(doses[factor])), None)


def _met(shares: Shares) -> bool:
    return pattern_met(shares) == "there"


def spectrum(profile: str) -> dict[tuple[str, str], tuple[float, float]]:
    """Low and high share of the residual by oracle ("predicted", "random") and measure ("published", "power")."""
    x = _known(experiment_table(SPECTRUM, profile))
    return {
        (start, measure): tuple(x(f"{start}.{measure}.{band}").estimate for band in ("low", "high"))
        for start in ("predicted", "random")
        for measure in ("published", "power")
    }


def improvements(profile: str) -> pd.DataFrame:
    """Improvement to the truth by the low and by the high band, one row per object: low, high."""
    table, bands = experiment_table(CORRECTION, profile), ("low", "high")
    if table.empty:
        return pd.DataFrame(columns=bands, dtype=float)
    return pd.DataFrame({band: per_object(table, f"corrections.{band}.truth.improvement") for band in bands})


def _known(table: pd.DataFrame) -> Intervals:
    """Intervals of the columns of a table, unknown of those that it lacks."""
    return lambda column: interval_of(table, column) if column in table else UNKNOWN


@cache
def facts(profile: str) -> dict[str, str]:
    """The numbers of the three findings by name, as text."""
    pairs, corrections = improvements(profile), _known(experiment_table(CORRECTION, profile))
    margin = corrections(MARGIN["truth"])
    shares = {
        f"{start}.power.{band}": percent(share)
        for (start, measure), values in spectrum(profile).items()
        for band, share in zip(("low", "high"), values, strict=True)
        if measure == "power"
    }
    extents = published_extents().groupby(["tuned", "arm"])["extent"].mean()["LoRA"]
    ends = ", ".join(number(100 * end, 1 if abs(end) < 0.01 else 0) for end in (margin.low, margin.high))
    repaired = next((arm for arm in repair.arms(profile) if arm.arm == repair.PUBLISHED_ARM), None)
    learned = {"gain": "gain", "only_told": "only_told", "truth": "gain_truth"}
    return shares | {
        **{f"repair.{name}": percent(getattr(repaired, of, UNKNOWN).estimate) for name, of in learned.items()},
        "harms": sentence("harms", fingerprints(profile)),
        "less_trained": less_trained(fingerprints(profile)) or "–",
        "told": f"{TOLD:g}",
        "factors": " to ".join(number(factor) for factor in DRAWN),
        "distances": " to ".join(f"{distance:g}" for distance in DISTANCES),
        "extent.before": number(extents[UNTOUCHED]),
        "extent.after": listed(sorted({number(extents[arm]) for arm in ARMS["LoRA"]})),
        "coarse": percent(pairs["low"].mean()),
        "fine": percent(pairs["high"].mean()),
        "wins": f"{int((pairs['low'] > pairs['high']).sum())} of {len(pairs)}",
        "random": percent(corrections("corrections.random_low.truth.improvement").estimate),
        "harmed": str(int((pairs["low"] < 0).sum())),
        "margin": f"{number(100 * margin.estimate, 0)} points [{ends}]",
    }
