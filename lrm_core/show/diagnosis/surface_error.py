"""Figures and tables of the chapter on where the error lies: residual maps and surface clouds (E3)."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from lrm_core.evidence.experiments.e03_surface_error import PLANES
from lrm_core.evidence.point_cloud import BINS, PointCloud
from lrm_core.evidence.verdicts import intervals
from lrm_core.show.chapter import Chapter
from lrm_core.show.elements.clouds import cloud_scenes
from lrm_core.show.elements.curves import Curve, curves, mean_lists
from lrm_core.show.elements.maps import maps
from lrm_core.show.elements.prose import file_link, mean_and_interval, number, percent, spoken
from lrm_core.show.elements.style import COLOURS

EXPERIMENT = "e03_surface_error"
CENTRES = [(k + 0.5) / BINS for k in range(BINS)]
# Name, colour and dash of each definition.
SERIES = {
    "published": ("as published: matter of the oracle, to the oracle", "predinit", "dash"),
    "audited": ("audited: surface that views show, to the truth", "procedural", "solid"),
}
HEATS = {"residual": "residual", "null": "null oracle: true residual zero"}


def heat_figure(chapter: Chapter, table: pd.DataFrame, which: str = "residual") -> go.Figure:
    """Mean of |dT| over the channels on the three planes of the chapter's object.

    Args:
        chapter: whose object is shown.
        table: records of E3.
        which: "residual", or "null" for what the fit leaves of a residual of zero.
    """
    heat = np.asarray(_mine(chapter, table)[f"heat.{which}"], dtype=float)  # (3, R, R)
    means = ", ".join(f"{p} {number(float(m.mean()), 3)}" for p, m in zip(PLANES, heat, strict=True))
    alt = (
        f"Three square maps, one for each plane of {chapter.item.name}: mean absolute {HEATS[which]} over the "
        f"channels of every texel. Mean of each map: {means}; largest texel {number(float(heat.max()))}."
    )
    titles = [f"plane {name}" for name in PLANES]
    return maps(dict(zip(titles, heat, strict=True)), alt, f"mean |ΔT| ({HEATS[which]})")


def cloud_figure(chapter: Chapter, table: pd.DataFrame) -> go.Figure:
    """Points of the chapter's object in three dimensions by their error, as published and as audited."""
    record = _mine(chapter, table)
    found = {name: _cloud(record, name) for name in SERIES}
    scenes = {SERIES[name][0]: cloud for name, cloud in found.items()}
    alt = f"Points of {chapter.item.name} in three dimensions, coloured by error. " + " ".join(
        f"{SERIES[name][0].capitalize()}: mean {number(record[f'{name}.mean'], 3)} over "
        f"{record[f'{name}.points']:.0f} points, of which {len(cloud)} are drawn, "
        f"{percent(_share_hidden(cloud))} of them hidden from the source."
        for name, cloud in found.items()
    )
    return cloud_scenes(scenes, alt, "error of the colour")


def histogram_figure(chapter: Chapter, table: pd.DataFrame) -> go.Figure:
    """How the errors of the points are distributed, by both definitions, with what the fit itself leaves."""
    lines = []
    for name, (label, colour, dash) in SERIES.items():
        shares = {k: v for k, v in mean_lists(table, f"{name}.histogram").items() if v.any()}
        if shares:
            mean = np.mean(list(shares.values()), axis=0)
            lines.append(Curve(label, CENTRES, mean, COLOURS[colour], dash, 4.0, hover="mean of objects"))
        lines += [
            Curve(label, CENTRES, values, COLOURS[colour], dash, opacity=0.35, hover=k)
            for k, values in shares.items()
        ]
    x = intervals(table)
    alt = "Histogram of the error of surface points, one thin curve per object and a thick mean. " + " ".join(
        f"{label.capitalize()}: mean {spoken(x(f'{name}.mean').estimate, 3)}, median "
        f"{spoken(x(f'{name}.median').estimate, 3)}, left by the fit alone "
        f"{spoken(x(f'floor.{name}.mean').estimate, 3)}."
        for name, (label, *_) in SERIES.items()
    )
    return curves(lines, ("error of the colour", f"share of the points, per {1 / BINS:g}"), alt)


def numbers_table(table: pd.DataFrame) -> pd.DataFrame:
    """Errors of the points and sizes of the residual, with what the fit itself leaves of them."""
    x = intervals(table)
    rows = {
        "mean error of a point": "{}.mean",
        "median error": "{}.median",
        "share of all error in the worst tenth of the points": "{}.worst_share",
        "mean error that the null oracle leaves": "floor.{}.mean",
    }
    found = [
        (label, *(mean_and_interval(x(column.format(name)), 3) for name in SERIES))
        for label, column in rows.items()
    ]
    return pd.DataFrame(found, columns=["quantity", *(label for label, *_ in SERIES.values())])


def heat_table(table: pd.DataFrame) -> pd.DataFrame:
    """How the residual spreads over the planes, and how much of it the fit alone leaves."""
    x = intervals(table)
    rows = {f"mean |ΔT| on plane {plane}": f"heat.mean.{plane}" for plane in PLANES} | {
        "mean |ΔT| in texels that the object reads, over that in the others": "heat.matter_over_rest",
        "mean |ΔT| of the null oracle over that of the prediction, all texels": "heat.floor.all",
        "the same, texels that the object reads": "heat.floor.matter",
    }
    found = [(label, mean_and_interval(x(column), 3)) for label, column in rows.items()]
    return pd.DataFrame(found, columns=["quantity", "mean [95% interval]"])


def ply_links(chapter: Chapter, table: pd.DataFrame) -> str:
    """Links that hold both clouds of the chapter's object as PLY files, as HTML."""
    record, name = _mine(chapter, table), chapter.item.name
    return "".join(
        file_link(
            _cloud(record, key).ply(),
            f"{name}_{key}.ply",
            "application/octet-stream",
            f"Cloud of {name}, {label} (PLY with the properties error and hidden)",
        )
        for key, (label, *_) in SERIES.items()
    )


def _mine(chapter: Chapter, table: pd.DataFrame) -> pd.Series:
    """The record of the chapter's object."""
    return table[table["object"] == chapter.item.name].iloc[0]


def _cloud(record: pd.Series, name: str) -> PointCloud:
    columns = ("x", "y", "z", "error", "red", "green", "blue", "hidden")
    return PointCloud.from_record({column: record[f"{name}.cloud.{column}"] for column in columns})


def _share_hidden(cloud: PointCloud) -> float:
    return float(cloud.hidden.float().mean()) if len(cloud) else 0.0
