"""Widgets that are alive with a kernel in JupyterLab and without one in the page: both forms in one output."""

import base64
from typing import Any, ClassVar

import anywidget
import traitlets


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
