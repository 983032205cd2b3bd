"""The script of the first page, after that of the viewer and the bands, which it uses."""

from functools import cache
from pathlib import Path

from lrm_core.page.explorables.scripts import FOLDER as BANDS
from lrm_core.page.viewer import scripts

FOLDER = Path(__file__).parent / "js"


@cache
def page_script() -> str:
    """Everything that the four turning pictures need, as one module."""
    return "\n".join(
        (
            scripts.joined(*scripts.VIEWER, "embedded"),
            scripts.joined("fft", "bands", folder=BANDS),
            scripts.joined("turning", folder=FOLDER),
        )
    )
