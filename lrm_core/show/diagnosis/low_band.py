"""Figures and tables of the chapter on what is inside the low band (E9, claim C6)."""

from collections.abc import Mapping
from statistics import fmean

import pandas as pd
import plotly.graph_objects as go
import torch

from lrm_core.evidence.experiments.e09_low_band import corrections
from lrm_core.evidence.verdicts import intervals
from lrm_core.show.chapter import Chapter
from lrm_core.show.diagnosis.corrected import TARGETS, corrected_pictures, residual_of
from lrm_core.show.elements.maps import maps
from lrm_core.show.elements.prose import mean_and_interval, number, percent
from lrm_core.show.elements.strips import Panel, Row, strips

PARTS = {
    "dc": "channel means",
    "structured_low": "rest of the low band",
    "low": "the low band, both together",
    "high": "the high band",
    "all": "everything: the oracle",
}
PUBLISHED = {"dc": "dc_only", "structured_low": "structured_low", "low": "full_low"}
LIVE_ENTRIES = {
    "corrections.dc.reference.improvement": "channel means, to renders of the oracle",
    "corrections.structured_low.reference.improvement": "rest of the low band, to renders of the oracle",
    "corrections.dc.truth.improvement": "channel means, to the truth",
    "corrections.structured_low.truth.improvement": "rest of the low band, to the truth",
    "corrections.low.truth.improvement": "both together, to the truth",
    "corrections.dc.power_share": "share of the residual's power in the channel means",
    "corrections.structured_low.power_share": "share in the rest of the low band",
}


def published_table(published: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Published improvements of both objects, and what the two parts add up to."""
    names = list(published["full_low"])
    rows = [
        {"corrected": PARTS[part]} | {name: percent(published[key][name]) for name in names}
        for part, key in PUBLISHED.items()
    ]
    added = {name: percent(_added(published)[name]) for name in names}
    return pd.DataFrame([*rows, {"corrected": "the first two, added up"} | added])


def sum_sentence(published: Mapping[str, Mapping[str, float]]) -> str:
    """Whether the published parts add up to the published whole, in two sentences."""
    added, whole = _added(published), published["full_low"]
    listed = " and ".join(f"{percent(added[name])} against {percent(whole[name])} ({name})" for name in whole)
    return (
        f"Added up, the improvements of the two parts are {listed} for both at once. They need not agree: an "
        "improvement in absolute error is not a sum over the parts, and what one part is worth depends on "
        "whether the other has been corrected."
    )


def pictures(chapter: Chapter) -> str:
    """A held-out view before and after the correction of each part of the low band, as HTML."""
    parts = corrections(residual_of(chapter), chapter.configuration.cutoff)
    shown = {PARTS[name]: parts[name].part for name in PUBLISHED}
    return corrected_pictures(chapter, {f"corrected: {label}": part for label, part in shown.items()})


@torch.no_grad()
def parts_figure(chapter: Chapter) -> go.Figure:
    """The residual of one channel and its parts: the channel of most power on the first plane."""
    residual = residual_of(chapter)
    parts = corrections(residual, chapter.configuration.cutoff)
    channel = int(residual[0].square().mean((-2, -1)).argmax())
    names = {"residual": "all", "its mean": "dc", "rest of low": "structured_low", "high": "high"}
    images = {title: parts[name].part[0, channel].cpu().numpy() for title, name in names.items()}
    alt = (
        "Four square maps of one channel of the residual: all of it, its mean as a level map, "
        f"{number(float(parts['dc'].part[0, channel].mean()))}, the slow variation that is left in the low band, "
        "and the fine variation of the high band."
    )
    return maps(images, alt, "value")


def improvement_figure(chapter: Chapter) -> go.Figure:
    """Improvement by each part for every object, to renders of the oracle and to the truth."""
    published, panels = chapter.claim.published, []
    marks = {part: {"published": fmean(published[key].values())} for part, key in PUBLISHED.items()}
    for target, words in TARGETS.items():
        shown = [name for name in PARTS if (name, target) != ("all", "reference")]  # 1 by definition
        rows = [
            Row(PARTS[name], _column(name, target), marks.get(name, {}) if target == "reference" else {})
            for name in shown
        ]
        panels.append(Panel(f"improvement, to {words}", rows, {"as before": 0.0}, span=(0, 1)))
    x = intervals(chapter.table)
    alt = "Improvement of every object by each part. " + " ".join(
        f"To {words}: channel means {percent(x(_column('dc', target)).estimate)}, rest of the low band "
        f"{percent(x(_column('structured_low', target)).estimate)}, both "
        f"{percent(x(_column('low', target)).estimate)}."
        for target, words in TARGETS.items()
    )
    return strips(chapter.table, chapter.groups, panels, alt)


def margin_figure(chapter: Chapter) -> go.Figure:
    """How far the rest of the low band outweighs the channel means, and how much power each part holds."""
    margins = Panel(
        "rest of the low band minus twice the channel means",
        [
            Row(f"improvement, to {words}", f"margin.structured_minus_twice_dc.{target}")
            for target, words in TARGETS.items()
        ],
        {"twice as much": 0.0},
    )
    names = ("dc", "structured_low", "high")
    power = Panel(
        "share of the residual's power",
        [Row(PARTS[name], f"corrections.{name}.power_share") for name in names],
        span=(0, 1),
    )
    x = intervals(chapter.table)
    margin = {target: x(f"margin.structured_minus_twice_dc.{target}").estimate for target in TARGETS}
    alt = (
        "Points for every object. Improvement by the rest of the low band minus twice that by the channel means: "
        f"{number(margin['reference'])} to renders of the oracle, {number(margin['truth'])} to the truth. Share of "
        "power: "
        + ", ".join(f"{PARTS[n]} {percent(x(f'corrections.{n}.power_share').estimate)}" for n in names)
        + "."
    )
    return strips(chapter.table, chapter.groups, (margins, power), alt)


def sizes_table(chapter: Chapter) -> pd.DataFrame:
    """How many numbers each part has, how much of the residual's power, and what correcting it improves."""
    x = intervals(chapter.table)
    rows = [
        (
            label,
            f"{x(f'corrections.{name}.numbers').estimate:,.0f}",
            percent(x(f"corrections.{name}.power_share").estimate),
            *(mean_and_interval(x(_column(name, target))) for target in TARGETS),
        )
        for name, label in PARTS.items()
    ]
    improvements = [f"improvement, to {words}" for words in TARGETS.values()]
    return pd.DataFrame(rows, columns=["corrected", "numbers", "share of power", *improvements])


def together_sentence(chapter: Chapter) -> str:
    """In how many objects correcting the channel means does harm once the rest of the low band is corrected."""
    means = chapter.table.groupby("object").mean(numeric_only=True)
    whole, rest = (means[_column(name, "truth")] for name in ("low", "structured_low"))
    less = int((whole < rest).sum())
    if not less:
        return "In no object do both parts bring the renders less close to the truth than the rest of the low band."
    return (
        f"In {less} of {len(means)} objects both parts together bring the renders less close to the truth than the "
        "rest of the low band alone: in these, correcting the channel means as well does harm once the rest is "
        "corrected."
    )


def _column(name: str, target: str) -> str:
    return f"corrections.{name}.{target}.improvement"


def _added(published: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {
        name: published["dc_only"][name] + published["structured_low"][name] for name in published["full_low"]
    }
