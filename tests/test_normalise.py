"""What differs from run to run goes; what was computed stays."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from lrm_core.normalise import WIDGET_STATE, normalise_notebook

ROOT = "/somewhere/paper"


def _executed(widget: str, address: str, seconds: float) -> nbformat.NotebookNode:
    """A notebook as papermill could leave it."""
    view = {"model_id": widget, "version_major": 2, "version_minor": 0}
    cell = new_code_cell(
        "show()",
        execution_count=1,
        metadata={
            "papermill": {"duration": seconds},
            "execution": {"iopub": str(seconds)},
            "tags": ["hide-input"],
        },
        outputs=[
            new_output("stream", name="stdout", text=f"{ROOT}/data/a.csv\n"),
            new_output("stream", name="stderr", text=f"\r 10% {seconds}"),
            new_output("stream", name="stderr", text="a warning"),
            new_output("display_data", data={"text/plain": f"<Thing at {address}>", "text/html": "0x12345678"}),
            new_output("display_data", data={"application/vnd.jupyter.widget-view+json": view}),
        ],
    )
    state = {widget: {"model_name": "Model", "state": {"child": f"IPY_MODEL_{widget}"}}}
    metadata = {
        "papermill": {"start_time": seconds},
        "language_info": {"name": "python", "version": "3.11.7"},
        "widgets": {WIDGET_STATE: {"state": state, "version_major": 2, "version_minor": 0}},
    }
    return new_notebook(cells=[new_markdown_cell("# Title"), cell], metadata=metadata)


def test_two_runs_of_the_same_cells_become_the_same_file(tmp_path):
    first = normalise_notebook(_executed("a" * 32, "0x7f00aa00bb00", 1.5), ROOT)
    second = normalise_notebook(_executed("b" * 32, "0x7fffffff0000", 2.5), ROOT)
    assert nbformat.writes(first) == nbformat.writes(second)


def test_outputs_that_were_computed_stay():
    cell = normalise_notebook(_executed("a" * 32, "0x7f00aa00bb00", 1.5), ROOT).cells[1]
    stdout, warning, display, view = cell.outputs
    assert stdout.text == "data/a.csv\n"
    assert warning.text == "a warning"
    assert display.data == {"text/plain": "<Thing at 0x…>", "text/html": "0x12345678"}
    assert view.data["application/vnd.jupyter.widget-view+json"]["model_id"] == "0" * 32
    assert cell.metadata == {"tags": ["hide-input"]}


def test_widget_state_keeps_its_references():
    notebook = normalise_notebook(_executed("a" * 32, "0x7f00aa00bb00", 1.5), ROOT)
    ((identifier, record),) = notebook.metadata.widgets[WIDGET_STATE].state.items()
    assert record.state.child == f"IPY_MODEL_{identifier}"


@pytest.mark.parametrize("tag", ["injected-parameters", "parameters"])
def test_only_injected_parameters_leave_the_page(tag):
    cell = new_code_cell("profile = 'mini'", metadata={"tags": [tag]})
    tags = normalise_notebook(new_notebook(cells=[cell]), ROOT).cells[0].metadata.tags
    assert ("remove-cell" in tags) == (tag == "injected-parameters")


def test_an_output_that_stands_alone_needs_no_widget_state():
    notebook = _executed("a" * 32, "0x7f00aa00bb00", 1.5)
    notebook.cells[1].outputs[-1].data["application/vnd.lrm.viewer+json"] = {"alt": "a chair"}
    copy = normalise_notebook(notebook, ROOT)
    assert copy.cells[1].outputs[-1].data == {"application/vnd.lrm.viewer+json": {"alt": "a chair"}}
    assert "widgets" not in copy.metadata


def test_an_account_without_a_home_leaves_the_slashes(monkeypatch):
    monkeypatch.setenv("HOME", "/")
    (cell,) = normalise_notebook(
        new_notebook(cells=[new_code_cell("x", outputs=[new_output("stream", name="stdout", text="1/2 of a/b")])]),
        Path(ROOT),
    ).cells
    assert cell.outputs[0].text == "1/2 of a/b"
