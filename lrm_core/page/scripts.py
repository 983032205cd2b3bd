"""The JavaScript of the figures: small files, joined into modules that import nothing and fetch nothing."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

# Later files use earlier ones.
VIEWER = [
    f"viewer/js/{name}"
    for name in ("field", "grid", "shaders", "renderer", "camera", "painter", "viewer", "embedded")
]
EXPLORABLES = VIEWER + [
    f"explorables/js/{name}"
    for name in (
        *("fft", "bands", "noise", "cast", "judge", "hash", "controls", "chart"),
        *("mixed", "mixer", "line", "spectrum", "probe", "mismatch", "explorables"),
    )
]
WORKER = [
    *("viewer/js/field", "viewer/js/grid"),
    *(f"own_data/js/{name}" for name in ("assembler", "product", "network", "carried", "masks")),
    *(f"own_data/js/{name}" for name in ("background", "framing", "surface", "glb", "worker")),
]
OWN_PICTURE = [f"own_data/js/{name}" for name in ("header", "given", "engine", "sheet", "entrance", "own")]


def joined(*names: str) -> str:
    """Files below this folder, in order.

    Raises:
        FileNotFoundError: if there is no file of that name.
    """
    return "\n".join((Path(__file__).parent / f"{name}.js").read_text(encoding="utf-8") for name in names)


def _script(*names: str, then: str = "") -> Callable[[], str]:
    """`joined` files with what comes after them, once it is asked for; anywidget wants a default export."""
    return cache(lambda: joined(*names) + then)


viewer_module = _script(*VIEWER, then="\nexport default { render };\n")
viewer_page = _script(*VIEWER, "viewer/js/page")  # draws every figure that the page holds, as do the next
explorables_module = _script(*EXPLORABLES, then="\nexport default { render: (view) => explore(view) };\n")
explorables_page = _script(*EXPLORABLES, "explorables/js/explorables_page")
turning_page = _script(*VIEWER, "explorables/js/fft", "explorables/js/bands", "front/js/turning")


@cache
def own_picture() -> str:
    """Everything of one's own picture but what starts it, and within it, as a text, what its worker runs."""
    worker = json.dumps(joined(*WORKER)).replace("</", "<\\/")
    return "\n".join((joined(*VIEWER), f"const WORKER = {worker};", joined(*OWN_PICTURE)))


def own_picture_module() -> str:
    """The figure as anywidget wants it, with the kernel's model."""
    return own_picture() + "\nexport default { render: (view) => drawnByKernel(view) };\n"


def own_picture_page() -> str:
    """The same as the script of a page, with the model that the page carries."""
    return own_picture() + "\n" + joined("own_data/js/own_page")
