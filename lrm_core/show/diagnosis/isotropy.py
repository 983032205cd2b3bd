"""Figures and tables of the chapter on directions in the space of triplanes (E10, claim C8)."""

from collections.abc import Mapping
from itertools import pairwise
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from lrm_core.evidence.metrics import BANDS
from lrm_core.evidence.rules_isotropy import C8_BANDS, C8_OURS, C8_RANDOM, NEARLY, PUBLISHED_SPREAD
from lrm_core.evidence.verdicts import intervals
from lrm_core.show.chapter import Chapter
from lrm_core.show.elements.curves import Curve, curves, mean_list, mean_lists
from lrm_core.show.elements.prose import mean_and_interval, number, percent
from lrm_core.show.elements.strips import Panel, Row, strips
from lrm_core.show.elements.style import COLOURS, GROUPS, colour_of
from lrm_core.show.findings.isotropy import LEVELS, levels
from lrm_core.spectral import RESPONSE_BANDS

WAYS = {"random": "null", "residual": "pred", "leading": "predinit"}  # colour of each direction
WORDS = {"random": "a random direction", "residual": "the residual", "leading": "the leading direction"}


def published_table(published: Mapping[str, Any]) -> pd.DataFrame:
    """Published change along the random directions of both objects, in levels of an 8-bit image."""
    rows = [
        {
            "object": name,
            f"mean change, levels of {LEVELS}": levels(published[name]["mean"]),
            "standard deviation": levels(published[name]["std"]),
            "spread over mean": percent(published[name]["std"] / published[name]["mean"]),
        }
        for name in _objects(published)
    ]
    return pd.DataFrame(rows)


def jitter_figure(chapter: Chapter) -> go.Figure:
    """Change and spread over mean along random directions: as published, in two readings, and held still."""
    published, x = chapter.claim.published, intervals(chapter.table)
    change = {
        "published.jitter.mean": "no direction, samples drawn anew",
        "published.mean": "norm of all numbers together, samples drawn anew",
        "entrywise.mean": "norm of each number, samples drawn anew",
        "audited.random.l1.mean": "norm of all numbers together, samples held still",
    }
    marks = {
        "published.mean": {"published": LEVELS * fmean(published[n]["mean"] for n in _objects(published))}
    }
    scaled = chapter.table.assign(
        **{column: LEVELS * chapter.table[column].astype(float) for column in change}
    )
    rows = [Row(label, column, marks.get(column, {})) for column, label in change.items()]
    panel = Panel(f"mean change of the images, levels of {LEVELS}", rows, log=True)
    alt = (
        "Mean change of the images for every object on a logarithmic axis, in levels of an 8-bit image. "
        + " ".join(f"{label}: {levels(x(column).estimate)}." for column, label in change.items())
    )
    return strips(scaled, chapter.groups, [panel], alt)


def spread_figure(chapter: Chapter) -> go.Figure:
    """Spread over mean within several kinds of directions, with what it is in maps that are known."""
    x = intervals(chapter.table)
    known = {
        "random matrix": x("random_map.spread").estimate,
        "from the singular values": x("linear.expected_spread").estimate,
    }
    rows = [
        Row("random, samples drawn anew, as published", C8_OURS, {"published": PUBLISHED_SPREAD}),
        Row("random, samples held still", C8_RANDOM),
        Row("the same, root mean square", "audited.random.rms.spread", _there(known)),
        Row("random, only where the object is", "audited.matter.l1.spread"),
        Row("of different frequency", C8_BANDS),
    ]
    panel = Panel("spread over mean of the change", rows, {"nearly the same": NEARLY}, log=True)
    alt = "Spread over mean of the change for every object on a logarithmic axis. " + " ".join(
        f"{row.label}: {percent(x(row.column).estimate)}." for row in rows
    )
    alt += f" A random matrix has {percent(known['random matrix'])}."
    return strips(chapter.table, chapter.groups, [panel], alt)


def ways_figure(chapter: Chapter) -> go.Figure:
    """Change along directions of one length, over that along a random one."""
    bins = mean_lists(chapter.table, "audited.bands.over_random")
    ends = chapter.table.assign(
        first=chapter.table["object"].map(lambda name: bins[name][0] if name in bins else None),
        last=chapter.table["object"].map(lambda name: bins[name][-1] if name in bins else None),
    )
    rows = [
        Row("of the lowest frequencies", "first"),
        Row("of the highest frequencies", "last"),
        Row("the residual", "audited.residual.over_random"),
        Row("the leading singular direction", "leading.over_random"),
    ]
    x = intervals(ends)
    lines = _there({"random direction": 1.0, "random matrix": x("random_map.ratio").estimate})
    panel = Panel("change of the images, over that along a random direction", rows, lines, log=True)
    alt = "Change over that along a random direction for every object, on a logarithmic axis. " + " ".join(
        f"{row.label}: {number(x(row.column).estimate, 1)}." for row in rows
    )
    return strips(ends, chapter.groups, [panel], alt)


