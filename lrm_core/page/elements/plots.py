"""Every object as a point in rows, and lines over a common axis: of every object, or a panel for each claim."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from jaxtyping import Float
from plotly.subplots import make_subplots

from lrm_core.findings.claims import HEADLINES, SHORT
from lrm_core.findings.figures import Reference, Row, Strips
from lrm_core.findings.prose import number
from lrm_core.page.elements.style import BOTTOM, COLOURS, GROUPS, SMALL, SYMBOLS, finish, name_once, spans
from lrm_core.records.statistics import Interval, interval_of, per_object

ROW, TALL = 58, 84  # pixels of a row, and where rows have several columns
BETWEEN_PANELS = 84
DECADES = [of * 10**place for place in range(-4, 4) for of in (1, 3)]
LOGARITHMIC = {"type": "log", "tickvals": DECADES, "ticktext": [f"{tick:g}" for tick in DECADES]}  # of an axis
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
COLUMNS, HEIGHT = 2, 130  # of small panels; pixels of one
RATIOS = ("C5",)  # without an upper end, on a logarithmic axis
Place = Mapping[str, int]  # row and column among the panels


def strips(figure: Strips, table: pd.DataFrame, groups: Mapping[str, str], title: str) -> go.Figure:
    """Every object as a point, the mean with its 95% interval, and references, row by row.

    Seeds are averaged within an object, and intervals are those of `interval_of`; the text for screen readers begins
    with the title.
    """
    counts = [len(panel.rows) + LABEL * len(panel.lines) for panel in figure.panels]
    tall = any(row.beside for panel in figure.panels for row in panel.rows)
    height = (TALL if tall else ROW) * sum(counts) + BETWEEN_PANELS * (len(counts) - 1)
    between = BETWEEN_PANELS / height if len(counts) > 1 else 0
    shown = make_subplots(rows=len(counts), row_heights=counts, vertical_spacing=between)
    for above, panel in enumerate(figure.panels, start=1):
        at = {"row": above, "col": 1}
        for place, row in enumerate(panel.rows):
            drawn = len(shown.data)
            if row.colour:
                _add_columns(shown, table, row, figure.names, place, at)
            else:
                _add_objects(shown, table, groups, row, place, at)
            for trace in shown.data[drawn:]:
                trace.meta = {"panel": panel.axis, "quantity": row.label}  # for the data of the figure
        for up, (label, x) in enumerate(reversed(panel.lines.items())):
            _add_line(shown, label, x, panel.log, at, y=-0.7 - LABEL * up, xanchor="left")
        axis = {"title_text": panel.axis, "title_standoff": 6, "autorangeoptions": {"include": list(panel.span)}}
        if panel.log:
            axis |= LOGARITHMIC
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
            columns = {row.colour: row.column, **row.beside}.items()
            parts = [f"{figure.names[of]} {mean(column)}" if row.beside else mean(column) for of, column in columns]
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
        look = {"color": COLOURS[colour], "size": 7, "opacity": 0.55}
        if len(values):
            _add_points(figure, values, height, names[colour], look, at)
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


def _add_line(figure: go.Figure, label: str, x: float, log: bool, at: Place, **place: float | str) -> None:
    """A dotted vertical line, with its label at a place."""
    figure.add_vline(x=x, line={"color": COLOURS["reference"], "width": 1, "dash": "dot"}, **at)
    look = {"showarrow": False, "yanchor": "bottom", "font": {"size": SMALL}}
    figure.add_annotation(text=label, x=np.log10(x) if log else x, **place, **look, **at)


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


def curves(
    lines: Sequence[Curve],
    axes: tuple[str, str],
    alt: str,
    *,
    log_ticks: Sequence[float] = (),
    log_y: bool = False,
    marks: Mapping[str, float] | None = None,
) -> go.Figure:
    """Lines over a common axis, with `marks` as labelled vertical lines; `log_ticks` make x logarithmic."""
    figure = go.Figure()
    for line in lines:
        figure.add_scatter(
            x=list(line.x), y=list(line.y), name=line.name, mode="lines", opacity=line.opacity,
            line={"color": line.colour, "dash": line.dash, "width": line.width},
            text=[line.hover] * len(line.x), hovertemplate="%{text}<br>%{x:.3g}, %{y:.4g}<extra></extra>",
        )  # fmt: skip
    for label, x in (marks or {}).items():
        _add_line(figure, label, x, bool(log_ticks), {}, y=1, yref="paper")
    figure.update_xaxes(title_text=axes[0], title_standoff=6)
    figure.update_yaxes(title_text=axes[1])
    if log_ticks:
        figure.update_xaxes(type="log", tickvals=list(log_ticks))
    if log_y:
        figure.update_yaxes(type="log", dtick=1, exponentformat="power")
    name_once(figure)
    return finish(figure, alt, 320)


def mean_lists(table: pd.DataFrame, column: str) -> dict[str, Float[np.ndarray, "n"]]:
    """Lists of a column averaged over the seeds of each object; objects without one are left out."""
    present = table[table[column].notna()].groupby("object")[column]
    return {name: np.array(list(rows), dtype=float).mean(0) for name, rows in present}


def panels(
    numbers: Mapping[str, Mapping[str, Mapping[float, Interval]]],
    published: Mapping[str, float],
    axis: str,
    colours: Mapping[str, str],
    marked: Sequence[float],
) -> go.Figure:
    """One small panel for each number: means with their intervals, and the published number as a line.

    Numbers are of `SHORT` -> series -> place on the axis -> mean; a legend names several series, whose colours are
    keys of `COLOURS`. Marked is the range of the axis where the published runs are, or one place.
    """
    rows, several = -(-len(numbers) // COLUMNS), len({label for of in numbers.values() for label in of}) > 1
    titles = {name: f"{name}: {SHORT[name]}" if name in HEADLINES else SHORT[name] for name in numbers}
    figure = make_subplots(
        rows=rows, cols=COLUMNS, shared_xaxes=True, vertical_spacing=0.3 / rows, subplot_titles=list(titles.values())
    ).update_annotations(font={"size": SMALL}, yshift=6)
    said = []
    for place, (name, series) in enumerate(numbers.items()):
        at = {"row": place // COLUMNS + 1, "col": place % COLUMNS + 1}
        said.append(f"{titles[name]}: published {number(published[name])}")
        for label, means in series.items():
            figure.add_scatter(
                x=list(means), y=[mean.estimate for mean in means.values()], mode="lines+markers", **at,
                text=[titles[name]] * len(means),  # of the table beside the figure
                name=label, line={"color": COLOURS[colours[label]], "width": 2},
                error_y=spans(means.values(), thickness=1, width=2),
                hovertemplate=f"{label}, %{{x:.3g}}: %{{y:.2f}}<extra></extra>",
            )  # fmt: skip
            said[-1] += f", {label} {', '.join(f'{number(m.estimate)} at {x:.3g}' for x, m in means.items())}"
        figure.add_hline(published[name], line={"color": COLOURS["pred"], "dash": "dash", "width": 1.5}, **at)
        figure.add_vrect(
            min(marked), max(marked), fillcolor=COLOURS["reference"], opacity=0.1 if len(marked) > 1 else 0.6,
            line_width=0 if len(marked) > 1 else 1, layer="below", **at,
        )  # fmt: skip
        if name in RATIOS:
            figure.update_yaxes(**LOGARITHMIC, **at)
        figure.update_xaxes(showticklabels=place >= len(numbers) - COLUMNS, **at)
    figure.add_annotation(
        text=axis, x=0.5, xref="paper", y=0, yref="paper", yanchor="top", yshift=-22, showarrow=False
    )
    name_once(figure)
    figure.update_layout(showlegend=several)
    bottom, alt = BOTTOM if several else 50, f"Numbers over {axis}. {'; '.join(said)}."
    return finish(figure, alt, HEIGHT * rows, top=30, bottom=bottom)
