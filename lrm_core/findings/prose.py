"""Text around numbers: how they are written, and the boxes, tables and links made of them."""

import base64
from collections.abc import Sequence
from html import escape
from math import isnan, nan

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.basedatatypes import BaseTraceType

from lrm_core.records.statistics import Interval

# The theme of the pages knows the class and takes the box out of the order of tabs where nothing scrolls.
_SCROLLING = 'class="pst-scrollable-table-container" tabindex="0" role="group" aria-label="Table"'
SENTENCE = 36  # characters; longer cells are read as text, not compared as numbers


def number(value: float | None, digits: int = 2) -> str:
    """A number with a typographic minus; a dash for one that is not there."""
    if value is None or isnan(value):
        return "–"
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else f"{0:.{digits}f}"


def percent(value: float | None) -> str:
    """A share in percent, with one digit behind the point below ten."""
    if value is None or isnan(value):
        return "–"
    return f"{number(100 * value, 1 if abs(value) < 0.1 else 0)}%"


def percent_range(values: Sequence[float]) -> str:
    """From the lowest to the highest share, in whole percents."""
    return f"{number(100 * min(values), 0)}–{number(100 * max(values), 0)}%"


def listed(parts: Sequence[str]) -> str:
    """Words one after another, with "and" before the last.

    >>> listed(["C2", "C3", "C4"])
    'C2, C3 and C4'
    """
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def counted(holds: Sequence[bool] | pd.Series) -> str:
    """In how many of all something holds.

    >>> counted([True, False, True])
    '2 of 3'
    """
    return f"{sum(holds)} of {len(holds)}"


def percent_interval(interval: Interval) -> str:
    """Mean over objects in whole percents with its interval in brackets, without one where the objects are too few.

    >>> percent_interval(Interval(0.398, 0.306, 0.472, 24))
    '40% [31, 47]'
    """
    mean, *ends = (number(100 * of, 0) for of in (interval.estimate, interval.low, interval.high))
    return f"{mean}%" + (f" [{', '.join(ends)}]" if interval.known else "")


def mean_and_interval(interval: Interval, digits: int = 2) -> str:
    """Mean over objects with its interval in brackets, without one where the objects are too few.

    From ten on it has one digit behind the point, from a hundred on none.
    """
    size = abs(interval.estimate)
    digits = min(digits, 0 if size >= 100 else 1 if size >= 10 else digits)
    mean, *ends = (number(of, digits) for of in (interval.estimate, interval.low, interval.high))
    return f"{mean} [{', '.join(ends)}]" if interval.known else mean


def table_html(table: pd.DataFrame) -> str:
    """A table of text, without its index, in a box that scrolls sideways by hand and by key.

    Where a cell holds a sentence the table has the class `words`, by which the pages align it to the left.
    """
    sentences = bool((table.map(lambda cell: len(str(cell))) > SENTENCE).any(axis=None))
    html = table.to_html(index=False, border=0, classes="words" if sentences else None)
    return f'<div {_SCROLLING} style="overflow-x:auto;margin-bottom:1.2rem">{html}</div>'


def csv_link(table: pd.DataFrame, name: str, text: str) -> str:
    """A link that holds the table itself, so that it works without a server, as HTML."""
    return file_link(table.to_csv(index=False, float_format="%.6g").encode(), f"{name}.csv", "text/csv", text)


def figure_caption(caption: str, name: str, data: pd.DataFrame, sources: str = "") -> str:
    """What a figure shows, a link that holds its data, and `sources` as HTML; the book numbers it."""
    link = csv_link(data, name, "CSV")
    return f'<div class="lrm-caption" data-name="{escape(name)}"><p>{escape(caption)}</p>{link}{sources}</div>'


def file_link(content: bytes, name: str, kind: str, text: str) -> str:
    """A link that holds a file of that name and media type, as HTML."""
    data = base64.b64encode(content).decode()
    return f'<p><a download="{name}" href="data:{kind};base64,{data}">{escape(text)}</a></p>'


def figure_data(figure: go.Figure) -> pd.DataFrame:
    """What a figure shows, as a table that can be read without it.

    Returns:
        One row per point. Of strips: panel, quantity, group, object and value, with low and high where an
        interval is drawn. Of curves: series, label, x and y. Empty if it shows nothing.
    """
    parts = [part for part in map(_trace_data, figure.data) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _trace_data(trace: BaseTraceType) -> pd.DataFrame:
    labels = list(trace.text) if trace.text is not None else [None] * len(trace.x)
    if trace.meta is None:
        return pd.DataFrame({"series": trace.name, "label": labels, "x": trace.x, "y": trace.y})
    below, above = (nan if of is None else np.asarray(of) for of in (trace.error_x.arrayminus, trace.error_x.array))
    x = np.asarray(trace.x, dtype=float)
    points = {"group": trace.name, "object": labels, "value": trace.x, "low": x - below, "high": x + above}
    return pd.DataFrame({**trace.meta, **points})
