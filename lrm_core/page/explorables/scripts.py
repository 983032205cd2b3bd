"""The JavaScript of the explorables, after that of the viewer, which draws their triplanes."""

from functools import cache
from pathlib import Path

from lrm_core.page.viewer import scripts

FOLDER = Path(__file__).parent / "js"
EXPLORABLES = (
    *("fft", "bands", "noise", "cast", "judge", "hash", "controls", "chart"),
    *("mixed", "mixer", "line", "spectrum", "probe", "mismatch", "explorables"),
)  # later files use earlier ones


def joined() -> str:
    """Everything but what starts the figures."""
    return scripts.joined(*scripts.VIEWER, "embedded") + "\n" + scripts.joined(*EXPLORABLES, folder=FOLDER)


@cache
def es_module() -> str:
    """All explorables as anywidget wants them: the default export has `render({model, el})`."""
    return joined() + "\nexport default { render: (view) => explore(view) };\n"


@cache
def page_script() -> str:
    """The same as the script of a page; it draws every explorable that the page holds."""
    return "\n".join((joined(), scripts.joined("explorables_page", folder=FOLDER)))
