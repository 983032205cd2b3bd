"""Figures and tables as declarations: which columns of the records are shown, in which words, beside what."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import Any

import pandas as pd
from jaxtyping import Bool, Float
from torch import Tensor

Picture = Float[Tensor, "3 h w"]
WHITE, MARGIN = 0.9, 4  # of a background; pixels around an object
Reference = float | str | Sequence[float]  # a number, a column whose mean it is, or several numbers


@dataclass(frozen=True)
class Row:
    """One quantity of every object."""

    label: str
    column: str
    marks: Mapping[str, Reference] = field(default_factory=dict)  # references by name
    beside: Mapping[str, str] = field(default_factory=dict)  # further columns in the row, by the key of their colour
    colour: str = ""  # key of the first column's, where there are further ones


@dataclass(frozen=True)
class Panel:
    """Rows on one axis, logarithmic with `log`."""

    axis: str
    rows: Sequence[Row]
    lines: Mapping[str, float] = field(default_factory=dict)  # thresholds, drawn and labelled
    span: Sequence[float] = ()  # the least range to show
    log: bool = False


class Strips:
    """Panels one above the other: every object a point, the mean with its 95% interval."""

    def __init__(self, *panels: Panel, names: Mapping[str, str] | None = None) -> None:
        self.panels, self.names = panels, names or {}  # names: of the colours of rows with columns beside


def strip(*panel: Any, names: Mapping[str, str] | None = None, log: bool = False) -> Strips:
    """One panel; arguments as of `Panel` and `Strips`."""
    return Strips(Panel(*panel, log=log), names=names)


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
    """Series over a common axis, each with its label at its end."""

    x: Callable[[pd.DataFrame], Sequence[float]]  # places of the lists, from the table
    axes: tuple[str, str]  # titles of x and y
    series: Sequence[Series]
    marks: Mapping[str, float] = field(default_factory=dict)  # labelled vertical lines
    log_ticks: Sequence[float] = ()  # make x logarithmic
    log_y: bool = False  # and the means geometric
    pictures: Callable[[Any], Sequence[Mapping[str, Picture]]] | None = None  # of a page's example, by caption, above
    span: Sequence[float] = ()  # range of x


@dataclass(frozen=True)
class Pairs:
    """Every object where two columns put it, as its picture, with the diagonal on which both are equal."""

    x: str
    y: str
    axes: tuple[str, str]  # titles
    published: Mapping[str, tuple[float, float]]  # places of published objects by name
    sides: tuple[str, str]  # words below and above the diagonal


@dataclass(frozen=True)
class Slopes:
    """Every object as a line from what it was to what it became, the ways laid over each other; panels side by side.

    The columns are those of the panels with `.before` and `.after`.
    """

    axis: str  # title of y, which is logarithmic
    panels: Mapping[str, Mapping[str, str]]  # title -> way -> column
    colours: Mapping[str, str]  # of each way; the first is drawn broad and pale below the others
    published: Mapping[str, tuple[float, float]]  # mean before and after by way, dotted in the last panel


@dataclass(frozen=True)
class Means:
    """Means of columns with their intervals over a logarithmic axis, every seed a dot; panels side by side."""

    x: Sequence[float]  # places of the columns
    axes: tuple[str, str]  # titles of x and y
    panels: Mapping[str, Mapping[str, tuple[str, Sequence[str]]]]  # title -> series -> colour, columns of the places
    published: Mapping[str, Sequence[float]]  # one number for each place by series, dotted in every panel


@dataclass(frozen=True)
class Bars:
    """Columns of every object as bars side by side: the mean with its interval first, then published objects."""

    axis: str  # title of the values
    columns: Mapping[str, tuple[str, str]]  # label -> column and key of its colour
    published: Mapping[str, Sequence[float]]  # values by object, one for each column
    factor: float  # a tick stands so many times as high as the first bar


@dataclass(frozen=True)
class Pictures:
    """Pictures of objects, drawn by a function: chapter -> HTML, and the numbers that belong to it as a table."""

    by: str  # "module:function"

    @property
    def function(self) -> Callable:
        """That function."""
        return resolve_name(self.by)


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
