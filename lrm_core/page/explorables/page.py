"""An explorable in a built page: what it needs as JSON beside it, one script for all of them."""

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from docutils import nodes

from lrm_core.page.explorables.scripts import page_script

EXPLORABLE_MIME = "application/vnd.lrm.explorable+json"
STILL = "Sliders need JavaScript."

_BOX = "max-width:32rem;margin:0.8rem auto"  # until the script brings the figure's own style


class ExplorableFigure:
    """Renderer for MyST-NB (entry point `myst_nb.mime_renderers`)."""

    mime_priority_overrides = (("html", EXPLORABLE_MIME, 1), ("dirhtml", EXPLORABLE_MIME, 1))

    @staticmethod
    def handle_mime(renderer: Any, data: Any, inline: bool) -> list[nodes.Element] | None:
        """The explorable as HTML, the script in the page once; None for other outputs."""
        if inline or data.mime_type != EXPLORABLE_MIME:
            return None
        state = data.content if isinstance(data.content, dict) else json.loads(data.content)
        renderer.add_js_file("lrm_explorables", None, {"type": "module", "body": page_script()})
        return [nodes.raw(text=explorable_html(state), format="html", classes=["output", "text_html"])]


def explorable_html(state: Mapping[str, Any]) -> str:
    """A box with the still picture, and what the script draws from.

    Args:
        state: JSON-ready, as `Explorable.page_state`.
    """
    payload = json.dumps(state, sort_keys=True).replace("</", "<\\/")
    picture = f'<img src="{escape(state["poster"])}" alt="{escape(state["alt"])}" style="width:100%">'
    return (
        f'<div class="lrm-explorable-place"><div style="{_BOX}">{picture}<p>{STILL}</p></div></div>'
        f'<script type="application/json" class="lrm-explorable-data">{payload}</script>'
    )
