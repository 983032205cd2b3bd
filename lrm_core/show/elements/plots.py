"""Figures that several chapters draw: values per object in rows, curves, maps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from jaxtyping import Float
from plotly.subplots import make_subplots

from lrm_core.evidence.statistics import bca_interval, per_object
from lrm_core.show.elements.style import COLOURS, GREYSCALE_SAFE, GROUPS, SMALL, SYMBOLS, colour_of, finish

ROW = 58  # pixels
BETWEEN_PANELS = 84
COLOUR_BAR = {"orientation": "h", "thickness": 12, "len": 0.7, "y": -0.12, "yanchor": "top"}
MARKS = {
    "published": "diamond-open",
    "white noise": "triangle-up-open",
    "best power law": "cross-open",
    "flat renderer": "x-open",
    "level response": "x-open",
    "lookup alone": "star-open",
    "random matrix": "hexagram-open",
    "from the singular values": "asterisk-open",
    "unrelated error": "triangle-up-open",
    "straight step": "cross-open",
}


@dataclass(frozen=True)
class Row:
    """One quantity of every object: its label, its column of the table, and references to mark by name."""

    label: str
    column: str
    marks: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Panel:
    """Rows on one axis; `lines` are thresholds, drawn and labelled; `span` is the least range to show.

    With `log` the axis is logarithmic.
    """

    axis: str
    rows: Sequence[Row]
    lines: Mapping[str, float] = field(default_factory=dict)
    span: Sequence[float] = ()
    log: bool = False


@dataclass(frozen=True)
class Curve:
    """One line; curves of one name share an entry of the legend."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: str
    dash: str = "solid"
    width: float = 1.2
    opacity: float = 1.0
    hover: str = ""


def strips(table: pd.DataFrame, groups: Mapping[str, str], panels: Sequence[Panel], alt: str) -> go.Figure:
    """Every object as a point, the mean with its 95% interval, and references, row by row.

    Args:
        table: of records, with the column `object`; seeds are averaged within an object.
        groups: of each object, such as "real".
        panels: one above the other, each with its own axis.
        alt: text for screen readers.
    """
    counts = [len(panel.rows) for panel in panels]
    height = ROW * sum(counts) + BETWEEN_PANELS * (len(panels) - 1)
    figure = make_subplots(
        rows=len(panels),
        row_heights=counts,
        vertical_spacing=BETWEEN_PANELS / height if len(panels) > 1 else 0,
    )
    for number, panel in enumerate(panels, start=1):
        for place, row in enumerate(panel.rows):
            drawn = len(figure.data)
            _add_row(figure, table, groups, row, place, number)
            for trace in figure.data[drawn:]:
                trace.meta = {"panel": panel.axis, "quantity": row.label}  # for the data of the figure
        _add_lines(figure, panel, number)
        figure.update_xaxes(
            title_text=panel.axis, title_standoff=6, autorangeoptions={"include": list(panel.span)},
            type="log" if panel.log else None, row=number, col=1,
        )  # fmt: skip
        figure.update_yaxes(
            range=[len(panel.rows) - 0.45, -0.7], showticklabels=False, showgrid=False, zeroline=False,
            row=number, col=1,
        )  # fmt: skip
    _name_once(figure)
    return finish(figure, alt, height)


def curves(
    lines: Sequence[Curve],
    axes: tuple[str, str],
    alt: str,
    *,
    log_ticks: Sequence[float] = (),
    log_y: bool = False,
    marks: Mapping[str, float] | None = None,
) -> go.Figure:
    """Lines over a common axis.

    Args:
        lines: drawn in order.
        axes: titles of x and y.
        alt: text for screen readers.
        log_ticks: makes x logarithmic, with these ticks.
        log_y: makes y logarithmic.
        marks: labelled vertical lines.
    """
    figure = go.Figure()
    for line in lines:
        figure.add_scatter(
            x=list(line.x), y=list(line.y), name=line.name, mode="lines", opacity=line.opacity,
            line={"color": line.colour, "dash": line.dash, "width": line.width},
            text=[line.hover] * len(line.x), hovertemplate="%{text}<br>%{x:.3g}, %{y:.4g}<extra></extra>",
        )  # fmt: skip
    for label, x in (marks or {}).items():
        figure.add_vline(x=x, line={"color": COLOURS["reference"], "width": 1, "dash": "dot"})
        figure.add_annotation(
            x=np.log10(x) if log_ticks else x, y=1, yref="paper", text=label, showarrow=False,
            xanchor="left", yanchor="top", textangle=90, font={"size": SMALL},
        )  # fmt: skip
    figure.update_xaxes(title_text=axes[0], title_standoff=6)
    figure.update_yaxes(title_text=axes[1])
    if log_ticks:
        figure.update_xaxes(type="log", tickvals=list(log_ticks))
    if log_y:
        figure.update_yaxes(type="log", dtick=1, exponentformat="power")
    _name_once(figure)
    return finish(figure, alt, 320)


