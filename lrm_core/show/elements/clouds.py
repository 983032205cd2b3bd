"""Clouds of points in three dimensions that a reader can turn."""

from collections.abc import Mapping

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lrm_core.evidence.point_cloud import PointCloud
from lrm_core.show.elements.style import GREYSCALE_SAFE, SMALL, finish

SCENE = 330  # pixels
EYE = {"x": 1.3, "y": -2.2, "z": 0.8}  # from the side of the source, a little from above
POINT = 2.2  # pixels
# Legend and symbol of what the source sees and of what it does not.
SIGHT = {False: ("seen by the source", "circle"), True: ("hidden from the source", "diamond-open")}
_AXIS = {"showticklabels": False, "showspikes": False, "title": {"font": {"size": SMALL}}}
_TITLES = {"x": "x", "y": "y (back)", "z": "z"}


def cloud_scenes(clouds: Mapping[str, PointCloud], alt: str, unit: str) -> go.Figure:
    """Clouds one below the other, coloured by their errors on one scale.

    Args:
        clouds: by title, in the normalised world.
        alt: text for screen readers.
        unit: of the errors, beside the colour bar.
    """
    rows = len(clouds)
    figure = make_subplots(
        rows=rows,
        specs=[[{"type": "scene"}]] * rows,
        subplot_titles=[title.replace(": ", ":<br>") for title in clouds],
        vertical_spacing=0.06,
    )
    limit = max(map(_largest, clouds.values()), default=0.0) or 1.0
    bar = {"title": {"text": unit, "side": "right"}, "thickness": 12, "len": 0.6, "x": 1.0}
    look = {"colorscale": GREYSCALE_SAFE, "cmin": 0, "cmax": round(limit, 3), "size": POINT, "colorbar": bar}
    for row, (title, cloud) in enumerate(clouds.items(), start=1):
        for hidden, (name, symbol) in SIGHT.items():
            _add_points(figure, cloud, hidden, name, look | {"symbol": symbol}, title, row)
    _set_bar_and_legend(figure)
    axes = {f"{axis}axis": _AXIS | {"title": {"text": text}} for axis, text in _TITLES.items()}
    figure.update_scenes(aspectmode="data", camera={"eye": EYE}, dragmode="turntable", **axes)
    return finish(figure, alt, SCENE * rows, top=46, bottom=70)


def _add_points(
    figure: go.Figure, cloud: PointCloud, hidden: bool, name: str, marker: dict, title: str, row: int
) -> None:
    """The points of a cloud that the source sees, or those that it does not."""
    columns = cloud.record()
    chosen = [k for k, value in enumerate(columns["hidden"]) if bool(value) == hidden]
    x, y, z, error = ([columns[column][k] for k in chosen] for column in ("x", "y", "z", "error"))
    colours = [f"rgb({columns['red'][k]}, {columns['green'][k]}, {columns['blue'][k]})" for k in chosen]
    figure.add_scatter3d(
        x=x, y=y, z=z, mode="markers", name=name, text=colours, customdata=error, meta={"cloud": title},
        marker=marker | {"color": error}, row=row, col=1,
        hovertemplate="error %{customdata:.3f}<br>colour %{text}<extra>%{fullData.name}</extra>",
    )  # fmt: skip


def _largest(cloud: PointCloud) -> float:
    """Error that one point in fifty exceeds, so that single points do not darken all others."""
    return float(cloud.error.quantile(0.98)) if len(cloud) else 0.0


def _set_bar_and_legend(figure: go.Figure) -> None:
    """One colour bar, and every name once in the legend, where a click hides all that bear it."""
    seen: set[str] = set()
    for index, trace in enumerate(figure.data):
        trace.update(legendgroup=trace.name, showlegend=trace.name not in seen)
        trace.marker.showscale = index == 0
        seen.add(trace.name)
