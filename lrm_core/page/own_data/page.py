"""One's own picture in a built page: what the figure needs as JSON beside it; the model is in files of its own."""

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from docutils import nodes

from lrm_core.page.own_data.scripts import page_script

OWN_PICTURE_MIME = "application/vnd.lrm.own-picture+json"


class OwnPictureFigure:
    """Renderer for MyST-NB (entry point `myst_nb.mime_renderers`)."""

    mime_priority_overrides = (("html", OWN_PICTURE_MIME, 1), ("dirhtml", OWN_PICTURE_MIME, 1))

    @staticmethod
    def handle_mime(renderer: Any, data: Any, inline: bool) -> list[nodes.Element] | None:
        """The figure as HTML, the script in the page once; None for other outputs."""
        if inline or data.mime_type != OWN_PICTURE_MIME:
            return None
        state = data.content if isinstance(data.content, dict) else json.loads(data.content)
        renderer.add_js_file("lrm_own_picture", None, {"type": "module", "body": page_script()})
        return [nodes.raw(text=own_picture_html(state), format="html", classes=["output", "text_html"])]


def own_picture_html(state: Mapping[str, Any]) -> str:
    """A place for the figure, and what its script draws from.

    Args:
        state: JSON-ready, as `OwnPicture.page_state`.
    """
    payload = json.dumps(state, sort_keys=True).replace("</", "<\\/")
    return (
        f"<div><p>{escape(state['alt'])}</p></div>"
        f'<script type="application/json" class="lrm-own-data">{payload}</script>'
    )
