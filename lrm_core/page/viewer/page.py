"""A viewer in a built page: its model as JSON beside it, one script for all of them; no kernel and no network."""

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from docutils import nodes

from lrm_core.page.viewer.scripts import page_script

PAGE_MIME = (
    "application/vnd.lrm.viewer+json"  # `lrm_core.normalise` lets such an output stand without widget state
)

_BOX = "max-width:32rem;margin:0.8rem auto"  # until the script brings the figure's own style


class ViewerFigure:
    """Renderer for MyST-NB (entry point `myst_nb.mime_renderers`)."""

    mime_priority_overrides = (("html", PAGE_MIME, 1), ("dirhtml", PAGE_MIME, 1))

    @staticmethod
    def handle_mime(renderer: Any, data: Any, inline: bool) -> list[nodes.Element] | None:
        """The viewer as HTML, its script in the page once; None for other outputs."""
        if inline or data.mime_type != PAGE_MIME:
            return None
        state = data.content if isinstance(data.content, dict) else json.loads(data.content)
        renderer.add_js_file("lrm_viewer", None, {"type": "module", "body": page_script()})
        return [nodes.raw(text=viewer_html(state), format="html", classes=["output", "text_html"])]


def viewer_html(state: Mapping[str, Any]) -> str:
    """A box with the still picture, and the model for `page.js`.

    Args:
        state: JSON-ready traits of a `TriplaneViewer`, `data` in base64.
    """
    payload = json.dumps(state, sort_keys=True).replace("</", "<\\/")
    picture = f'<img src="{escape(state["poster"])}" alt="{escape(state["alt"])}" style="width:100%">'
    return (
        f'<div><div class="lrm-viewer" data-stage="poster" style="{_BOX}">{picture}</div></div>'
        f'<script type="application/json" class="lrm-viewer-data">{payload}</script>'
    )
