"""Figures whose panels stand side by side on one scale: slopes of objects, and means along an axis."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lrm_core.findings.figures import Means, Slopes
from lrm_core.findings.prose import number, percent
from lrm_core.page.elements.style import COLOURS, SMALL, finish, name_once, spans
from lrm_core.records.statistics import interval_of, per_object

TICKS = (0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1)  # of a logarithmic axis of L1


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
