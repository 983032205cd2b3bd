"""Imports between the rooms of `lrm_core` point one way, and the core stands alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

from lrm_core.paths import repository_root

CORE = ("model", "render", "spectral", "fit")
ROOMS = (*CORE, "objects", "training", "measure", "records", "findings", "predict", "page", "cli")
PACKAGE = repository_root() / "lrm_core"


def imported(path: Path) -> Iterator[str]:
    """Rooms that a module imports from."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (name.split(".")[1] for name in names if name.startswith("lrm_core."))


def test_every_folder_is_a_room():
    folders = {folder.name for folder in PACKAGE.iterdir() if (folder / "__init__.py").exists()}
    assert folders == set(ROOMS)


def test_imports_point_down():
    upward = {
        f"{path.relative_to(PACKAGE)} imports {other}"
        for place, room in enumerate(ROOMS)
        for path in (PACKAGE / room).rglob("*.py")
        for other in imported(path)
        if other in ROOMS[place + 1 :]
    }
    assert not upward


def test_the_core_asks_for_no_profile():
    beyond = {"profiles", "evidence", "reexecute", "site"}
    assert not {str(path) for room in CORE for path in (PACKAGE / room).rglob("*.py") if beyond & set(imported(path))}
