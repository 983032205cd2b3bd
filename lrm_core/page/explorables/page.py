"""An explorable in a built page: what it needs as JSON beside it, one script for all of them."""

from typing import Any

from lrm_core.page import scripts
from lrm_core.page.embedded import PageFigure, data_script, module, still

EXPLORABLE_MIME = "application/vnd.lrm.explorable+json"
STILL = "Sliders need JavaScript."


class ExplorableFigure(PageFigure):
    """Explorables."""

    MIME = EXPLORABLE_MIME
    SCRIPTS = staticmethod(lambda: module("lrm_explorables", scripts.explorables_page()))

    @staticmethod
    def html(state: dict[str, Any]) -> str:
        """A box with the still picture, and what the script draws from; of `Explorable.page_state`."""
        box = still(state, below=f"<p>{STILL}</p>")
        return f'<div class="lrm-explorable-place">{box}</div>' + data_script(state, "explorable")
