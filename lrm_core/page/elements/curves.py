"""Lines over a common axis: of every object and of their means, or a panel for each claim."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from jaxtyping import Float
from plotly.subplots import make_subplots

from lrm_core.findings.claims import HEADLINES, SHORT
from lrm_core.findings.prose import number
from lrm_core.page.elements.strips import DECADES
from lrm_core.page.elements.style import BOTTOM, COLOURS, SMALL, finish, name_once, spans
from lrm_core.records.statistics import Interval

COLUMNS = 2
HEIGHT = 130  # pixels of a panel
RATIOS = ("C5",)  # without an upper end, on a logarithmic axis


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
        figure.add_vline(x=x, line={"color": COLOURS["reference"], "width": 1, "dash": "dot"})
        figure.add_annotation(
            x=np.log10(x) if log_ticks else x, y=1, yref="paper", text=label, showarrow=False,
            yanchor="bottom", font={"size": SMALL},
        )  # fmt: skip
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

    Args:
        numbers: of `SHORT` -> series -> place on the axis -> mean.
        colours: of the series, keys of `COLOURS`; a legend names them where there are several.
        marked: range of the axis where the published runs are, or one place.
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
            figure.update_yaxes(type="log", tickvals=DECADES, ticktext=[f"{tick:g}" for tick in DECADES], **at)
        figure.update_xaxes(showticklabels=place >= len(numbers) - COLUMNS, **at)
    figure.add_annotation(
        text=axis, x=0.5, xref="paper", y=0, yref="paper", yanchor="top", yshift=-22, showarrow=False
    )
    name_once(figure)
    figure.update_layout(showlegend=several)
    alt = f"Numbers over {axis}. {'; '.join(said)}."
    return finish(figure, alt, HEIGHT * rows, top=30, bottom=BOTTOM if several else 50)
