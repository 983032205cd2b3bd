"""The notebooks: sources without outputs, executed from the first cell to the last in `smoke`."""

import nbformat
import pytest

from lrm_core.paths import repository_root

SOURCES = sorted((repository_root() / "notebooks").glob("*.ipynb"))


def _tagged(cells: list, tag: str) -> list:
    return [cell for cell in cells if tag in cell.metadata.get("tags", [])]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_a_source_has_no_outputs_and_one_cell_of_parameters(source):
    cells = nbformat.read(source, as_version=4).cells
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
    (parameters,) = _tagged(cells, "parameters")
    names = {}
    exec(parameters.source, names)
    assert names.keys() >= {"profile", "seed", "objects", "refresh", "device"}


@pytest.mark.parametrize("number", range(len(SOURCES)), ids=lambda number: SOURCES[number].stem)
def test_a_chapter_runs_in_smoke_with_the_parameters_given(executed_chapters, number):
    cells = nbformat.read(executed_chapters[number].executed, as_version=4).cells
    (injected,) = _tagged(cells, "injected-parameters")
    assert 'profile = "smoke"' in injected.source
    code = [cell for cell in cells if cell.cell_type == "code" and cell.source]
    assert all(cell.execution_count for cell in code)
    assert not [output for cell in code for output in cell.outputs if output.output_type == "error"]
