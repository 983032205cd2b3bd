"""Whether somebody is there to use a bench, in real kernels, and what stands in its place where nobody is."""

import ast

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbformat.v4 import new_code_cell, new_notebook

from lrm_core.page.widgets.bench import INVITATION
from lrm_core.paths import repository_root
from lrm_core.reexecute import chapters, reexecute

PARAMETERS = 'profile = "mini"\nrefresh = False\ndevice = "cpu"'
CHAPTERS = [
    path.stem
    for path in sorted((repository_root() / "notebooks").glob("*.ipynb"))
    if "chapter.tweak(" in path.read_text()
]


def test_a_kernel_is_live_where_its_front_end_can_be_asked():
    manager, client = start_new_kernel()
    try:
        for allowed in (True, False, True):
            said: list[str] = []
            client.execute_interactive(
                "from lrm_core.page.widgets.bench import is_live; print(is_live())",
                allow_stdin=allowed,
                timeout=300,
                stdin_hook=lambda message: pytest.fail("asked"),
                output_hook=lambda message, said=said: said.append(message["content"].get("text")),
            )
            assert f"{allowed}\n" in said
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_chapter_that_is_run_for_the_page_has_one_sentence_and_no_widget(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "notebooks").mkdir()
    call = "bench.show_sliders(None, (lambda residual, x=1.0: {},), {'x': (0, 1)})"
    source = f"from lrm_core.page.widgets import bench\n{call}"
    cells = [new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}), new_code_cell(source)]
    nbformat.write(new_notebook(cells=cells), tmp_path / "notebooks" / "01_bench.ipynb")
    (run,) = reexecute(chapters("smoke", device="cpu", root=tmp_path), root=tmp_path, report=lambda line: None)
    executed = nbformat.read(run.executed, as_version=4)
    outputs = [output for cell in executed.cells for output in cell.get("outputs", [])]
    assert [output.data["text/markdown"] for output in outputs] == [INVITATION]
    assert "widgets" not in executed.metadata


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_slider_of_a_chapter_calls_a_function_of_its_shown_cells(name):
    notebook = nbformat.read(repository_root() / "notebooks" / f"{name}.ipynb", as_version=4)
    (tweak,) = (cell.source for cell in notebook.cells if "chapter.tweak(" in cell.source)
    (call,) = (
        node
        for node in ast.walk(ast.parse(tweak))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "chapter.tweak"
    )
    called = [node.id for node in call.args]
    shown = [cell.source for cell in notebook.cells if cell.cell_type == "code" and not cell.metadata.get("tags")]
    assert called
    assert all(any(f"def {function}(" in source for source in shown) for function in called)
