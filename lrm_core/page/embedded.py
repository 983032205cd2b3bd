"""Figures that are alive with a kernel in JupyterLab and without one in a page: both forms in one output.

What draws an output in a page is an entry point of `myst_nb.mime_renderers`. The JavaScript is small files, joined
into modules that import nothing and fetch nothing.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets
from docutils import nodes

PLOTLY_HEIGHT = 420  # pixels, of figures that name none
STILL = "Sliders need JavaScript."
_BOX = "max-width:32rem;margin:0.8rem auto"  # until the script brings the figure's own style
Script = tuple[str, str | None, dict[str, str]]  # arguments of `add_js_file`


def joined(folder: str, *names: str) -> str:
    """JavaScript files of a folder beside this module, one after another; FileNotFoundError if one is not there."""
    files = (Path(__file__).parent / folder / "js" / f"{name}.js" for name in names)
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


# Later files use earlier ones.
VIEWER_JS = joined("viewer", "field", "grid", "shaders", "renderer", "camera", "painter", "viewer", "embedded")
_CONTROLS = ("fft", "bands", "noise", "cast", "judge", "hash", "controls", "chart")
_KINDS = ("mixed", "mixer", "line", "spectrum", "probe", "mismatch", "explorables")
EXPLORABLES_JS = "\n".join((VIEWER_JS, joined("explorables", *_CONTROLS, *_KINDS)))
_MODEL = ("assembler", "product", "network", "carried", "masks", "background", "framing", "surface", "glb", "worker")
_WORKER = json.dumps("\n".join((joined("viewer", "field", "grid"), joined("own_data", *_MODEL))))
_OWN = joined("own_data", "header", "given", "engine", "sheet", "entrance", "own")
# Everything of one's own picture but what starts it, and within it, as a text, what its worker runs.
OWN_PICTURE_JS = "\n".join((VIEWER_JS, "const WORKER = {};".format(_WORKER.replace("</", "<\\/")), _OWN))


class EmbeddedWidget(anywidget.AnyWidget):
    """A figure with tensors in bytes, as `viewer.pack` gives them, and a still picture."""

    MIME: ClassVar[str]  # type of the page's form of it
    PAGE_TRAITS: ClassVar[tuple[str, ...]] = ("tensors", "poster", "alt")  # what that form holds beside `data`

    tensors = traitlets.Dict().tag(sync=True)
    data = traitlets.Bytes().tag(sync=True)
    poster = traitlets.Unicode().tag(sync=True)  # an address that holds it; shown until the figure is drawn
    alt = traitlets.Unicode().tag(sync=True)  # what a reader is told who does not see it

    def page_state(self) -> dict[str, Any]:
        """What the page needs, JSON-ready."""
        shown = {name: getattr(self, name) for name in self.PAGE_TRAITS}
        return shown | {"data": base64.b64encode(self.data).decode()}

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict, dict]:
        """The widget for JupyterLab, the page's own form of it, and the still picture for everything else."""
        bundle, metadata = super()._repr_mimebundle_(**options)
        picture = {"image/png": self.poster.partition(",")[2]} if self.poster else {}
        return {**bundle, self.MIME: self.page_state(), **picture}, metadata


@dataclass(frozen=True)
class PageFigure:
    """What MyST-NB draws outputs of one type with in a page.

    The page is given the scripts once, whatever number of figures it has; `html` draws the JSON of an output.
    """

    mime: str
    scripts: tuple[Script, ...]
    html: Callable[[dict[str, Any]], str]

    @property
    def mime_priority_overrides(self) -> tuple[tuple[str, str, int], ...]:
        """Before every other form of an output."""
        return ("html", self.mime, 1), ("dirhtml", self.mime, 1)

    def handle_mime(self, renderer: Any, data: Any, inline: bool) -> list[nodes.Element] | None:
        """The figure as HTML, its scripts in the page once; None for other outputs."""
        if inline or data.mime_type != self.mime:
            return None
        state = data.content if isinstance(data.content, dict) else json.loads(data.content)
        for script in self.scripts:
            renderer.add_js_file(*script)
        return [nodes.raw(text=self.html(state), format="html", classes=["output", "text_html"])]


def _module(name: str, *parts: str) -> tuple[Script]:
    """JavaScript inside the page, one part after another, for `PageFigure.scripts`."""
    return ((name, None, {"type": "module", "body": "\n".join(parts)}),)


def data_script(content: Any, name: str) -> str:
    """JSON beside a figure in a script element of the class `lrm-<name>-data`, which nothing in it can end."""
    payload = json.dumps(content).replace("</", "<\\/")
    return f'<script type="application/json" class="lrm-{name}-data">{payload}</script>'


def _still(state: dict[str, Any], attributes: str = "", below: str = "") -> str:
    """A box with the still picture of a figure until its script has drawn it."""
    picture = f'<img src="{escape(state["poster"])}" alt="{escape(state["alt"])}" style="width:100%">'
    return f'<div {attributes} style="{_BOX}">{picture}{below}</div>'


def _plotly_html(figure: dict[str, Any]) -> str:
    """A box of the figure's height, and its data for `figures.js`; for screen readers it is `layout.meta.alt`."""
    layout = figure.get("layout", {})
    height = int(layout.get("height") or PLOTLY_HEIGHT)
    alt = (layout.get("meta") or {}).get("alt") or "Interactive figure"
    return (
        f'<div class="lrm-figure" role="figure" aria-label="{escape(alt)}" style="height:{height}px"></div>'
        f"{data_script({'data': figure['data'], 'layout': layout}, 'figure')}"
        "<noscript><p>Needs JavaScript.</p></noscript>"
    )


def _viewer_html(state: dict[str, Any]) -> str:
    box = _still(state, 'class="lrm-viewer" data-stage="poster"')
    return f"<div>{box}</div>" + data_script(state, "viewer")


def _explorable_html(state: dict[str, Any]) -> str:
    box = _still(state, below=f"<p>{STILL}</p>")
    return f'<div class="lrm-explorable-place">{box}</div>' + data_script(state, "explorable")


_LATER = {"defer": "defer"}
PLOTLY = PageFigure(
    "application/vnd.plotly.v1+json",
    (("plotly", "vendor/plotly.min.js", _LATER), ("plotly_figures", "figures.js", _LATER)),
    _plotly_html,
)
# `lrm_core.normalise` lets ours stand without widget state. Each script draws every figure that the page holds.
VIEWER = PageFigure(
    "application/vnd.lrm.viewer+json", _module("lrm_viewer", VIEWER_JS, joined("viewer", "page")), _viewer_html
)
EXPLORABLE = PageFigure(
    "application/vnd.lrm.explorable+json",
    _module("lrm_explorables", EXPLORABLES_JS, joined("explorables", "explorables_page")),
    _explorable_html,
)
OWN_PICTURE = PageFigure(
    "application/vnd.lrm.own-picture+json",
    _module("lrm_own_picture", OWN_PICTURE_JS, joined("own_data", "own_page")),
    lambda state: f"<div><p>{escape(state['alt'])}</p></div>" + data_script(state, "own"),
)
