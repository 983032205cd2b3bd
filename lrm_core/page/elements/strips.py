"""Every object as a point in rows, with means, intervals and references."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lrm_core.findings.figures import Panel, Reference, Row, Strips
from lrm_core.findings.prose import number
from lrm_core.page.elements.style import COLOURS, GROUPS, SMALL, SYMBOLS, finish, name_once, spans
from lrm_core.records.statistics import interval_of, per_object

ROW, TALL = 58, 84  # pixels of a row, and where rows have several columns
BETWEEN_PANELS = 84
DECADES = [of * 10**place for place in range(-4, 4) for of in (1, 3)]  # ticks of a logarithmic axis
LABEL = 0.24  # rows that the label of a threshold takes, above all others
MARKS = {
    "published": "diamond-open",
    "white noise": "triangle-up-open",
    "flat renderer": "x-open",
    "level response": "x-open",
    "lookup alone": "star-open",
    "random matrix": "hexagram-open",
    "from the singular values": "asterisk-open",
}
Place = Mapping[str, int]  # row and column among the panels


def strips(figure: Strips, table: pd.DataFrame, groups: Mapping[str, str], title: str) -> go.Figure:
    """Every object as a point, the mean with its 95% interval, and references, row by row.

    Seeds are averaged within an object, and intervals are those of `interval_of`; the text for screen readers begins
    with the title.
    """
    panels = figure.panels
    counts = [len(panel.rows) + LABEL * len(panel.lines) for panel in panels]
    tall = any(row.beside for panel in panels for row in panel.rows)
    height = (TALL if tall else ROW) * sum(counts) + BETWEEN_PANELS * (len(panels) - 1)
    between = BETWEEN_PANELS / height if len(panels) > 1 else 0
    shown = make_subplots(rows=len(panels), row_heights=counts, vertical_spacing=between)
    for above, panel in enumerate(panels, start=1):
        at = {"row": above, "col": 1}
        for place, row in enumerate(panel.rows):
            drawn = len(shown.data)
            if row.colour:
                _add_columns(shown, table, row, figure.names, place, at)
            else:
                _add_objects(shown, table, groups, row, place, at)
            for trace in shown.data[drawn:]:
                trace.meta = {"panel": panel.axis, "quantity": row.label}  # for the data of the figure
        _add_lines(shown, panel, at)
        axis = {"title_text": panel.axis, "title_standoff": 6, "autorangeoptions": {"include": list(panel.span)}}
        if panel.log:
            axis |= {"type": "log", "tickvals": DECADES, "ticktext": [f"{tick:g}" for tick in DECADES]}
        shown.update_xaxes(**axis, **at)
        hidden = dict.fromkeys(("showticklabels", "showgrid", "zeroline"), False)
        shown.update_yaxes(range=[len(panel.rows) - 0.45, -0.7 - LABEL * len(panel.lines)], **hidden, **at)
    name_once(shown)
    return finish(shown, f"{title} {_described(figure, table)}", height)


def _described(figure: Strips, table: pd.DataFrame) -> str:
    """Means and references of every row, for screen readers."""

    def mean(column: str) -> str:
        return number(interval_of(table, column).estimate) if column in table else "no value"

    said = []
    for panel in figure.panels:
        rows = []
        for row in panel.rows:
            own = f"{figure.names[row.colour]} " if row.beside else ""
            parts = [own + mean(row.column)]
            parts += [f"{figure.names[colour]} {mean(column)}" for colour, column in row.beside.items()]
            for name, reference in row.marks.items():
                parts.append(f"{name} {', '.join(number(x) for x in numbers_of(reference, table))}")
            rows.append(f"{row.label}: {'; '.join(parts)}")
        said.append(f"{panel.axis}: {'. '.join(rows)}.")
    return " ".join(said)


def _add_objects(
    figure: go.Figure, table: pd.DataFrame, groups: Mapping[str, str], row: Row, place: int, at: Place
) -> None:
    values = per_object(table, row.column) if row.column in table else pd.Series(dtype=float)
    for offset, group in enumerate(dict.fromkeys(groups.values())):
        chosen = values[[groups.get(name) == group for name in values.index]]
        colour, symbol = COLOURS.get(group, COLOURS["real"]), SYMBOLS.get(group, "circle")
        look = {"color": colour, "symbol": symbol, "size": 8, "opacity": 0.75}
        _add_points(figure, chosen, place + 0.16 * offset, GROUPS.get(group, group), look, at)
    if len(values):
        _add_mean(figure, table, row.column, place - 0.16, at, COLOURS["reference"])
    _add_references(figure, table, row, place, at, 0.16, "" if len(values) else " (no value)")


def _add_columns(
    figure: go.Figure, table: pd.DataFrame, row: Row, names: Mapping[str, str], place: int, at: Place
) -> None:
    """A row with several columns: each in its own colour, its mean below the points."""
    for offset, (colour, column) in enumerate({row.colour: row.column, **row.beside}.items()):
        values, height = per_object(table, column), place + 0.22 * offset
        if values.empty:
            continue
        _add_points(figure, values, height, names[colour], {"color": COLOURS[colour], "size": 7, "opacity": 0.55}, at)
        _add_mean(figure, table, column, height, at, COLOURS[colour])
    _add_references(figure, table, row, place, at, 0.2)


def _add_points(
    figure: go.Figure, values: pd.Series, height: float, name: str, look: Mapping[str, Any], at: Place
) -> None:
    figure.add_scatter(
        x=values.tolist(), y=[height] * len(values), mode="markers", name=name, text=values.index.tolist(),
        marker=look, hovertemplate="%{text}: %{x:.4g}<extra></extra>", **at,
    )  # fmt: skip


def _add_mean(figure: go.Figure, table: pd.DataFrame, column: str, height: float, at: Place, colour: str) -> None:
    mean = interval_of(table, column)
    figure.add_scatter(
        x=[mean.estimate], y=[height], mode="markers", name="mean, 95% interval",
        marker={"symbol": "line-ns-open", "size": 13, "color": colour, "line": {"width": 3}},
        error_x=spans([mean], thickness=2, width=0) if mean.known else None,
        hovertemplate="mean %{x:.4g}<extra></extra>", **at,
    )  # fmt: skip


def _add_references(
    figure: go.Figure, table: pd.DataFrame, row: Row, place: int, at: Place, above: float, without: str = ""
) -> None:
    """The marks of a row, and its label with what it is without."""
    for name, x in row.marks.items():
        places = numbers_of(x, table)
        figure.add_scatter(
            x=places, y=[place - above] * len(places), mode="markers", name=name,
            marker={"symbol": MARKS[name], "size": 11, "color": COLOURS["pred"], "line": {"width": 2}},
            hovertemplate=f"{name}: %{{x:.4g}}<extra></extra>", **at,
        )  # fmt: skip
    figure.add_annotation(
        text=row.label + without, x=0, xref="x domain", y=place - 0.32,
        xanchor="left", yanchor="bottom", showarrow=False, font={"size": SMALL}, **at,
    )  # fmt: skip


def numbers_of(reference: Reference, table: pd.DataFrame) -> list[float]:
    """What a reference stands for: the mean of a column, one number, or several."""
    if isinstance(reference, str):
        return [interval_of(table, reference).estimate]
    return list(reference) if isinstance(reference, Sequence) else [reference]


def _add_lines(figure: go.Figure, panel: Panel, at: Place) -> None:
    for place, (label, x) in enumerate(reversed(panel.lines.items())):
        figure.add_vline(x=x, line={"color": COLOURS["reference"], "width": 1, "dash": "dot"}, **at)
        figure.add_annotation(
            text=label, x=np.log10(x) if panel.log else x, y=-0.7 - LABEL * place, xanchor="left",
            yanchor="bottom", showarrow=False, font={"size": SMALL}, **at,
        )  # fmt: skip
