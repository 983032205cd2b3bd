"""The JavaScript of one's own picture: what the page runs, and within it, as a text, what its worker runs."""

import json
from functools import cache
from pathlib import Path

from lrm_core.page.viewer import scripts

FOLDER = Path(__file__).parent / "js"
WORKER = ("assembler", "product", "network", "carried", "worker")
PAGE = ("engine",)  # later files use earlier ones


@cache
def worker_script() -> str:
    """What the worker runs: the viewer's unpacking, then the model."""
    return scripts.joined("field") + "\n" + scripts.joined(*WORKER, folder=FOLDER)


@cache
def joined() -> str:
    """Everything but what starts the figure."""
    worker = json.dumps(worker_script()).replace("</", "<\\/")
    parts = (
        scripts.joined(*scripts.VIEWER, "embedded"),
        f"const WORKER = {worker};",
        scripts.joined(*PAGE, folder=FOLDER),
    )
    return "\n".join(parts)
