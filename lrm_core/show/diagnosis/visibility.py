"""Figures and tables of the chapter on where the error lies: seen and unseen surface (E4, claim C7)."""

from collections.abc import Mapping
from statistics import fmean

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch
from jaxtyping import Float

from lrm_core.evidence.claims import claim
from lrm_core.evidence.rules_visibility import C7_OURS, C7_TRUTH, LIMIT
from lrm_core.evidence.surface import SurfaceScene, surface_scene
from lrm_core.evidence.verdicts import intervals
from lrm_core.show.chapter import Chapter
from lrm_core.show.elements.curves import Curve, curves, mean_lists
from lrm_core.show.elements.pictures import image_row
from lrm_core.show.elements.prose import mean_and_interval, number, percent, spoken
from lrm_core.show.elements.strips import Panel, Row, strips
from lrm_core.show.elements.style import COLOURS, GROUPS, colour_of

HALF = 0.5  # of the surface: what one camera hides of an object, about
SPAN = (0.5, 2.0)  # of the ratios, at least
TINT = torch.tensor([0.84, 0.37, 0.0])  # of what is hidden, in the pictures
# Rows of the figure of ratios: label by column, for each panel.
PUBLISHED = {
    C7_OURS: "all points in matter, by line of sight",
    "published.normals.ratio": "all points in matter, by normals",
    "published.outside.sight.ratio": "its outermost points, by line of sight",
}
AUDITED = {
    "audited.field.sight.ratio": "colour of the field alone, to the truth",
    "audited.reference.sight.ratio": "renders, to renders of the oracle",
    C7_TRUTH: "renders, to the truth (in the rule)",
    "audited.truth.normals.ratio": "the same, by normals",
}
CONTROLS = {
    "audited.oracle.sight.ratio": "renders of the oracle, to the truth",
    "audited.shuffled.mean": "labels dealt out at random",
    "audited.cameras.mean": "another camera in place of the source",
}
# Label, colour and dash of the curves over the angle.
CURVES = {
    "published": ("as published: points in matter, to the oracle", "predinit", "dash"),
    "audited.truth": ("audited: surface that views show, to the truth", "procedural", "solid"),
    "audited.oracle": ("renders of the oracle, to the truth", "reference", "dot"),
}
LIVE_ENTRIES = {
    C7_OURS: "as published, by line of sight",
    "published.normals.ratio": "as published, by normals",
    "audited.reference.sight.ratio": "renders, to renders of the oracle",
    C7_TRUTH: "renders, to the truth",
    "audited.truth.sight.hidden_share": "share of the surface that is hidden",
    "audited.cameras.mean": "another camera in place of the source",
}