def maps(
    images: Mapping[str, Float[np.ndarray, "h w"]], alt: str, unit: str, rings: Sequence[float] = ()
) -> go.Figure:
    """Square maps side by side in one greyscale-safe colour scale.

    Args:
        images: by title; rows count downwards.
        alt: text for screen readers.
        unit: of the values, beside the colour bar.
        rings: radii of circles about the centre, where a map spans [-1, 1] on both axes (x Nyquist).
    """
    figure = make_subplots(cols=len(images), subplot_titles=list(images), horizontal_spacing=0.06)
    everything = np.stack(list(images.values()))
    limits = {"zmin": float(everything.min()), "zmax": float(everything.max())}
    for column, (title, image) in enumerate(images.items(), start=1):
        centres = _centres(image.shape[-1]) if rings else None
        figure.add_heatmap(
            z=np.round(image, 3), name=title, x=centres, y=centres, colorscale=GREYSCALE_SAFE, **limits,
            showscale=column == 1, colorbar=COLOUR_BAR | {"title": {"text": unit, "side": "bottom"}},
            row=1, col=column,
        )  # fmt: skip
        for radius in rings:
            figure.add_shape(
                type="circle", x0=-radius, x1=radius, y0=-radius, y1=radius, row=1, col=column,
                line={"color": "white", "width": 1.2, "dash": "dot"},
            )  # fmt: skip
    figure.update_xaxes(showticklabels=bool(rings), showgrid=False, zeroline=False, constrain="domain")
    figure.update_yaxes(
        showticklabels=bool(rings), showgrid=False, zeroline=False, autorange="reversed", constrain="domain"
    )
    for column in range(1, len(images) + 1):
        figure.update_yaxes(scaleanchor="x" if column == 1 else f"x{column}", row=1, col=column)
    return finish(figure, alt, 300, top=36, bottom=90)


def mean_lists(table: pd.DataFrame, column: str) -> dict[str, Float[np.ndarray, "n"]]:
    """Lists of a column averaged over the seeds of each object; objects without one are left out."""
    present = table[table[column].notna()]
    return {
        name: np.mean(np.stack([np.asarray(values, dtype=float) for values in rows]), axis=0)
        for name, rows in present.groupby("object")[column]
    }


def mean_list(table: pd.DataFrame, column: str) -> Float[np.ndarray, "n"]:
    """Mean over the objects of the lists of a column."""
    return np.mean(list(mean_lists(table, column).values()), axis=0)


def mean_curve(
    table: pd.DataFrame, x: Sequence[float], column: str, name: str, colour: str, dash: str = "solid"
) -> Curve:
    """The mean over objects of a column of lists over x, where it is finite.

    Args:
        colour: key of `COLOURS`.
    """
    values = mean_list(table, column)
    kept = np.isfinite(values)
    places = [place for place, keep in zip(x, kept, strict=True) if keep]
    return Curve(name, places, values[kept].tolist(), COLOURS[colour], dash, width=2.2, hover=name)


def object_curves(
    table: pd.DataFrame, groups: Mapping[str, str], x: Sequence[float], column: str
) -> list[Curve]:
    """A thin line over x for every object, from a column of lists."""
    return [
        Curve(f"{groups[name]} objects", x, values.tolist(), colour_of(groups[name]), opacity=0.5, hover=name)
        for name, values in mean_lists(table, column).items()
    ]


def _add_row(
    figure: go.Figure, table: pd.DataFrame, groups: Mapping[str, str], row: Row, place: int, panel: int
) -> None:
    values = per_object(table, row.column) if row.column in table else pd.Series(dtype=float)
    for offset, group in enumerate(dict.fromkeys(groups.values())):
        chosen = values[[groups.get(name) == group for name in values.index]]
        figure.add_scatter(
            x=chosen.tolist(), y=[place + 0.16 * offset] * len(chosen), mode="markers",
            name=GROUPS.get(group, group), text=chosen.index.tolist(),
            marker={"color": colour_of(group), "symbol": SYMBOLS.get(group, "circle"), "size": 8, "opacity": 0.75},
            hovertemplate="%{text}: %{x:.4g}<extra></extra>", row=panel, col=1,
        )  # fmt: skip
    if len(values):
        _add_mean(figure, values, place - 0.16, panel)
    for name, x in row.marks.items():
        figure.add_scatter(
            x=[x], y=[place - 0.16], mode="markers", name=name,
            marker={"symbol": MARKS[name], "size": 11, "color": COLOURS["pred"], "line": {"width": 2}},
            hovertemplate=f"{name}: %{{x:.4g}}<extra></extra>", row=panel, col=1,
        )  # fmt: skip
    figure.add_annotation(
        text=row.label + ("" if len(values) else " (no value)"), x=0, xref="x domain", y=place - 0.32,
        xanchor="left", yanchor="bottom", showarrow=False, font={"size": SMALL}, row=panel, col=1,
    )  # fmt: skip


def _add_mean(figure: go.Figure, values: pd.Series, height: float, panel: int) -> None:
    mean = bca_interval(values.to_numpy())
    error = {"type": "data", "array": [mean.high - mean.estimate], "arrayminus": [mean.estimate - mean.low]}
    figure.add_scatter(
        x=[mean.estimate], y=[height], mode="markers", name="mean, 95% interval",
        marker={"symbol": "line-ns-open", "size": 13, "color": COLOURS["reference"], "line": {"width": 3}},
        error_x=error | {"thickness": 2, "width": 0} if mean.known else None,
        hovertemplate="mean %{x:.4g}<extra></extra>", row=panel, col=1,
    )  # fmt: skip


def _add_lines(figure: go.Figure, panel: Panel, number: int) -> None:
    for label, x in panel.lines.items():
        figure.add_vline(
            x=x, line={"color": COLOURS["reference"], "width": 1, "dash": "dot"}, row=number, col=1
        )
        figure.add_annotation(
            text=label, x=np.log10(x) if panel.log else x, y=len(panel.rows) - 0.5, xanchor="left",
            yanchor="bottom", showarrow=False, font={"size": SMALL}, row=number, col=1,
        )  # fmt: skip


def _name_once(figure: go.Figure) -> None:
    """Every name once in the legend, where a click hides all that bear it."""
    seen = set()
    for trace in figure.data:
        trace.update(legendgroup=trace.name, showlegend=trace.name not in seen)
        seen.add(trace.name)


def _centres(size: int) -> list[float]:
    """Shifted DFT indices in x Nyquist."""
    return (2 * np.fft.fftshift(np.fft.fftfreq(size))).tolist()
