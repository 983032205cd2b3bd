"""Readings of the decoder's response as one number (chapter on E6, claim C3): published, ours, and references."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch

from lrm_core.evidence.experiments.e06_response import response_summary
from lrm_core.evidence.metrics import BANDS
from lrm_core.evidence.rules_response import C3_PREDICTED, C3_REFERENCE, LEVEL_H
from lrm_core.evidence.statistics import Interval
from lrm_core.evidence.verdicts import intervals
from lrm_core.show.chapter import Chapter
from lrm_core.show.diagnosis.response import SERIES
from lrm_core.show.elements.prose import mean_and_interval, number, percent
from lrm_core.show.elements.strips import Panel, Row, strips
from lrm_core.spectral import RESPONSE_BANDS

READINGS = {
    "bands": "low band over high band",
    "per_bin": "the same, per bin",
    "first_over_last": "first bin over last bin",
}
PLACES = {"around the oracle": C3_REFERENCE, "around the prediction": C3_PREDICTED}


def published_shares(published: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Published share of each band by object: {"stone": {"low": ..., "mid": ..., "high": ...}, ...}."""
    bands = {
        band: next(v for key, v in published.items() if key.startswith(f"share_{band}")) for band in BANDS
    }
    return {name: {band: bands[band][name] for band in BANDS} for name in bands["low"]}


def share_ratios(shares: Mapping[str, float], bins: int) -> dict[str, float]:
    """Low over high of published shares: as they are, and over the number of bins in each of the two bands."""
    low, _, high = (round(bins * width) for width in np.diff(RESPONSE_BANDS))
    bands = shares["low"] / shares["high"]
    return {"bands": bands, "per_bin": bands * high / low}


def published_ratios(published: Mapping[str, Any]) -> dict[str, float]:
    """The published number for each reading: means over objects, and the ratio of the claim."""
    ratios = [share_ratios(shares, published["bins"]) for shares in published_shares(published).values()]
    means = {name: float(np.mean([row[name] for row in ratios])) for name in ("bands", "per_bin")}
    return means | {"first_over_last": published["ratio"]}


def published_table(published: Mapping[str, Any]) -> pd.DataFrame:
    """Published shares of each object, and what low over high is by them."""
    edges = [f"{edge:g}" for edge in RESPONSE_BANDS]
    names = [f"{band} ({low} to {high})" for band, low, high in zip(BANDS, edges, edges[1:], strict=False)]
    rows = []
    for name, shares in published_shares(published).items():
        ratios = share_ratios(shares, published["bins"]).items()
        row = dict(zip(names, map(percent, shares.values()), strict=True))
        rows.append({"object": name} | row | {READINGS[key]: number(ratio) for key, ratio in ratios})
    return pd.DataFrame(rows)


def published_sentence(published: Mapping[str, Any]) -> str:
    """How the number of the claim and those of its table are related."""
    ratios, level = published_ratios(published), level_ratios(published["bins"])
    return (
        f"The {number(ratios['first_over_last'], 1)} of the claim is not in this table, whose shares give "
        f"{number(ratios['bands'])} on average, or {number(ratios['per_bin'])} per bin: the high band has more bins "
        f"than the low one, so that a response without any preference would score {number(level['bands'])} by "
        "shares. What fits the claim is the first of the bins over the last, read off the published curve of one "
        "object. That curve does not fall throughout: it rises from the first bin to the third."
    )


def level_ratios(bins: int) -> dict[str, float]:
    """Every reading of a response that is the same in all bins."""
    edges = tuple(index / bins for index in range(bins + 1))
    return response_summary(torch.ones(1, bins), edges)["ratio"]


def compared_table(chapter: Chapter) -> pd.DataFrame:
    """Three readings of the response: published, ours in every place, and both references."""
    x, level = intervals(chapter.table), level_ratios(chapter.configuration.bins)
    published = published_ratios(chapter.claim.published)
    rows = [
        {"reading": label, "published": number(published[key])}
        | {name: mean_and_interval(x(f"{place}.ratio.{key}")) for place, (name, *_) in SERIES.items()}
        | {
            "lookup alone": number(x(f"lookup.ratio.{key}").estimate),
            "level response": number(level[key]),
        }
        for key, label in READINGS.items()
    ]
    return pd.DataFrame(rows)


def readings_figure(chapter: Chapter) -> go.Figure:
    """The three readings of one H for every object, and the one of the rule around both triplanes."""
    x, level = intervals(chapter.table), level_ratios(chapter.configuration.bins)
    published = published_ratios(chapter.claim.published)
    lookup = {key: x(f"lookup.ratio.{key}").estimate for key in READINGS}
    one = [
        Row(
            label,
            f"published.ratio.{key}",
            {"published": published[key], "level response": level[key], "lookup alone": lookup[key]},
        )
        for key, label in READINGS.items()
    ]
    two = [Row(label, column, {"lookup alone": lookup["per_bin"]}) for label, column in PLACES.items()]
    panels = [
        Panel("low over high, noise as published", one, span=(0, 2)),
        Panel("low over high per bin, noise where the object is", two, {"level": LEVEL_H}, span=(0, 2)),
    ]
    alt = "Response to low over that to high frequencies, one point per object. As published: " + ", ".join(
        f"{label} {number(x(f'published.ratio.{key}').estimate)}" for key, label in READINGS.items()
    )
    alt += ". Where the object is, per bin: " + ", ".join(
        f"{label} {number(x(column).estimate)}" for label, column in PLACES.items()
    )
    return strips(chapter.table, chapter.groups, panels, f"{alt}.")


def lookup_sentence(chapter: Chapter) -> str:
    """Whether the response falls more than that of bilinear lookup alone, around both triplanes."""
    x = intervals(chapter.table)
    lookup = x("lookup.ratio.per_bin").estimate
    found = " and ".join(
        f"{mean_and_interval(x(column))} {name} ({_against(x(column), lookup)})"
        for name, column in PLACES.items()
    )
    return f"Per bin, lookup alone gives {number(lookup)}. To noise where the object is we find {found}."


def _against(interval: Interval, reference: float) -> str:
    """How an interval lies to a number, in words."""
    if not interval.known:
        return "too few objects to compare"
    if interval.low > reference:
        return "more than lookup"
    return "less than lookup" if interval.high < reference else "not told apart from lookup"
