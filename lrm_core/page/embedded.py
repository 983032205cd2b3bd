"""Figures that are alive with a kernel in JupyterLab and without one in a page: both forms in one output."""

import base64
import json
from collections.abc import Callable
from html import escape
from typing import Any, ClassVar

import anywidget
import traitlets
from docutils import nodes

_BOX = "max-width:32rem;margin:0.8rem auto"  # until the script brings the figure's own style


class EmbeddedWidget(anywidget.AnyWidget):
    """A figure with tensors in bytes and a still picture.

    Attributes:
        MIME: type of the page's form of it, which `lrm_core.normalise` lets stand without widget state.
        PAGE_TRAITS: what that form holds beside `data`.
        tensors, data: as `quantise.pack` gives them.
        poster: still picture, as an address that holds it; shown until the figure is drawn, or instead.
        alt: what a reader is told who does not see it.
    """

    MIME: ClassVar[str]
    PAGE_TRAITS: ClassVar[tuple[str, ...]] = ("tensors", "poster", "alt")

    tensors = traitlets.Dict().tag(sync=True)
    data = traitlets.Bytes().tag(sync=True)
    poster = traitlets.Unicode().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)

    def page_state(self) -> dict[str, Any]:
        """What the page needs, JSON-ready."""
        return {name: getattr(self, name) for name in self.PAGE_TRAITS} | {
            "data": base64.b64encode(self.data).decode()
        }

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict, dict]:
        """The widget for JupyterLab, the page's own form of it, and the still picture for everything else."""
        bundle, metadata = super()._repr_mimebundle_(**options)
        picture = {"image/png": self.poster.partition(",")[2]} if self.poster else {}
        return {**bundle, self.MIME: self.page_state(), **picture}, metadata


class PageFigure:
    """A renderer of MyST-NB (entry point `myst_nb.mime_renderers`) for outputs of one type.

    Attributes:
        MIME: that type.
        SCRIPTS: what the page is given once, whatever number of figures it has: arguments of `add_js_file`.
        html: the JSON of an output -> HTML.
    """

    MIME: ClassVar[str]
    SCRIPTS: ClassVar[Callable[[], list[tuple[str, str | None, dict[str, str]]]]]
    html: ClassVar[Callable[[dict[str, Any]], str]]

    def __init_subclass__(cls) -> None:
        cls.mime_priority_overrides = (("html", cls.MIME, 1), ("dirhtml", cls.MIME, 1))

    @classmethod
    def handle_mime(cls, renderer: Any, data: Any, inline: bool) -> list[nodes.Element] | None:
        """The figure as HTML, its scripts in the page once; None for other outputs."""
        if inline or data.mime_type != cls.MIME:
            return None
        state = data.content if isinstance(data.content, dict) else json.loads(data.content)
        for script in cls.SCRIPTS():
            renderer.add_js_file(*script)
        return [nodes.raw(text=cls.html(state), format="html", classes=["output", "text_html"])]


def module(name: str, body: str) -> list[tuple[str, None, dict[str, str]]]:
    """A script inside the page, for `SCRIPTS`."""
    return [(name, None, {"type": "module", "body": body})]


def data_script(content: Any, name: str) -> str:
    """JSON beside a figure in a script element of the class `lrm-<name>-data`, which nothing in it can end."""
    payload = json.dumps(content).replace("</", "<\\/")
    return f'<script type="application/json" class="lrm-{name}-data">{payload}</script>'


def still(state: dict[str, Any], attributes: str = "", below: str = "") -> str:
    """A box with the still picture of a figure until its script has drawn it."""
    picture = f'<img src="{escape(state["poster"])}" alt="{escape(state["alt"])}" style="width:100%">'
    return f'<div {attributes} style="{_BOX}">{picture}{below}</div>'
