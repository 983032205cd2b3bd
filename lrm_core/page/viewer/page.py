"""A viewer in a built page: its model as JSON beside it, one script for all of them; no kernel and no network."""

from typing import Any

from lrm_core.page import scripts
from lrm_core.page.embedded import PageFigure, data_script, module, still

PAGE_MIME = "application/vnd.lrm.viewer+json"  # `lrm_core.normalise` lets it stand without widget state


class ViewerFigure(PageFigure):
    """Viewers."""

    MIME = PAGE_MIME
    SCRIPTS = staticmethod(lambda: module("lrm_viewer", scripts.viewer_page()))

    @staticmethod
    def html(state: dict[str, Any]) -> str:
        """A box with the still picture, and the model for `page.js`; of `TriplaneViewer.page_state`."""
        box = still(state, 'class="lrm-viewer" data-stage="poster"')
        return f"<div>{box}</div>" + data_script(state, "viewer")