def published_table(published: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Published errors of both objects, their ratio, and what occlusion could explain at most."""
    seen, hidden = published["visible_rgb_error"], published["occluded_rgb_error"]
    rows = [
        {
            "object": name,
            "error of visible surface": number(seen[name], 3),
            "error of occluded surface": number(hidden[name], 3),
            "ratio": number(hidden[name] / seen[name]),
        }
        for name in published["ratio"]
    ]
    return pd.DataFrame(rows)


def limit_sentence() -> str:
    """What the limit of the rule means, in two sentences."""
    published = fmean(claim("C7").published["ratio"].values())
    return (
        f"If half of the surface is occluded, a ratio of {number(published)} says that {percent(_excess(published))} "
        "of all error would be gone if occluded surface were as good as visible surface. The rule takes a ratio of "
        f"{LIMIT:g}, where it would be {percent(_excess(LIMIT))}, as the most that may still be called no occlusion."
    )


@torch.no_grad()
def pictures(chapter: Chapter) -> str:
    """A held-out view with what the source does not see, and with the error to both targets, as HTML.

    Of the held-out views the one of which the source sees about half.
    """
    config = chapter.configuration
    scene = surface_scene(chapter.model, chapter.item, config.oracle, config.views, 0, chapter.seed)
    view = _half_hidden(scene)
    shown, hidden = scene.shown()[view], ~scene.geometry.visible[1 + view]
    image, render = scene.images["truth"][view], scene.images["predicted"][view]
    tinted = torch.where(shown & hidden, (image + 2 * TINT[:, None, None]) / 3, image)
    errors = {name: (render - scene.images[name][view]).abs().mean(0) for name in ("reference", "truth")}
    largest = max(float((error * shown).max()) for error in errors.values()) or 1.0
    images = {"truth": image, "hidden from the source": tinted, "prediction": render}
    images |= {
        f"error to {words}": (1 - errors[name] * shown / largest).expand(3, -1, -1)
        for name, words in (("reference", "the oracle"), ("truth", "the truth"))
    }
    return image_row(images, f"{chapter.item.name}, held-out view")


def ratio_figure(chapter: Chapter) -> go.Figure:
    """Error of hidden over that of visible surface for every object: as published, audited, and the controls."""
    mark = {"published": fmean(chapter.claim.published["ratio"].values())}
    marks = dict.fromkeys(("published.sight.ratio", "published.normals.ratio"), mark)
    lines = {"as good": 1.0, "limit of the rule": LIMIT}
    panels = [
        Panel(
            axis, [Row(label, column, marks.get(column, {})) for column, label in rows.items()], lines, SPAN
        )
        for axis, rows in (
            ("hidden over visible, as published", PUBLISHED),
            ("hidden over visible, where held-out views show the surface", AUDITED),
            ("hidden over visible, controls", CONTROLS),
        )
    ]
    x = intervals(chapter.table)
    alt = "Error of hidden over that of visible surface, one point per object. " + " ".join(
        f"{label.capitalize()}: {spoken(x(column).estimate)}."
        for column, label in (PUBLISHED | AUDITED | CONTROLS).items()
    )
    return strips(chapter.table, chapter.groups, panels, alt)


def angle_figure(chapter: Chapter) -> go.Figure:
    """Error over its mean against the angle between the surface and the way to the source."""
    lines, spoken = [], []
    for place, (label, colour, dash) in CURVES.items():
        angles, values = (
            mean_lists(chapter.table, f"{place}.angle.{name}") for name in ("angle", "relative")
        )
        values = {name: of for name, of in values.items() if np.isfinite(of).any()}
        if not values:
            continue
        centres = next(iter(angles.values()))
        mean = _mean(list(values.values()))
        drawn = {} if place == "audited.oracle" else values
        lines.append(
            Curve(label, *_known(centres, mean), COLOURS[colour], dash, 4.0, hover="mean of objects")
        )
        lines += [
            Curve(label, *_known(centres, of), COLOURS[colour], dash, opacity=0.35, hover=name)
            for name, of in drawn.items()
        ]
        spoken.append(f"{label}: {_ends(mean)}")
    alt = (
        "Error over its mean against the angle, one thin curve per object and a thick mean, from facing the source "
        f"to facing away from it. First and last bin: {'; '.join(spoken) or 'no object has a curve'}."
    )
    axes = ("angle between surface and source (degrees)", "error over its mean")
    return curves(lines, axes, alt, marks={"grazing: hidden by normals beyond": 90.0})


def cameras_figure(chapter: Chapter) -> go.Figure:
    """Hidden over visible when another view plays the source, against the angle between the two."""
    angles, ratios = (mean_lists(chapter.table, f"audited.cameras.{name}") for name in ("angle", "ratio"))
    lines = []
    for name, group in chapter.groups.items():
        if name in ratios and np.isfinite(ratios[name]).any():
            order, label = np.argsort(angles[name]), GROUPS.get(group, group)
            x, y = _known(angles[name][order], ratios[name][order])
            lines.append(Curve(label, x, y, colour_of(group), opacity=0.7, hover=name))
    lines.append(Curve("as good", (0, 180), (1, 1), COLOURS["reference"], "dot", 2.5))
    x = intervals(chapter.table)
    alt = (
        "Error of hidden over that of visible surface when another view takes the place of the source, one curve "
        "per object, against the angle between the two. At the source itself the mean is "
        f"{spoken(x('audited.cameras.source').estimate)}, over the other cameras "
        f"{spoken(x('audited.cameras.mean').estimate)}."
    )
    axes = ("angle between the camera and the source (degrees)", "hidden over visible, error to the truth")
    return curves(lines, axes, alt)


def controls_table(chapter: Chapter) -> pd.DataFrame:
    """Further numbers that bear on the reading: shares, excess, agreement of the labels, controls."""
    x = intervals(chapter.table)
    rows = {
        "hidden share of the points in matter": "published.sight.hidden_share",
        "points in matter that are outermost, of all": "published.matter_outside",
        "hidden share of the surface that views show": "audited.truth.sight.hidden_share",
        "error beyond the level of visible surface, of all": "audited.truth.sight.excess",
        "share of points with the same label by the source's depth buffer": "audited.labels.depth_buffer",
        "share of points with the same label by the oracle's depth buffer": "audited.labels.reference",
        "standard deviation of the ratio under random labels": "audited.shuffled.std",
        "other cameras whose ratio is below the source's": "audited.cameras.above",
    }
    found = [(label, mean_and_interval(x(column), 3)) for label, column in rows.items()]
    return pd.DataFrame(found, columns=["quantity", "mean [95% interval]"])


def labels_sentence(chapter: Chapter) -> str:
    """Where the labels of the audited definition come from."""
    known = int(chapter.table["audited.labels.true"].astype(bool).sum())
    if known == len(chapter.table):
        return (
            "For every object what is hidden is decided by rays cast at the true object, of which each pixel "
            "shows a point."
        )
    return (
        f"For {known} of {len(chapter.table)} records what is hidden is decided by rays cast at the true object; "
        "for the others nothing but images is known, and the depth buffers of the oracle decide."
    )


def _excess(ratio: float) -> float:
    """Share of all error beyond the level of visible surface, with half of the surface hidden."""
    return HALF * (ratio - 1) / (1 + HALF * (ratio - 1))


def _half_hidden(scene: SurfaceScene) -> int:
    shares = []
    for shown, seen in zip(scene.shown(), scene.geometry.visible[1:], strict=False):
        shares.append(float((shown & ~seen).sum() / shown.sum().clamp(min=1)))
    return int(np.argmin(np.abs(np.array(shares) - HALF)))


def _mean(values: list[Float[np.ndarray, "n"]]) -> Float[np.ndarray, "n"]:
    """Mean over the objects that have a value there, NaN where none has one."""
    stacked = np.stack(values)
    count = np.isfinite(stacked).sum(0)
    return np.where(count > 0, np.nansum(stacked, 0) / np.maximum(count, 1), np.nan)


def _known(x: Float[np.ndarray, "n"], y: Float[np.ndarray, "n"]) -> tuple[list[float], list[float]]:
    """The points of a curve that have a value."""
    return x[np.isfinite(y)].tolist(), y[np.isfinite(y)].tolist()


def _ends(values: Float[np.ndarray, "n"]) -> str:
    known = values[np.isfinite(values)]
    return f"{number(float(known[0]))} and {number(float(known[-1]))}"
