"""The benches in JupyterLab, by a browser: they are drawn, follow their fields, and fit an oracle when asked to."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

PATIENCE = 120_000  # milliseconds; both cores may be busy with other tests
OPTIONS = ("--no-browser", "--ip=127.0.0.1", "--port=0", "--allow-root", "--IdentityProvider.token=")
FOLDERS = (
    *("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"),
    *("JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"),
)
QUIET = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}  # no question about news
CHAPTER = """import sys
from pathlib import Path
from lrm_core.measure import oracles
from lrm_core.page.widgets import bench
sys.path.insert(0, {here!r})
from tiny_functions import RANGES, by_power, improvement, tiny_chapter

oracles.repository_root = lambda: Path({cache!r})
chapter = tiny_chapter(Path({disk!r}))
for name in ("bowl", "cup"):
    bench.subject_of(chapter, "", "", name).fit(lambda steps: None)"""
SPECTRUM, CORRECTION, UNFITTED = range(1, 4)  # cells
CORRECT = "bench.show_sliders(chapter, (improvement,), RANGES)"
SPECTRAL = "bench.show_sliders(chapter, (by_power,), {{'cutoff': RANGES['cutoff']}})"
CELLS = (CHAPTER, SPECTRAL, CORRECT, CORRECT)
WINDOW = {"width": 620, "height": 3200}  # pixels: narrow, and high enough for every cell to be drawn

SHOWN = "bench => [...bench.querySelectorAll('tbody, img[alt$=corrected]')].map(part => part.outerHTML)"
COMPARED = "([bench, before]) => (now => now.length === before.length && now.every((part, at) => part {} before[at]))"
OTHER, SAME = (f"{COMPARED.format(how)}(({SHOWN})(bench))" for how in ("!==", "==="))
CUT = """bench => {
  const edge = bench.getBoundingClientRect().right;
  return [...bench.querySelectorAll('input, select, button')]
    .filter(part => part.getBoundingClientRect().right > edge || part.matches('button')
      && part.scrollWidth > part.clientWidth)
    .map(part => part.textContent || part.type);
}"""


@pytest.fixture(scope="module")
def laboratory(disk, tmp_path_factory) -> Iterator[str]:
    """Address of a notebook with benches on the tiny model, in a JupyterLab without anybody's settings."""
    root = tmp_path_factory.mktemp("laboratory")
    folders = {name: root / ".jupyter" / name for name in FOLDERS}
    cells = [
        new_code_cell(source.format(disk=str(disk), cache=str(root), here=str(Path(__file__).parent)))
        for source in CELLS
    ]
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernelspec}), root / "benches.ipynb")
    settings = folders["JUPYTER_CONFIG_DIR"] / "labconfig" / "page_config.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps(QUIET))
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *OPTIONS, f"--ServerApp.root_dir={root}"],
        env=os.environ | {name: str(folder) for name, folder in folders.items()},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield f"{_address(server)}doc/tree/benches.ipynb"
    finally:
        server.terminate()
        server.wait(PATIENCE / 1000)


def _address(server: subprocess.Popen) -> str:
    """Where the server says it is; what it says later is read as well, since a full pipe would stop it."""
    said = []
    for line in server.stderr:
        said.append(line)
        if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
            Thread(target=server.stderr.read, daemon=True).start()
            return found[0]
    return pytest.fail(f"JupyterLab did not start:\n{''.join(said)}")


@pytest.fixture(scope="module")
def lab(browser, laboratory) -> Iterator[SimpleNamespace]:
    """The notebook whose cells all run, what its console said, and what it asked of other machines."""
    page, errors, outside = browser.new_page(viewport=WINDOW), [], []
    page.set_default_timeout(PATIENCE)
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: "//127.0.0.1:" in request.url or outside.append(request.url))
    page.goto(laboratory)
    status = page.locator("#jp-main-statusbar")
    status.get_by_text("(ipykernel) | Idle").wait_for()  # what is run while there is no kernel is lost
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    yield SimpleNamespace(page=page, errors=errors, outside=outside)
    page.close()


@pytest.fixture
def benches(lab) -> Iterator[list]:
    """The cells' benches, each drawn; afterwards nothing is on the console and nothing was asked of others."""
    cells = [lab.page.locator(".jp-CodeCell").nth(at) for at in range(len(CELLS))]
    for cell in cells[1:]:
        cell.locator(".widget-vbox tbody").wait_for()
    yield [cell.locator(".widget-vbox") for cell in cells]
    assert lab.errors == []
    assert lab.outside == []


def _shown(bench) -> list[str]:
    """The numbers and the first picture that follows the fields, as HTML."""
    return bench.evaluate(SHOWN)


def _wait(bench, condition: str, before: list[str]) -> None:
    """Until every part that is shown is another than before, or the same."""
    bench.page.wait_for_function(condition, arg=[bench.element_handle(), before])


@pytest.mark.parametrize(("cell", "key", "readout"), [(SPECTRUM, "Home", "0.05"), (CORRECTION, "End", "2.00")])
def test_numbers_and_picture_follow_the_cutoff_and_the_object(benches, cell, key, readout):
    bench = benches[cell]
    first = _shown(bench)
    bench.locator(".noUi-handle").first.press(key)
    _wait(bench, OTHER, first)
    assert bench.locator(".widget-readout").first.inner_text() == readout
    bench.get_by_role("button").first.click()
    _wait(bench, SAME, first)
    bench.get_by_label("Object", exact=True).select_option("cup")
    _wait(bench, OTHER, first)


def test_an_oracle_that_is_missing_is_fitted_when_asked_for(benches, disk):
    bench = benches[UNFITTED]
    first, ask = _shown(bench), bench.get_by_role("button", name="Fit the oracle")
    assert not ask.is_visible()
    bench.get_by_label("Folder of objects").fill(str(disk / "own"))
    bench.get_by_label("Folder of objects").press("Enter")
    ask.click()
    _wait(bench, OTHER, first)
    assert bench.get_by_alt_text("held-out view 1: corrected").is_visible()
    ask.wait_for(state="hidden")


@pytest.mark.parametrize("cell", [SPECTRUM, CORRECTION])
def test_no_field_and_no_button_is_cut_in_a_narrow_window(benches, cell):
    assert benches[cell].evaluate(CUT) == []
