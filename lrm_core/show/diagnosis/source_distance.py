"""Figures and sentences of the chapter on a wrong source distance (E17, audit A9)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch
from jaxtyping import Float

from lrm_core.evidence.experiments import get_experiment
from lrm_core.evidence.experiments.e17_source_distance import TRUE, told_planes
from lrm_core.evidence.live import Live, recompute
from lrm_core.evidence.oracles import heldout_views, render_images
from lrm_core.findings.c04 import CUTOFF
from lrm_core.show.chapter import Chapter
from lrm_core.show.elements.curves import Curve, curves, mean_curve, mean_list, object_curves
from lrm_core.show.elements.pictures import image_row
from lrm_core.show.elements.prose import number, percent
from lrm_core.spectral import PUBLISHED_EDGES

EXPERIMENT = "e17_source_distance"
AXIS = "distance told, over the true one"
LIVE_ENTRIES = {
    "residual.relative_size[0]": "size of the residual, shortest distance told",
    "residual.relative_size[2]": "size of the residual, true distance told",
    "manufactured.power_low[0]": "power of the mismatch in the low band, shortest distance told",
    "manufactured.power_low[4]": "power of the mismatch in the low band, longest distance told",
    "residual.low_to_truth[0]": "improvement by the low band, to the truth, shortest distance told",
    "residual.low_to_truth[2]": "improvement by the low band, to the truth, true distance told",
}


def live(chapter: Chapter) -> Live:
    """The record of the chapter's object computed now, with the stored one."""
    device = str(next(chapter.model.parameters()).device)
    return recompute(chapter.plan.name, EXPERIMENT, chapter.item.name, seed=chapter.seed, device=device)


@torch.no_grad()
def pictures(chapter: Chapter) -> str:
    """A held-out view of the object by each prediction, beside the truth, as HTML."""
    seen = heldout_views(chapter.item, 1)
    shown = {"the truth": seen.images[0]}
    for factor in get_experiment(EXPERIMENT).configuration(chapter.plan).factors:
        planes = told_planes(chapter.model, chapter.item, factor)
        image = render_images(chapter.model, planes, seen.cameras, seen.images.shape[-1])[0].cpu()
        shown["told the truth" if factor == TRUE else f"told × {factor:g}"] = image
    return image_row(shown, f"{chapter.item.name}, held-out view", width=110)


def size_figure(table: pd.DataFrame, groups: Mapping[str, str]) -> go.Figure:
    """How large the residual is, of every object and in the mean, and the part that the mismatch makes."""
    lines = object_curves(table, groups, _factors(table), "residual.relative_size")
    lines += [
        _mean(table, "residual.relative_size", "residual, mean", "procedural", "solid"),
        _mean(table, "manufactured.relative_size", "made by the mismatch alone, mean", "predinit", "dash"),
    ]
    sizes = mean_list(table, "residual.relative_size")
    alt = "Size of the residual against the distance told: " + _listed(table, sizes)
    return curves(lines, (AXIS, "size, over that of the prediction"), alt)


def share_figure(table: pd.DataFrame, part: str) -> go.Figure:
    """Share of the low and of the high band in the residual, or in what the mismatch makes."""
    lines = [
        _mean(table, f"{part}.{measure}_{band}", f"{band} band, {words}", colour, dash)
        for band, colour in (("low", "procedural"), ("high", "real"))
        for measure, words, dash in (("published", "as published", "dot"), ("power", "by power", "solid"))
    ]
    low = mean_list(table, f"{part}.power_low")
    alt = "Share of the low band by power against the distance told: " + _listed(table, low)
    return curves(lines, (AXIS, "share"), alt)


def correction_figure(table: pd.DataFrame) -> go.Figure:
    """Improvement by the low and by the high band of the residual, to renders of the oracle and to the truth."""
    lines = [
        _mean(table, f"residual.{band}_to_{target}", f"{band} band, to {words}", colour, dash)
        for band, colour in (("low", "procedural"), ("high", "real"))
        for target, words, dash in (
            ("reference", "renders of the oracle", "dot"),
            ("truth", "the truth", "solid"),
        )
    ]
    low = mean_list(table, "residual.low_to_reference")
    alt = "Improvement by the low band, to renders of the oracle, against the distance told: " + _listed(
        table, low
    )
    return curves(lines, (AXIS, "improvement"), alt)


def image_figure(table: pd.DataFrame, column: str, words: str) -> go.Figure:
    """A measure of the renders, of every object and in the mean."""
    lines = [_mean(table, f"images.{column}", "mean", "reference", "solid")]
    alt = f"{words} against the distance told: " + _listed(table, mean_list(table, f"images.{column}"))
    return curves(lines, (AXIS, words), alt)


def finding(table: pd.DataFrame) -> str:
    """What a mismatch alone does, in four sentences of numbers."""
    factors, size = _factors(table), mean_list(table, "residual.relative_size")
    true = factors.index(TRUE)
    made, power = (mean_list(table, f"manufactured.{name}") for name in ("relative_size", "power_low"))
    low = {target: mean_list(table, f"residual.low_to_{target}") for target in ("reference", "truth")}
    ends = [(0, f"× {factors[0]:g}"), (len(factors) - 1, f"× {factors[-1]:g}")]
    sizes = " and ".join(
        f"{number(size[i] / size[true], 2)} times as large when the encoder is told {factors[i]:g} times the distance"
        for i, _ in ends
    )
    alone = " and ".join(f"{percent(power[i])} ({label})" for i, label in ends)
    moved, moved_truth = (
        " and ".join(f"{percent(low[target][i])} ({label})" for i, label in ends) for target in low
    )
    share = " and ".join(f"{percent((made[i] / size[i]) ** 2)} ({label})" for i, label in ends)
    return (
        f"Over {table['object'].nunique()} objects the residual is {sizes}. What the mismatch alone adds has "
        f"{alone} of its power below {PUBLISHED_EDGES[1]:g} × Nyquist, where the residual at the right distance has "
        f"{percent(mean_list(table, 'residual.power_low')[true])}, and its squared norm is {share} of that of the "
        f"whole residual. Correcting the residual below {CUTOFF:g} × Nyquist improves the renders, "
        f"towards those of the oracle, by {percent(low['reference'][true])} when the distance is right, and by "
        f"{moved} when it is wrong. Towards the truth the improvement is {percent(low['truth'][true])} when the "
        f"distance is right, and {moved_truth} when it is wrong."
    )


def _factors(table: pd.DataFrame) -> list[float]:
    return [float(factor) for factor in table["factors"].iloc[0]]


def _mean(table: pd.DataFrame, column: str, name: str, colour: str, dash: str) -> Curve:
    return mean_curve(table, _factors(table), column, name, colour, dash)


def _listed(table: pd.DataFrame, values: Float[np.ndarray, "n"]) -> str:
    pairs = zip(_factors(table), values, strict=True)
    return ", ".join(f"{number(y)} at {x:g}" for x, y in pairs if np.isfinite(y)) + "."
