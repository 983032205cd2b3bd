"""Lines over a common axis, of every object and of their means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from jaxtyping import Float

from lrm_core.page.elements.style import COLOURS, SMALL, finish, name_once


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
    present = table[table[column].notna()]
    return {
        name: np.mean(np.stack([np.asarray(values, dtype=float) for values in rows]), axis=0)
        for name, rows in present.groupby("object")[column]
    }
