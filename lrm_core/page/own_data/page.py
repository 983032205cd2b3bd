"""One's own picture in a built page: what the figure needs as JSON beside it; the model is in files of its own."""

from html import escape
from typing import Any

from lrm_core.page import scripts
from lrm_core.page.embedded import PageFigure, data_script, module

OWN_PICTURE_MIME = "application/vnd.lrm.own-picture+json"


class OwnPictureFigure(PageFigure):
    """One's own picture."""

    MIME = OWN_PICTURE_MIME
    SCRIPTS = staticmethod(lambda: module("lrm_own_picture", scripts.own_picture_page()))

    @staticmethod
    def html(state: dict[str, Any]) -> str:
        """A place for the figure, and what its script draws from; of `OwnPicture.page_state`."""
        return f"<div><p>{escape(state['alt'])}</p></div>" + data_script(state, "own")
