"""Plotly figures of an executed notebook as elements of a page, drawn by a local script."""

import json
from html import escape
from typing import Any

from docutils import nodes

PLOTLY_MIME = "application/vnd.plotly.v1+json"
DEFAULT_HEIGHT = 420  # pixels


class PlotlyFigure:
    """Renderer for MyST-NB (entry point `myst_nb.mime_renderers`)."""

    mime_priority_overrides = (("html", PLOTLY_MIME, 1), ("dirhtml", PLOTLY_MIME, 1))

    @staticmethod
    def handle_mime(renderer: Any, data: Any, inline: bool) -> list[nodes.Element] | None:
        """The figure as HTML, its scripts loaded on this page only; None for other outputs."""
        if inline or data.mime_type != PLOTLY_MIME:
            return None
        figure = data.content if isinstance(data.content, dict) else json.loads(data.content)
        renderer.add_js_file("plotly", "vendor/plotly.min.js", {"defer": "defer"})
        renderer.add_js_file("plotly_figures", "figures.js", {"defer": "defer"})
        return [nodes.raw(text=figure_html(figure), format="html", classes=["output", "text_html"])]


def figure_html(figure: dict) -> str:
    """A box of the figure's height, and its data as JSON for `figures.js`.

    Args:
        figure: plotly's JSON; the text for screen readers is `layout.meta.alt`, else the title.
    """
    layout = figure.get("layout", {})
    height = int(layout.get("height") or DEFAULT_HEIGHT)
    payload = json.dumps({"data": figure["data"], "layout": layout}).replace("</", "<\\/")
    return (
        f'<div class="lrm-figure" role="figure" aria-label="{escape(alternative_text(layout), quote=True)}" '
        f'style="height:{height}px"></div>'
        f'<script type="application/json" class="lrm-figure-data">{payload}</script>'
        "<noscript><p>Needs JavaScript.</p></noscript>"
    )


def alternative_text(layout: dict) -> str:
    """What a reader who does not see the figure is told."""
    meta, title = layout.get("meta"), layout.get("title")
    alternative = meta.get("alt") if isinstance(meta, dict) else None
    heading = title.get("text") if isinstance(title, dict) else title
    return alternative or heading or "Interactive figure"
