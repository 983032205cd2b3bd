"""Figures and tables on the amplification of the low band (claim C5; audit A3, A4), in the chapter on E8."""

from collections.abc import Mapping
from math import inf, isnan, nan
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from lrm_core.evidence.claims import claim, published
from lrm_core.evidence.experiments.e08_band_correction import amplification, flat_improvement
from lrm_core.evidence.verdicts import intervals
from lrm_core.findings.c02 import PUBLISHED_SIZE, law_shares, matching_exponent
from lrm_core.show.chapter import Chapter
from lrm_core.show.diagnosis.correction import published_cutoff
from lrm_core.show.elements.prose import mean_and_interval, number, percent
from lrm_core.show.elements.strips import Panel, Row, strips
from lrm_core.spectral import PUBLISHED_EDGES, power_law_shares

FLAT_LIMIT = 2.0  # at one cutoff and by power, a renderer that prefers no band stays below it
MIXTURE = "amplification.published_mixture"
DEFINITIONS = {
    MIXTURE: ("as published: two cutoffs, amplitude", f"{MIXTURE}.flat_ratio"),
    "amplification.reference": (
        "one cutoff, power, to renders of the oracle",
        "amplification.flat_ratio",
    ),
    "amplification.truth": ("one cutoff, power, to the truth", "amplification.flat_ratio"),
}


def published_ratios() -> dict[str, float]:
    """The ratio that follows from the published improvements and shares of each object."""
    return {name: amplification(*_published_of(name))["ratio"] or nan for name in published("C4")["low_only"]}


def published_table() -> pd.DataFrame:
    """What the published ratio is made of."""
    rows = []
    for name, ratio in published_ratios().items():
        improved, share = _published_of(name)
        rows.append((name, *_percents(improved), *_percents(share), number(ratio, 0)))
    cutoff, (_, low, high, end) = published_cutoff(), PUBLISHED_EDGES
    return pd.DataFrame(
        rows,
        columns=[
            "object",
            f"improvement below {cutoff:g}",
            f"improvement from {cutoff:g}",
            f"share below {low:g}",
            f"share {high:g} to {end:g}",
            "ratio",
        ],
    )


def published_sentence() -> str:
    """Whether the published range holds the ratios of the published tables."""
    low, high = claim("C5").published["ratio"]
    ratios = published_ratios()
    inside = [name for name, ratio in ratios.items() if low <= ratio <= high]
    listed = " and ".join(f"{number(ratio, 0)} ({name})" for name, ratio in ratios.items())
    verdict = f"{len(inside)} of these {len(ratios)}" if inside else "neither"
    return (
        f"From the published tables follow {listed}; the published range of {low} to {high} holds {verdict}. "
        f"The improvements split the residual at {published_cutoff():g} × Nyquist; the shares are those below "
        f"{PUBLISHED_EDGES[1]:g} and above {PUBLISHED_EDGES[2]:g}, and they are shares of amplitude."
    )


def flat_ratios() -> tuple[float, float]:
    """What a renderer that prefers no band scores where the residual is a power law of the published share.

    Returns:
        by the published definition; at one cutoff and by power.
    """
    exponent = matching_exponent()
    edges = (0.0, published_cutoff(), inf)
    power = _bands(*power_law_shares(PUBLISHED_SIZE, exponent, edges, "power").tolist())
    low, _, high = law_shares(exponent)[0]
    improved = flat_improvement(power)
    return tuple(amplification(improved, share)["ratio"] or nan for share in (_bands(low, high), power))


def flat_sentence() -> str:
    """What the published definition makes of a renderer that prefers no band."""
    exponent, (mixture, power) = matching_exponent(), flat_ratios()
    return (
        f"Take a residual whose power falls like f to the minus {number(exponent, 1)}, which has the published share "
        f"in the high band, and a renderer that prefers no band. It scores {number(mixture, 1)} by the published "
        f"definition, and {number(power, 1)} at one cutoff and by power."
    )


def ratio_figure(chapter: Chapter) -> go.Figure:
    """The ratio of every object by each definition, beside that of a renderer that prefers no band."""
    x, (low, high) = intervals(chapter.table), claim("C5").published["ratio"]
    rows = [
        Row(label, f"{column}.ratio", _known({"flat renderer": x(flat).estimate}))
        for column, (label, flat) in DEFINITIONS.items()
    ]
    lines = {"twice": FLAT_LIMIT, f"{low}": float(low), f"{high}": float(high)}
    panel = Panel("low band over high band, gain per share", rows, lines, log=True)
    alt = (
        "Ratio of every object in three rows on a logarithmic axis, with that of a flat renderer. "
        + " ".join(
            f"{label}: {number(x(f'{column}.ratio').estimate, 1)}, flat {number(x(flat).estimate, 1)}."
            for column, (label, flat) in DEFINITIONS.items()
        )
    )
    return strips(chapter.table, chapter.groups, [panel], alt)


def ratio_table(chapter: Chapter) -> pd.DataFrame:
    """Each definition with its ratio, how many objects have one, and the difference that the rule reads."""
    x = intervals(chapter.table)
    count = chapter.table["object"].nunique()
    rows = [
        (
            label,
            mean_and_interval(x(f"{column}.ratio"), 1),
            f"{x(f'{column}.ratio').n} of {count}",
            number(x(flat).estimate, 1),
            mean_and_interval(x(f"{column}.low_minus_twice_high")),
        )
        for column, (label, flat) in DEFINITIONS.items()
    ]
    columns = ["definition", "ratio", "objects with one", "flat renderer", "low minus twice high"]
    return pd.DataFrame(rows, columns=columns)


def _published_of(name: str) -> tuple[dict[str, float], dict[str, float]]:
    """Published improvements and amplitude shares of one object."""
    low, _, high = published("C2")[name]
    improved = published("C4")
    return _bands(improved["low_only"][name], improved["high_only"][name]), _bands(low, high)


def _bands(low: float, high: float) -> dict[str, float]:
    return {"low": low, "high": high}


def _percents(bands: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(percent(value) for value in bands.values())


def _known(marks: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in marks.items() if not isnan(value)}
