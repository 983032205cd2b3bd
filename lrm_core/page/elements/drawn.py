"""Figures drawn from their declarations, with the texts for screen readers that follow from them."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lrm_core.findings.figures import Bars, Declaration, Lines, Means, Pairs, Series, Slopes, Strips
from lrm_core.findings.prose import number, percent
from lrm_core.page.elements.plots import Curve, curves, mean_lists, strips
from lrm_core.page.elements.style import COLOURS, SMALL, finish, name_once, spans
from lrm_core.records.statistics import Interval, interval_of, per_object

PICTURE = 0.085  # side of an object's picture over the length of the axes
SQUARE = 460  # pixels
BESIDE = 12  # pixels from a line to its name
EDGE = 0.02  # decades beyond the ends of a logarithmic axis
TICKS = (0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1)  # of a logarithmic axis of L1


def draw(
    figure: Declaration, table: pd.DataFrame, groups: Mapping[str, str], pictures: Mapping[str, str], title: str
) -> go.Figure:
    """The figure of a declaration of any kind but `Pictures`.

    The table is completed, as by `Finding.completed`; an object without the address of a picture is a point. The text
    for screen readers begins with the title.
    """
    shown = {Strips: [groups], Pairs: [pictures], Bars: [pictures]}.get(type(figure), [])
    return DRAWN_BY[type(figure)](figure, table, *shown, title)


def lines(figure: Lines, table: pd.DataFrame, title: str) -> go.Figure:
    """Series over a common axis, the mean of the objects thick, each named on it."""
    x, drawn, ends = list(figure.x(table)), [], []
    for series in figure.series:
        objects = mean_lists(table, series.column)
        rows = list(objects.values())
        mean = np.exp(np.mean(np.log(rows), axis=0)) if figure.log_y else np.mean(rows, axis=0)
        drawn.append(Curve(series.label, x, mean.tolist(), COLOURS[series.colour], series.dash, 3.2, hover="mean"))
        if series.objects:
            drawn += [
                Curve(series.label, x, of.tolist(), COLOURS[series.colour], opacity=0.3, hover=name)
                for name, of in objects.items()
            ]
        ends.append((series, mean))
    from_to = "; ".join(f"{s.label} from {mean[0]:.3g} to {mean[-1]:.3g}" for s, mean in ends)
    alt = f"{title} {figure.axes[1]} over {figure.axes[0]}, mean over objects: {from_to}."
    shown = curves(drawn, figure.axes, alt, log_ticks=figure.log_ticks, log_y=figure.log_y, marks=figure.marks)
    _label_lines(shown, ends, x, figure)
    if figure.span:
        shown.update_xaxes(range=list(figure.span))
    elif figure.log_ticks:  # what stands on the very edge is not drawn
        ends = np.log10([min(place for place in x if place > 0), max(x)])
        shown.update_xaxes(range=[ends[0] - EDGE, ends[1] + EDGE])
    return shown


def _label_lines(
    shown: go.Figure, means: Sequence[tuple[Series, np.ndarray]], x: Sequence[float], figure: Lines
) -> None:
    """The names of the series in their colours beside their lines, instead of a legend, where others are farthest."""
    heights = np.array([np.log10(mean) if figure.log_y else mean for _, mean in means])
    first = next(at for at, place in enumerate(x) if place > 0)
    for nth, (series, _) in enumerate(means):
        others = np.delete(heights, nth, axis=0)
        apart = np.abs(others - heights[nth]).min(0, initial=np.inf)[first:]
        at = first + int(np.argmax(apart)) if len(others) else len(x) // 2
        anchor = ("left", "center", "right")[min(3 * (at - first) // (len(x) - first), 2)]  # within the frame
        falls = heights[nth][max(at - 1, first) : at + 2].mean() <= heights[nth][at]
        shown.add_annotation(
            x=np.log10(x[at]) if figure.log_ticks else x[at], y=heights[nth][at], text=f"<b>{series.label}</b>",
            showarrow=False, xanchor=anchor, yshift=BESIDE if falls else -BESIDE,
            font={"size": SMALL + 1, "color": COLOURS[series.colour]},
        )  # fmt: skip
    shown.update_layout(showlegend=False, margin={"b": 60}, height=(shown.layout.height or 420) - 50)


def pairs(figure: Pairs, table: pd.DataFrame, pictures: Mapping[str, str], title: str) -> go.Figure:
    """Every object as its picture where two columns put it, with the diagonal and the published objects."""
    xs, ys = per_object(table, figure.x), per_object(table, figure.y)
    low = min(0.0, xs.min(), ys.min()) - 0.06
    high = max(xs.max(), ys.max(), *(max(at) for at in figure.published.values())) + 0.06
    shown = go.Figure()
    shown.add_scatter(
        x=[low, high], y=[low, high], mode="lines", name="equal", hoverinfo="skip", showlegend=False,
        line={"color": COLOURS["reference"], "dash": "dot", "width": 1.5}, text=["", ""],
    )  # fmt: skip
    shown.add_scatter(
        x=xs.tolist(), y=ys[xs.index].tolist(), mode="markers", name="object", text=xs.index.tolist(),
        marker={"size": 16, "color": COLOURS["predinit"], "opacity": [float(n not in pictures) for n in xs.index]},
        hovertemplate="%{text}: %{x:.2f}, %{y:.2f}<extra></extra>", showlegend=False,
    )  # fmt: skip
    shown.add_scatter(
        x=[at[0] for at in figure.published.values()], y=[at[1] for at in figure.published.values()],
        mode="markers+text", name="published", text=[f"published: {name}" for name in figure.published],
        textposition="top left", marker={"symbol": "diamond-open", "size": 13, "color": COLOURS["pred"],
        "line": {"width": 2}}, textfont={"color": COLOURS["pred"]}, showlegend=False,
        hovertemplate="%{text}: %{x:.2f}, %{y:.2f}<extra></extra>",
    )  # fmt: skip
    look = {"yref": "y", "yanchor": "middle"} | dict.fromkeys(("sizex", "sizey"), PICTURE * (high - low))
    for name in [name for name in pictures if name in xs.index]:
        shown.add_layout_image(source=pictures[name], x=xs[name], y=ys[name], xref="x", xanchor="center", **look)
    below, above = figure.sides
    for text, x, y, anchor in ((below, high, low, "right"), (above, low, high, "left")):
        shown.add_annotation(
            x=x, y=y, text=text, showarrow=False, xanchor=anchor, yanchor="bottom" if y == low else "top",
            font={"size": SMALL + 1}, bgcolor="rgba(128, 128, 128, 0.12)",
        )  # fmt: skip
    shown.update_xaxes(title_text=figure.axes[0], range=[low, high], tickformat=".0%", title_standoff=6)
    shown.update_yaxes(title_text=figure.axes[1], range=[low, high], tickformat=".0%")
    ahead = int((xs > ys[xs.index]).sum())
    places = ", ".join(f"{name} {percent(x)} and {percent(ys[name])}" for name, x in xs.items())
    alt = f"{title} {figure.axes[0]} against {figure.axes[1]}: {figure.sides[0]} in {ahead} of {len(xs)}. {places}."
    return finish(shown, alt, SQUARE, bottom=60)


def bars(figure: Bars, table: pd.DataFrame, pictures: Mapping[str, str], title: str) -> go.Figure:
    """Bars of every object side by side over its picture, sorted by the last column."""
    values = {label: per_object(table, column) for label, (column, _) in figure.columns.items()}
    names = list(values[list(values)[-1]].sort_values(ascending=False).index)
    places = ["mean", *(f"{name}, published" for name in figure.published), *names]
    hatched = ["", *"/" * len(figure.published), *[""] * len(names)]
    shown = go.Figure()
    for at, (label, (column, colour)) in enumerate(figure.columns.items()):
        mean = interval_of(table, column)
        heights = [mean.estimate, *(of[at] for of in figure.published.values()), *values[label][names]]
        point = Interval(0, 0, 0, 0)  # without an interval
        shown.add_bar(
            x=list(range(len(places))), y=heights, name=label, text=places, textposition="none",
            marker={"color": COLOURS[colour], "pattern": {"shape": hatched}},
            error_y=spans([mean if mean.known else point] + [point] * (len(places) - 1), width=0),
            hovertemplate=f"%{{text}}, {label}: %{{y:.1%}}<extra></extra>",
        )  # fmt: skip
    shown.add_scatter(
        x=list(range(len(places))), y=[figure.factor * height for height in shown.data[0].y], mode="markers",
        text=places, name=f"{figure.factor:g} × {next(iter(figure.columns))}",
        marker={"symbol": "line-ew-open", "size": 14, "color": COLOURS["reference"], "line": {"width": 2}},
        hovertemplate="%{text}, %{fullData.name}: %{y:.1%}<extra></extra>",
    )  # fmt: skip
    look = {"yref": "paper", "yanchor": "top", "sizex": 0.95, "sizey": 0.12}
    for name in [name for name in pictures if name in names]:
        shown.add_layout_image(source=pictures[name], x=places.index(name), y=0, xref="x", xanchor="center", **look)
    words = {at: place.partition(",")[0] for at, place in enumerate(places) if place not in pictures}
    shown.update_xaxes(
        tickvals=list(words), ticktext=list(words.values()), tickangle=-90, showgrid=False, zeroline=False
    )
    shown.update_yaxes(title_text=figure.axis, tickformat=".0%")
    shown.update_layout(barmode="group", bargap=0.15)
    means = ", ".join(f"{bar.name} {percent(bar.y[0])}" for bar in shown.data[:-1])
    each = ", ".join(f"{n} {' and '.join(percent(of[n]) for of in values.values())}" for n in names)
    return finish(shown, f"{title} {figure.axis}: {means}. By object: {each}.", 400, bottom=66)


def _beside(panels: Sequence[str]) -> go.Figure:
    """Panels with their titles, side by side on one scale."""
    titles = [panel.removeprefix("told ") for panel in panels]  # two of them fit a phone
    figure = make_subplots(1, len(panels), shared_yaxes=True, horizontal_spacing=0.05, subplot_titles=titles)
    return figure.update_annotations(font_size=SMALL + 1)


def slopes(figure: Slopes, table: pd.DataFrame, title: str) -> go.Figure:
    """Every object from before to after, the first way broad and pale below the second; published means dotted."""
    shown, said = _beside(list(figure.panels)), []
    for place, (panel, ways) in enumerate(figure.panels.items(), start=1):
        for at, (way, column) in enumerate(ways.items()):
            before, after = (per_object(table, f"{column}.{end}") for end in ("before", "after"))
            look = {"color": COLOURS[figure.colours[way]], "width": 1.8 if at else 7}
            for name in after.index:
                shown.add_scatter(
                    x=["before", "after"], y=[before[name], after[name]], text=[name] * 2, name=way, line=look,
                    mode="lines", opacity=1 if at else 0.5, row=1, col=place,
                    hovertemplate="%{text}, " + way + ": %{y:.4f}<extra></extra>",
                )  # fmt: skip
            said.append(f"{panel}, {way}: mean from {number(before.mean(), 4)} to {number(after.mean(), 4)}")
    for way, ends in figure.published.items():
        shown.add_scatter(
            x=["before", "after"], y=list(ends), mode="lines+markers", name=f"{way}, published mean",
            line={"color": COLOURS[figure.colours[way]], "dash": "dot", "width": 2}, text=["published"] * 2,
            marker={"symbol": "diamond-open", "size": 9}, row=1, col=len(figure.panels),
        )  # fmt: skip
    name_once(shown)
    shown.update_xaxes(range=[-0.12, 1.12])
    shown.update_yaxes(type="log", tickvals=TICKS, ticktext=[f"{at:g}" for at in TICKS])
    shown.update_yaxes(title_text=figure.axis, col=1)
    return finish(shown, f"{title} {figure.axis}. {'; '.join(said)}.", 380, top=34)


def means(figure: Means, table: pd.DataFrame, title: str) -> go.Figure:
    """Means with their intervals over a logarithmic axis, seeds as dots, published values dotted."""
    shown, said = _beside(list(figure.panels)), []
    for panel, (words, series) in enumerate(figure.panels.items(), start=1):
        at = {"row": 1, "col": panel}
        for side, (name, (key, columns)) in zip((0.97, 1.03), series.items(), strict=True):
            found = {x: interval_of(table, of) for x, of in zip(figure.x, columns, strict=True)}
            known, colour = {x: mean for x, mean in found.items() if mean.n}, COLOURS[key]
            with_ends = bool(known) and all(mean.known for mean in known.values())
            shown.add_scatter(
                x=[x * side for x in known], y=[mean.estimate for mean in known.values()], mode="lines+markers",
                name=name, text=[f"{x:g}" for x in known], line={"color": colour, "width": 2.4}, marker={"size": 8},
                error_y=spans(known.values(), thickness=1.4, width=4) if with_ends else None,
                hovertemplate=name + ", %{text}: %{y:.1%}<extra></extra>", **at,
            )  # fmt: skip
            seeds = [
                (x * side, value)
                for x, of in zip(figure.x, columns, strict=True)
                for value in table.groupby("seed")[of].mean().dropna()
            ]
            shown.add_scatter(
                x=[x for x, _ in seeds], y=[y for _, y in seeds], mode="markers", name=name,
                text=["one seed"] * len(seeds), marker={"size": 5, "color": colour, "opacity": 0.5},
                hovertemplate="one seed: %{y:.1%}<extra></extra>", **at,
            )  # fmt: skip
            listed = ", ".join(f"{percent(mean.estimate)} at {x:g}" for x, mean in known.items())
            said.append(f"{words}, {name}: {listed or 'not measured yet'}")
            shown.add_scatter(
                x=list(figure.x), y=list(figure.published[name]), mode="lines+markers", name=f"{name}, published",
                text=["published"] * len(figure.x), line={"color": colour, "width": 1.4, "dash": "dot"},
                marker={"size": 8, "symbol": "diamond-open"}, **at,
            )  # fmt: skip
    name_once(shown)
    shown.update_xaxes(type="log", tickvals=list(figure.x), title_text=figure.axes[0], title_standoff=6)
    shown.update_yaxes(tickformat=".0%")
    shown.update_yaxes(title_text=figure.axes[1], col=1)
    return finish(shown, f"{title} {figure.axes[1]}. {'; '.join(said)}.", 360, top=34, bottom=130)


DRAWN_BY = {Strips: strips, Lines: lines, Pairs: pairs, Slopes: slopes, Means: means, Bars: bars}
PICTURED = Pairs | Bars  # drawn with the pictures of the objects
