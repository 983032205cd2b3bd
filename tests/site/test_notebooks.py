"""The notebooks, executed from the first cell to the last in `smoke`."""

import nbformat
import pytest

from lrm_core.paths import repository_root

SOURCES = sorted((repository_root() / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("number", range(len(SOURCES)), ids=lambda number: SOURCES[number].stem)
def test_a_chapter_runs_in_smoke_with_the_parameters_given(executed_chapters, number):
    cells = nbformat.read(executed_chapters[number].executed, as_version=4).cells
    (injected,) = [cell for cell in cells if "injected-parameters" in cell.metadata.get("tags", [])]
    assert 'profile = "smoke"' in injected.source
    code = [cell for cell in cells if cell.cell_type == "code" and cell.source]
    assert all(cell.execution_count for cell in code)
    assert not [output for cell in code for output in cell.outputs if output.output_type == "error"]
