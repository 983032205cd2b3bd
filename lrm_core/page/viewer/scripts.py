"""The JavaScript of the figures: small files, joined into one module that imports nothing and fetches nothing."""

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "js"
VIEWER = (
    "field",
    "grid",
    "shaders",
    "renderer",
    "camera",
    "painter",
    "viewer",
)  # later files use earlier ones


def joined(*names: str, folder: Path = FOLDER) -> str:
    """The named files of `js/`, in order.

    Raises:
        FileNotFoundError: if there is no file of that name.
    """
    return "\n".join((folder / f"{name}.js").read_text(encoding="utf-8") for name in names)


@cache
def es_module() -> str:
    """The viewer as anywidget wants it: the default export has `render({model, el})`."""
    return joined(*VIEWER) + "\nexport default { render };\n"


@cache
def page_script() -> str:
    """The same viewer as the script of a page; it draws every figure that the page holds."""
    return joined(*VIEWER, "embedded", "page")
