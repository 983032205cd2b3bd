"""One look for every figure: colours that keep their meaning, sizes that a phone can show."""

from collections.abc import Iterable, Mapping
from textwrap import wrap
from typing import Any

import plotly.graph_objects as go
from plotly.graph_objs.layout import XAxis, YAxis

from lrm_core.records.statistics import Interval

# Okabe-Ito, which stays apart for colour-blind readers; two of its light tones darkened for white paper.
COLOURS: Mapping[str, str] = {
    "real": "#D55E00",
    "procedural": "#0072B2",
    "pred": "#A97400",
    "predinit": "#009E73",
    "random": "#B8629A",
    "null": "#808080",
    "reference": "#808080",
}
GROUPS: Mapping[str, str] = {"real": "real object", "procedural": "procedural object", "cycles": "real object"}
SYMBOLS: Mapping[str, str] = {"real": "circle", "procedural": "square"}
GRID = "rgba(128, 128, 128, 0.25)"
CLEAR = "rgba(0, 0, 0, 0)"
PAPER = "#fff"  # pages clear it and follow their theme; JupyterLab draws dark text in its dark theme too
BOTTOM = 110  # pixels for axis title and legend
TOP = 16
SMALL = 12
TITLE = 42  # characters of an axis title that a phone shows
LETTER = 9  # pixels that a letter of an axis title takes, generously

_AXIS = {"gridcolor": GRID, "zerolinecolor": GRID, "linecolor": GRID, "ticks": "", "automargin": True}
TEMPLATE = go.layout.Template(
    layout={
        "font": {"size": 13},
        "paper_bgcolor": PAPER,
        "plot_bgcolor": CLEAR,
        "colorway": [COLOURS["procedural"], COLOURS["real"], COLOURS["predinit"], COLOURS["random"]],
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "yanchor": "top", "font": {"size": SMALL}},
        "hovermode": "closest",
        "dragmode": False,
    }
)


def finish(figure: go.Figure, alt: str, plot_height: int, top: int = TOP, bottom: int = BOTTOM) -> go.Figure:
    """Give a figure the common look and its text for screen readers, and return it.

    The plotting area has `plot_height` pixels between the margins `top` and `bottom`; the legend goes below.
    """
    below = SMALL + 4 if _wrap_titles(figure.select_xaxes(), TITLE) else 0
    _wrap_titles(figure.select_yaxes(), plot_height // LETTER)
    margin = {"l": 52, "r": 12, "t": top, "b": bottom + below}
    figure.update_layout(
        template=TEMPLATE, height=plot_height + top + bottom + below, margin=margin, meta={"alt": alt}
    )
    return figure.update_layout(legend={"y": -(58 + below) / plot_height})


def _wrap_titles(axes: Iterable[XAxis | YAxis], width: int) -> bool:
    """Break titles that have more characters than the width; whether there was one."""
    titles = [axis.title for axis in axes if len(axis.title.text or "") > width]
    for title in titles:
        title.text = "<br>".join(balanced(title.text, width))
    return bool(titles)


def balanced(text: str, width: int) -> list[str]:
    """Text in as few lines of at most so many characters as it takes, and these about equally long.

    >>> balanced("power of the null oracle over that of the residual", 42)
    ['power of the null oracle', 'over that of the residual']
    """
    count = len(wrap(text, width))
    return next(lines for narrower in range(1, width + 1) if len(lines := wrap(text, narrower)) <= count)


def name_once(figure: go.Figure) -> None:
    """Every name once in the legend, by its widest line; a click there hides all that bear it."""
    widest = {}
    for trace in sorted(figure.data, key=lambda trace: trace.line.width or 0.0, reverse=True):
        widest.setdefault(trace.name, trace)
    for trace in figure.data:
        trace.update(legendgroup=trace.name, showlegend=trace is widest[trace.name])


def spans(means: Iterable[Interval], **look: float) -> dict[str, Any]:
    """The intervals about some means as plotly's error bars."""
    ends = [(mean.high - mean.estimate, mean.estimate - mean.low) for mean in means]
    return {"type": "data", "array": [up for up, _ in ends], "arrayminus": [down for _, down in ends], **look}
