"""Figures and tables as declarations: which columns of the records are shown, in which words, beside what."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import pandas as pd
from jaxtyping import Bool, Float
from torch import Tensor

Picture = Float[Tensor, "3 h w"]
WHITE, MARGIN = 0.9, 4  # of a background; pixels around an object
Reference = float | str | Sequence[float]  # a number, a column whose mean it is, or several numbers


@dataclass(frozen=True)
class Row:
    """One quantity of every object.

    Attributes:
        label, column: what it is called, and where it is.
        marks: references by name.
        beside: further columns in the same row, by the key of their colour; with `colour` the first one's key.
    """

    label: str
    column: str
    marks: Mapping[str, Reference] = field(default_factory=dict)
    beside: Mapping[str, str] = field(default_factory=dict)
    colour: str = ""


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
class Strips:
    """Panels one above the other: every object a point, the mean with its 95% interval."""

    panels: Sequence[Panel]
    names: Mapping[str, str] = field(default_factory=dict)  # of the colours of rows with columns beside


def strip(
    axis: str,
    rows: Sequence[Row],
    lines: Mapping[str, float] | None = None,
    span: Sequence[float] = (),
    *,
    log: bool = False,
    names: Mapping[str, str] | None = None,
) -> Strips:
    """One panel; arguments as of `Panel` and `Strips`."""
    return Strips((Panel(axis, rows, lines or {}, span, log),), names or {})


@dataclass(frozen=True)
class Series:
    """A column of lists as a line: the mean of the objects thick, each object thin where `objects`."""

    label: str
    column: str
    colour: str
    dash: str = "solid"
    objects: bool = True


@dataclass(frozen=True)
class Lines:
    """Series over a common axis, each with its label at its end.

    Attributes:
        x: places of the lists, from the table.
        axes: titles of x and y.
        marks: labelled vertical lines.
        log_ticks: make x logarithmic, with these ticks; `log_y` makes y logarithmic and the means geometric.
        pictures: rows of pictures of a page's example by caption, above; `span` is the range of x.
    """

    x: Callable[[pd.DataFrame], Sequence[float]]
    axes: tuple[str, str]
    series: Sequence[Series]
    marks: Mapping[str, float] = field(default_factory=dict)
    log_ticks: Sequence[float] = ()
    log_y: bool = False
    pictures: Callable[[Any], Sequence[Mapping[str, Picture]]] | None = None
    span: Sequence[float] = ()


@dataclass(frozen=True)
class Pairs:
    """Every object where two columns put it, as its picture, with the diagonal on which both are equal.

    Attributes:
        x, y: columns; `axes` their titles.
        published: places of published objects by name.
        sides: words below and above the diagonal.
    """

    x: str
    y: str
    axes: tuple[str, str]
    published: Mapping[str, tuple[float, float]]
    sides: tuple[str, str]


@dataclass(frozen=True)
class Slopes:
    """Every object as a line from what it was to what it became, the ways laid over each other; panels side by side.

    Attributes:
        axis: title of y, which is logarithmic.
        panels: title -> way -> column, to which `.before` and `.after` are added.
        colours: of each way; the first is drawn broad and pale below the others.
        published: mean before and after by way, dotted in the last panel.
    """

    axis: str
    panels: Mapping[str, Mapping[str, str]]
    colours: Mapping[str, str]
    published: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Means:
    """Means of columns with their intervals over a logarithmic axis, every seed a dot; panels side by side.

    Attributes:
        x: places of the columns.
        axes: titles of x and y.
        panels: title -> series -> colour and one column for each place; those without a value are left out.
        published: one number for each place by series, dotted in every panel.
    """

    x: Sequence[float]
    axes: tuple[str, str]
    panels: Mapping[str, Mapping[str, tuple[str, Sequence[str]]]]
    published: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Bars:
    """Columns of every object as bars side by side: the mean with its interval first, then published objects.

    Attributes:
        axis: title of the values.
        columns: label -> column and key of its colour.
        published: values by object, one for each column.
        factor: a tick stands so many times as high as the first bar.
    """

    axis: str
    columns: Mapping[str, tuple[str, str]]
    published: Mapping[str, Sequence[float]]
    factor: float


@dataclass(frozen=True)
class Pictures:
    """Pictures of objects, drawn by a function of the chapter.

    Attributes:
        by: "module:function" of a function: chapter -> HTML, and the numbers that belong to it as a table.
    """

    by: str

    @property
    def function(self) -> Callable:
        """That function."""
        module, _, name = self.by.partition(":")
        return getattr(import_module(module), name)


Declaration = Strips | Lines | Pairs | Slopes | Means | Bars | Pictures


def window(occupied: Bool[Tensor, "h w"], margin: int = MARGIN) -> tuple[slice, slice]:
    """Rows and columns of the least square around what is occupied, in the picture; all of it where nothing is."""
    places = [occupied.any(axis).nonzero() for axis in (1, 0)]
    if not len(places[0]):
        return slice(None), slice(None)
    ends = [(int(of.min()), int(of.max())) for of in places]
    side = min(max(last - first for first, last in ends) + 2 * margin, *occupied.shape)
    middles = [(first + last - side + 1) // 2 for first, last in ends]
    starts = [min(max(at, 0), size - side) for at, size in zip(middles, occupied.shape, strict=True)]
    return tuple(slice(start, start + side) for start in starts)