def leading_figure(chapter: Chapter) -> go.Figure:
    """Change along each of the leading directions over that along a random one, with the references."""
    changes, x = mean_lists(chapter.table, "leading.changes"), intervals(chapter.table)
    random = chapter.table.groupby("object")["audited.random.rms.mean"].mean()
    ratios = {name: values / random[name] for name, values in changes.items() if random[name]}
    ranks = list(range(1, chapter.configuration.leading + 1))
    lines = [
        Curve(GROUPS.get(group, group), ranks, ratios[name], colour_of(group), opacity=0.6, hover=name)
        for name, group in chapter.groups.items()
        if name in ratios
    ]
    alt = "Change along the leading singular directions over that along a random one, one curve per object."
    if ratios:
        mean = np.mean(list(ratios.values()), axis=0)
        lines.append(Curve("mean", ranks, mean, COLOURS["reference"], width=4))
        alt += f" On average {number(mean[0], 1)} along the first and {number(mean[-1], 1)} along the last."
    for name, column in {
        "the residual": "audited.residual.over_random",
        "random matrix": "random_map.ratio",
    }.items():
        colour = COLOURS["pred" if name == "the residual" else "null"]
        lines.append(Curve(name, ranks, [x(column).estimate] * len(ranks), colour, "dash", 2.5))
    lines.append(Curve("a random direction", ranks, [1.0] * len(ranks), COLOURS["reference"], "dot", 2.5))
    return curves(
        lines, ("rank of the singular direction", "change over a random direction"), alt, log_y=True
    )


def sweep_figure(chapter: Chapter) -> go.Figure:
    """Change per unit norm against the norm, along a random direction, the residual and the leading one."""
    config, lines, parts = chapter.configuration, [], []
    for name, colour in WAYS.items():
        values = mean_lists(chapter.table, f"sweep.{name}")
        lines += [
            Curve(WORDS[name], config.norms, LEVELS * of, COLOURS[colour], opacity=0.4, hover=k)
            for k, of in values.items()
        ]
        mean = LEVELS * np.mean(list(values.values()), axis=0)
        lines.append(
            Curve(WORDS[name], config.norms, mean, COLOURS[colour], width=3.5, hover="mean of objects")
        )
        parts.append(f"{WORDS[name]} {mean[0]:.2g} to {mean[-1]:.2g}")
    alt = f"Change of the images per unit of norm, thin for objects, thick for their mean. Means: {'; '.join(parts)}."
    axes = ("norm of the step", f"root mean square change per norm, levels of {LEVELS}")
    marks = {"published norm": config.norm}
    return curves(lines, axes, alt, log_ticks=config.norms, log_y=True, marks=marks)


def controls_table(chapter: Chapter) -> pd.DataFrame:
    """Further numbers that bear on the reading."""
    x = intervals(chapter.table)
    rows = {
        "numbers of a triplane": f"{x('linear.inputs').estimate:,.0f}",
        "numbers of the images": f"{x('linear.outputs').estimate:,.0f}",
        "equal singular values that would spread as these do": mean_and_interval(
            x("linear.effective_dimension"), 0
        ),
        "change along random directions by the Jacobian, over the measured": mean_and_interval(
            x("linear.over_measured")
        ),
        "leading directions, power where the object is": percent(x("leading.touched").estimate),
    }
    edges = [f"from {low:g} to {high:g}" for low, high in pairwise(RESPONSE_BANDS)]
    edges[-1] = f"from {RESPONSE_BANDS[-2]:g} on"
    rows |= {
        f"leading directions, power {words} × Nyquist": percent(x(f"leading.bands.{band}").estimate)
        for band, words in zip(BANDS, edges, strict=True)
    }
    rows |= {
        "residual, power along the leading directions": percent(x("leading.captured.power").estimate),
        "residual, effect on the images along them": percent(x("leading.captured.image").estimate),
        "residual, norm": mean_and_interval(x("audited.residual.full.norm"), 0),
    }
    return pd.DataFrame(rows.items(), columns=["quantity", "mean of the objects"])


def pixels_sentence(chapter: Chapter) -> str:
    """How the spread along random directions depends on the number of pixels, where samples are drawn anew."""
    pixels, spreads = (
        mean_list(chapter.table, f"published.by_views.{name}") for name in ("pixels", "spread")
    )
    return (
        f"The spread over mean falls with the pixels that are averaged: from {percent(spreads[0])} over "
        f"{pixels[0]:,.0f} to {percent(spreads[-1])} over {pixels[-1]:,.0f} of them, by a factor of "
        f"{number(spreads[0] / spreads[-1])}; noise of its own in every pixel would fall by one of "
        f"{number((pixels[-1] / pixels[0]) ** 0.5)}. How small it is says how many pixels were averaged."
    )


def formula_sentence(chapter: Chapter) -> str:
    """What the formula of the spread says beside what is measured."""
    x = intervals(chapter.table)
    expected, found = (x(name).estimate for name in ("linear.expected_spread", "audited.random.rms.spread"))
    return (
        f"By the formula the singular values would let random directions spread by {percent(expected)}; measured are "
        f"{percent(found)}. To first order, with all samples held where they are, the change itself is "
        f"{percent(x('linear.over_measured').estimate)} of the measured one; what is missing is left to what that "
        "order leaves out, such as samples that follow the density."
    )


def residual_sentence(chapter: Chapter) -> str:
    """How far the residual reaches beyond the neighbourhood that the claim speaks of."""
    x, norm = intervals(chapter.table), chapter.configuration.norm
    whole = x("audited.residual.full.norm").estimate / norm
    return (
        f"The residual itself is {whole:,.0f} times as long as a step of the published norm, so that what "
        "holds within that norm need not hold as far as the prediction."
    )


def _objects(published: Mapping[str, Any]) -> list[str]:
    return [name for name, value in published.items() if isinstance(value, Mapping)]


def _there(values: Mapping[str, float]) -> dict[str, float]:
    """Without those that are not numbers."""
    return {name: value for name, value in values.items() if value == value}
