"""The JavaScript of one's own picture: what the page runs, and within it, as a text, what its worker runs."""

import json
from functools import cache
from pathlib import Path

from lrm_core.page.viewer import scripts

FOLDER = Path(__file__).parent / "js"
WORKER = (
    *("assembler", "product", "network", "carried"),
    *("masks", "background", "framing", "surface", "glb", "worker"),
)
PAGE = ("header", "given", "engine", "sheet", "entrance", "own")  # later files use earlier ones


@cache
def worker_script() -> str:
    """What the worker runs: the viewer's tensors and grid, then the model, the framing and the mesh."""
    return scripts.joined("field", "grid") + "\n" + scripts.joined(*WORKER, folder=FOLDER)


@cache
def joined() -> str:
    """Everything but what starts the figure."""
    worker = json.dumps(worker_script()).replace("</", "<\\/")
    viewer = scripts.joined(*scripts.VIEWER, "embedded")
    return "\n".join((viewer, f"const WORKER = {worker};", scripts.joined(*PAGE, folder=FOLDER)))


@cache
def es_module() -> str:
    """The figure as anywidget wants it, with the kernel's model."""
    return joined() + "\nexport default { render: (view) => drawnByKernel(view) };\n"


@cache
def page_script() -> str:
    """The same as the script of a page, with the model that the page carries."""
    return joined() + "\n" + scripts.joined("own_page", folder=FOLDER)
