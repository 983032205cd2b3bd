"""Sources of the notebooks: clean, short, every number computed, every chapter of one shape."""

import ast
import re

import nbformat
import pytest
import yaml

from lrm_core.paths import repository_root

SOURCES = sorted((repository_root() / "notebooks").glob("*.ipynb"))
MODEL, OWN = "The model under study", "Your own picture"
SECTIONS = ["The measurement, in code", "All objects", "What else it could be", "The rule"]
OTHER_SECTIONS = {  # of chapters that examine no claim
    MODEL: [
        "The measurement, in code",
        "All objects",
        "What it is, and what it has seen",
        "What carries over",
    ],
    OWN: ["In this page", "From a picture to a triplane", "From a triplane to a mesh", "On the command line"],
}
PARAMETERS = {"profile": "mini", "seed": 0, "objects": None, "refresh": False, "device": "cpu"}
LONGEST_CELL = 25
LONGEST_SHOWN, WIDEST_SHOWN = 10, 104  # lines and characters that stand on the page without scrolling
NOT_OURS = {"rule_text"}  # what is said without a number of ours
NOT_PROSE = re.compile(r"\$\$.*?\$\$|\$[^$]*\$|```.*?```|`[^`]*`|\]\([^)]*\)|\b(?:L1|C\d+)\b", re.DOTALL)


@pytest.fixture(params=SOURCES, ids=lambda source: source.stem)
def notebook(request) -> nbformat.NotebookNode:
    return nbformat.read(request.param, as_version=4)


def _code(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _headings(notebook) -> list[str]:
    return [
        line.lstrip("# ") for cell in notebook.cells if cell.cell_type == "markdown"
        for line in cell.source.splitlines() if line.startswith("#")
    ]  # fmt: skip


def _is_parameters(cell) -> bool:
    return "parameters" in cell.metadata.get("tags", [])


def _shown(notebook) -> list:
    return [cell for cell in _code(notebook) if not cell.metadata.get("tags")]


def test_sources_carry_no_outputs(notebook):
    for cell in _code(notebook):
        assert not cell.outputs
        assert cell.execution_count is None


def test_plumbing_leaves_no_box_and_is_collapsed_in_jupyterlab(notebook):
    for cell in _code(notebook):
        if cell.metadata.get("tags"):
            assert {"remove-input", "remove-cell"} & set(cell.metadata.tags)
            assert cell.metadata.jupyter.source_hidden


def test_shown_cells_are_short_and_say_that_the_library_agrees(notebook):
    shown = _shown(notebook)
    for cell in shown:
        lines = cell.source.splitlines()
        assert len([line for line in lines if line]) <= LONGEST_SHOWN, cell.source
        assert max(map(len, lines)) <= WIDEST_SHOWN, cell.source
    checked = ["assert " in cell.source for cell in shown]
    for at, cell in enumerate(shown):
        defines = cell.source.lstrip().startswith(("def ", "from ", "import ", "@")) and "def " in cell.source
        assert checked[at] or (defines and any(checked[at + 1 : at + 3])), cell.source


def test_one_cell_holds_the_parameters_with_their_defaults(notebook):
    (cell,) = filter(_is_parameters, _code(notebook))
    values = {}
    exec(cell.source, {}, values)
    own = _headings(notebook)[0] == OWN
    assert values == (PARAMETERS | {"picture": None} if own else PARAMETERS)


def test_no_cell_is_longer_than_the_screen(notebook):
    for cell in notebook.cells:
        assert len(cell.source.splitlines()) <= LONGEST_CELL


def test_no_number_is_typed(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            assert not re.search(r"\d", NOT_PROSE.sub("", cell.source)), cell.source
    for cell in _code(notebook):
        if not _is_parameters(cell) and cell not in _shown(notebook) and "tweak" not in cell.source:
            constants = [node.value for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Constant)]
            constants = [value for value in constants if value is not True and value != 0]
            assert not [value for value in constants if isinstance(value, int | float)], cell.source
            prose = [value for value in constants if isinstance(value, str) and " " in value]
            assert not [text for text in prose if re.search(r"\d", text)], cell.source


def test_every_computed_text_says_where_its_numbers_come_from(notebook):
    for cell in _code(notebook):
        calls = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call)]
        for call in calls:
            if ast.unparse(call.func) in ("page.show_text", "page.show_table"):
                made_by = call.args[0].func.attr
                assert (len(call.args) > 1) != (made_by in NOT_OURS), ast.unparse(call)


def test_every_chapter_has_the_same_shape(notebook):
    title, *sections = _headings(notebook)
    if title in OTHER_SECTIONS:
        assert sections == OTHER_SECTIONS[title]
        return
    assert [section for section in sections if section in SECTIONS] == SECTIONS


def test_the_sidebar_has_number_and_title_of_every_chapter(notebook, request):
    toc = yaml.safe_load((repository_root() / "_toc.yml").read_text())
    titles = {
        entry["file"]: entry["title"] for part in toc["parts"] for entry in part["chapters"] if "title" in entry
    }
    stem = request.node.callspec.id
    assert titles[f"notebooks/{stem}"] == f"{int(stem[:2])}. {_headings(notebook)[0]}"
