"""Plotly figures of an executed notebook as elements of a page, drawn by a local script."""

from html import escape
from typing import Any

from lrm_core.page.embedded import PageFigure, data_script

DEFAULT_HEIGHT = 420  # pixels
FILES = {"plotly": "vendor/plotly.min.js", "plotly_figures": "figures.js"}


class PlotlyFigure(PageFigure):
    """Figures of plotly."""

    MIME = "application/vnd.plotly.v1+json"
    SCRIPTS = staticmethod(lambda: [(name, file, {"defer": "defer"}) for name, file in FILES.items()])

    @staticmethod
    def html(figure: dict[str, Any]) -> str:
        """A box of the figure's height, and its data as JSON for `figures.js`.

        Args:
            figure: plotly's JSON; the text for screen readers is `layout.meta.alt`.
        """
        layout = figure.get("layout", {})
        height = int(layout.get("height") or DEFAULT_HEIGHT)
        alt = (layout.get("meta") or {}).get("alt") or "Interactive figure"
        return (
            f'<div class="lrm-figure" role="figure" aria-label="{escape(alt, quote=True)}" '
            f'style="height:{height}px"></div>'
            f"{data_script({'data': figure['data'], 'layout': layout}, 'figure')}"
            "<noscript><p>Needs JavaScript.</p></noscript>"
        )
