"""What the records say to the question of the title: its answer in one sentence, and the numbers of the findings."""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import pandas as pd

from lrm_core.evidence import cause
from lrm_core.evidence.cause import PATTERN, pattern, pattern_met
from lrm_core.evidence.rules import Intervals
from lrm_core.evidence.statistics import UNKNOWN, Interval, per_object
from lrm_core.evidence.verdicts import experiment_table, intervals
from lrm_core.findings import repair
from lrm_core.findings.c04 import MARGIN
from lrm_core.profiles import DISTANCES, TOLD
from lrm_core.show.diagnosis.published_scale import ARMS, UNTOUCHED, published_extents
from lrm_core.show.elements.prose import listed, number, percent, percent_range
from lrm_core.show.front.forest import CONDITION, conditions

SPECTRUM, CORRECTION = "e05_residual_spectrum", "e08_band_correction"
RECORDS = "the records in data/results/{profile}/"
FACTS: Mapping[str, str] = {
    **{
        f"{start}.{measure}.{band}": RECORDS + SPECTRUM
        for start in ("predicted", "random")
        for measure in ("published", "power")
        for band in ("low", "high")
    },
    "told": "the published configuration and code",
    "distances": "the published configuration and code",
    "extent.before": "data/published_scale.csv",
    "extent.after": "data/published_scale.csv",
    **dict.fromkeys(("coarse", "fine", "wins", "harmed", "margin"), RECORDS + CORRECTION),
    **dict.fromkeys(("repair.gain", "repair.only_told", "repair.truth"), RECORDS + "e14_finetuning"),
}  # where each number of `facts` comes from
UNKNOWN_ANSWER = "The records that answer this have not been made yet."
Shares = Mapping[str, float]


def dose(profile: str) -> dict[float, Shares]:
    """The four shares of the pattern by what the encoder is told over the true distance, mean over objects."""
    return {
        factor: {name: mean.estimate for name, mean in means.items()}
        for factor, means in cause.dose(profile).items()
    }


def wrong(profile: str) -> dict[str, Sequence[Shares]]:
    """Shares where the told distance is wrong, by what is told: as published, and at the ends of the dose."""
    told: dict[str, Sequence[Shares]] = {}
    if CONDITION in (names := conditions(profile)):
        found = {name: share.estimate for name, share in pattern(names[CONDITION]).items()}
        if not any(np.isnan(list(found.values()))):
            told[CONDITION] = [found]
    if found_at := dose(profile):
        ends = min(found_at), max(found_at)
        told[f"at {' or '.join(f'{end:g}' for end in ends)} of the true one"] = [
            found_at[end] for end in ends
        ]
    return told


@cache
def answer(profile: str) -> str:
    """One sentence that answers the title, from the records of a profile."""
    told = wrong(profile)
    truth = {name: share.estimate for name, share in pattern(profile).items()}
    if not told or any(np.isnan([*truth.values()])):
        return UNKNOWN_ANSWER
    first = next((words for words, shares in told.items() if any(map(_met, shares))), next(iter(told)))
    if any(map(_met, told[first])):
        off = " that is far off" if CONDITION in told and first != CONDITION else ""
        opening = (
            "Yes" if _met(truth) else f"Only when the encoder is told a distance{off or ' that is wrong'}"
        )
    else:
        opening = "Only when the encoder is told the right distance" if _met(truth) else "Not here"
    others = (
        f"told as published {_pair(told[CONDITION])}, " if CONDITION in told and first != CONDITION else ""
    )
    return (
        f"{opening}: {first}, correcting its coarse error removes {_range(told[first], 'low_correction')} of the "
        f"damage and its fine error {_range(told[first], 'high_correction')} (published {_published('low')} and "
        f"{_published('high')}), {others}told the truth {_pair([truth])}; and {_dependence(profile)}."
    )


def _met(found: Shares) -> bool:
    """Whether the published pattern is there, or all of it but one share."""
    return (
        pattern_met({name: Interval(value, value, value, 1) for name, value in found.items()}) != "not there"
    )


def _range(shares: Sequence[Shares], name: str) -> str:
    values = [found[name] for found in shares]
    return percent(values[0]) if len(values) == 1 else percent_range(values)


def _pair(shares: Sequence[Shares]) -> str:
    return f"{_range(shares, 'low_correction')} and {_range(shares, 'high_correction')}"


def _published(band: str) -> str:
    share = PATTERN[f"{band}_correction"]
    return percent_range([share.low, share.high])


def _dependence(profile: str) -> str:
    """Whether the error is fine or coarse, by both oracles and both measures."""
    found = spectrum(profile)
    fine = {place: high > low for place, (low, high) in found.items()}
    if len(set(fine.values())) > 1:
        return "whether its error is fine or coarse depends on the reference and on counting amplitudes"
    return f"its error is {'fine' if fine.popitem()[1] else 'coarse'} by every reference and measure"


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
    return lambda column: intervals(table)(column) if column in table else UNKNOWN


@cache
def facts(profile: str) -> dict[str, str]:
    """The numbers of the three findings by name, as text."""
    pairs, margin = (
        improvements(profile),
        _known(experiment_table(CORRECTION, profile))(MARGIN["truth"]),
    )
    shares = {
        f"{start}.{measure}.{band}": percent(values[at])
        for (start, measure), values in spectrum(profile).items()
        for at, band in enumerate(("low", "high"))
    }
    extents = published_extents().groupby(["tuned", "arm"])["extent"].mean()["LoRA"]
    ends = ", ".join(number(100 * end, 1 if abs(end) < 0.01 else 0) for end in (margin.low, margin.high))
    repaired = next((arm for arm in repair.arms(profile) if arm.arm == repair.PUBLISHED_ARM), None)
    return shares | {
        "repair.gain": percent(repaired.gain.estimate) if repaired else "–",
        "repair.only_told": percent(repaired.only_told.estimate) if repaired else "–",
        "repair.truth": percent(repaired.gain_truth.estimate) if repaired else "–",
        "told": f"{TOLD:g}",
        "distances": " to ".join(f"{distance:g}" for distance in DISTANCES),
        "extent.before": number(extents[UNTOUCHED]),
        "extent.after": listed(sorted({number(extents[arm]) for arm in ARMS["LoRA"]})),
        "coarse": percent(pairs["low"].mean()),
        "fine": percent(pairs["high"].mean()),
        "wins": f"{int((pairs['low'] > pairs['high']).sum())} of {len(pairs)}",
        "harmed": str(int((pairs["low"] < 0).sum())),
        "margin": f"{number(100 * margin.estimate, 0)} points [{ends}]",
    }
