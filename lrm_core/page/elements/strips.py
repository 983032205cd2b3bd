"""Every object as a point in rows, with means, intervals and references."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lrm_core.findings.figures import Panel, Reference, Row
from lrm_core.page.elements.style import COLOURS, GROUPS, SMALL, SYMBOLS, finish, name_once, spans
from lrm_core.records.statistics import Interval, interval_of, per_object

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


def strips(
    table: pd.DataFrame,
    groups: Mapping[str, str],
    panels: Sequence[Panel],
    alt: str,
    names: Mapping[str, str] | None = None,
) -> go.Figure:
    """Every object as a point, the mean with its 95% interval, and references, row by row.

    Args:
        table: of records, with the column `object`; seeds are averaged within an object. Intervals are
            those of `interval_of`.
        groups: of each object, such as "real".
        alt: text for screen readers.
        names: of the colours of rows that have columns beside their own.
    """
    counts = [len(panel.rows) + LABEL * len(panel.lines) for panel in panels]
    tall = any(row.beside for panel in panels for row in panel.rows)
    height = (TALL if tall else ROW) * sum(counts) + BETWEEN_PANELS * (len(panels) - 1)
    between = BETWEEN_PANELS / height if len(panels) > 1 else 0
    figure = make_subplots(rows=len(panels), row_heights=counts, vertical_spacing=between)
    for number, panel in enumerate(panels, start=1):
        at = {"row": number, "col": 1}
        for place, row in enumerate(panel.rows):
            drawn = len(figure.data)
            if row.colour:
                _add_columns(figure, table, row, names or {}, place, number)
            else:
                _add_row(figure, table, groups, row, place, number)
            for trace in figure.data[drawn:]:
                trace.meta = {"panel": panel.axis, "quantity": row.label}  # for the data of the figure
        _add_lines(figure, panel, number)
        shown = {
            "title_text": panel.axis,
            "title_standoff": 6,
            "autorangeoptions": {"include": list(panel.span)},
        }
        if panel.log:
            shown |= {"type": "log", "tickvals": DECADES, "ticktext": [f"{tick:g}" for tick in DECADES]}
        figure.update_xaxes(**shown, **at)
        hidden = dict.fromkeys(("showticklabels", "showgrid", "zeroline"), False)
        figure.update_yaxes(range=[len(panel.rows) - 0.45, -0.7 - LABEL * len(panel.lines)], **hidden, **at)
    name_once(figure)
    return finish(figure, alt, height)


def _add_row(
    figure: go.Figure, table: pd.DataFrame, groups: Mapping[str, str], row: Row, place: int, panel: int
) -> None:
    values = per_object(table, row.column) if row.column in table else pd.Series(dtype=float)
    for offset, group in enumerate(dict.fromkeys(groups.values())):
        chosen = values[[groups.get(name) == group for name in values.index]]
        colour, symbol = COLOURS.get(group, COLOURS["real"]), SYMBOLS.get(group, "circle")
        figure.add_scatter(
            x=chosen.tolist(), y=[place + 0.16 * offset] * len(chosen), mode="markers",
            name=GROUPS.get(group, group), text=chosen.index.tolist(),
            marker={"color": colour, "symbol": symbol, "size": 8, "opacity": 0.75},
            hovertemplate="%{text}: %{x:.4g}<extra></extra>", row=panel, col=1,
        )  # fmt: skip
    if len(values):
        _add_mean(figure, interval_of(table, row.column), place - 0.16, panel)
    _add_marks(figure, table, row, place - 0.16, panel)
    _add_label(figure, row.label + ("" if len(values) else " (no value)"), place, panel)


def _add_columns(
    figure: go.Figure, table: pd.DataFrame, row: Row, names: Mapping[str, str], place: int, panel: int
) -> None:
    """A row with several columns: each in its own colour, its mean below the points."""
    for offset, (colour, column) in enumerate({row.colour: row.column, **row.beside}.items()):
        values = per_object(table, column)
        if values.empty:
            continue
        figure.add_scatter(
            x=values.tolist(), y=[place + 0.22 * offset] * len(values), mode="markers", name=names[colour],
            text=values.index.tolist(), marker={"color": COLOURS[colour], "size": 7, "opacity": 0.55},
            hovertemplate="%{text}: %{x:.4g}<extra></extra>", row=panel, col=1,
        )  # fmt: skip
        _add_mean(figure, interval_of(table, column), place + 0.22 * offset, panel, COLOURS[colour])
    _add_marks(figure, table, row, place - 0.2, panel)
    _add_label(figure, row.label, place, panel)


def _add_marks(figure: go.Figure, table: pd.DataFrame, row: Row, height: float, panel: int) -> None:
    for name, x in row.marks.items():
        places = numbers_of(x, table)
        figure.add_scatter(
            x=places, y=[height] * len(places), mode="markers", name=name,
            marker={"symbol": MARKS[name], "size": 11, "color": COLOURS["pred"], "line": {"width": 2}},
            hovertemplate=f"{name}: %{{x:.4g}}<extra></extra>", row=panel, col=1,
        )  # fmt: skip


def numbers_of(reference: Reference, table: pd.DataFrame) -> list[float]:
    """What a reference stands for: the mean of a column, one number, or several."""
    if isinstance(reference, str):
        return [interval_of(table, reference).estimate]
    return list(reference) if isinstance(reference, Sequence) else [reference]


def _add_label(figure: go.Figure, text: str, place: int, panel: int) -> None:
    figure.add_annotation(
        text=text, x=0, xref="x domain", y=place - 0.32,
        xanchor="left", yanchor="bottom", showarrow=False, font={"size": SMALL}, row=panel, col=1,
    )  # fmt: skip


def _add_mean(
    figure: go.Figure, mean: Interval, height: float, panel: int, colour: str = COLOURS["reference"]
) -> None:
    figure.add_scatter(
        x=[mean.estimate], y=[height], mode="markers", name="mean, 95% interval",
        marker={"symbol": "line-ns-open", "size": 13, "color": colour, "line": {"width": 3}},
        error_x=spans([mean], thickness=2, width=0) if mean.known else None,
        hovertemplate="mean %{x:.4g}<extra></extra>", row=panel, col=1,
    )  # fmt: skip


def _add_lines(figure: go.Figure, panel: Panel, number: int) -> None:
    for place, (label, x) in enumerate(reversed(panel.lines.items())):
        figure.add_vline(x=x, line={"color": COLOURS["reference"], "width": 1, "dash": "dot"}, row=number, col=1)
        figure.add_annotation(
            text=label, x=np.log10(x) if panel.log else x, y=-0.7 - LABEL * place, xanchor="left",
            yanchor="bottom", showarrow=False, font={"size": SMALL}, row=number, col=1,
        )  # fmt: skip
