"""Every object as a point in rows, with means, intervals and references."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lrm_core.evidence.statistics import Interval, interval_of, per_object
from lrm_core.show.elements.style import COLOURS, GROUPS, SMALL, SYMBOLS, colour_of, finish, name_once

ROW = 58  # pixels
BETWEEN_PANELS = 84
LABEL = 0.24  # rows from the label of one threshold to that of the next
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


def strips(table: pd.DataFrame, groups: Mapping[str, str], panels: Sequence[Panel], alt: str) -> go.Figure:
    """Every object as a point, the mean with its 95% interval, and references, row by row.

    Args:
        table: of records, with the column `object`; seeds are averaged within an object. Intervals are
            those of `interval_of`.
        groups: of each object, such as "real".
        panels: one above the other, each with its own axis.
        alt: text for screen readers.
    """
    counts = [len(panel.rows) + _depth(panel) for panel in panels]
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
            range=[counts[number - 1] - 0.45, -0.7], showticklabels=False, showgrid=False, zeroline=False,
            row=number, col=1,
        )  # fmt: skip
    name_once(figure)
    return finish(figure, alt, height)


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
        _add_mean(figure, interval_of(table, row.column), place - 0.16, panel)
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


def _add_mean(figure: go.Figure, mean: Interval, height: float, panel: int) -> None:
    error = {"type": "data", "array": [mean.high - mean.estimate], "arrayminus": [mean.estimate - mean.low]}
    figure.add_scatter(
        x=[mean.estimate], y=[height], mode="markers", name="mean, 95% interval",
        marker={"symbol": "line-ns-open", "size": 13, "color": COLOURS["reference"], "line": {"width": 3}},
        error_x=error | {"thickness": 2, "width": 0} if mean.known else None,
        hovertemplate="mean %{x:.4g}<extra></extra>", row=panel, col=1,
    )  # fmt: skip


def _add_lines(figure: go.Figure, panel: Panel, number: int) -> None:
    for place, (label, x) in enumerate(panel.lines.items()):
        figure.add_vline(
            x=x, line={"color": COLOURS["reference"], "width": 1, "dash": "dot"}, row=number, col=1
        )
        figure.add_annotation(
            text=label, x=np.log10(x) if panel.log else x, y=len(panel.rows) - 0.5 + LABEL * place, xanchor="left",
            yanchor="bottom", showarrow=False, font={"size": SMALL}, row=number, col=1,
        )  # fmt: skip


def _depth(panel: Panel) -> float:
    """Rows below the last that the labels of thresholds take, each lower than the one before."""
    return LABEL * max(0, len(panel.lines) - 1)
