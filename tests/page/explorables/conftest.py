"""A page in which every function of the explorables' script can be called."""

import pytest

from lrm_core.page import scripts
from lrm_core.page.explorables import widget
from lrm_core.page.explorables.widget import Explorable

UNPACK = """([name, state]) => {
  const data = Uint8Array.from(atob(state.data), (letter) => letter.charCodeAt(0));
  globalThis[name] = { tensors: unpack(state.tensors, new DataView(data.buffer)), content: state.content };
}"""


@pytest.fixture
def quiet(monkeypatch) -> list[Explorable]:
    """What was displayed."""
    shown = []
    monkeypatch.setattr(widget, "display", shown.append)
    return shown


@pytest.fixture(scope="module")
def script_page(browser, tmp_path_factory):
    """That page."""
    page, file = browser.new_page(), tmp_path_factory.mktemp("script") / "page.html"
    file.write_text(f'<!doctype html><meta charset="utf-8"><script>{scripts.joined(*scripts.EXPLORABLES)}</script>')
    page.goto(file.as_uri())
    yield page
    page.close()


@pytest.fixture
def carry(script_page):
    """Unpacks a figure in the page as a global of that name: {tensors, content}."""

    def unpacked(name: str, figure: Explorable) -> None:
        script_page.evaluate(UNPACK, [name, figure.page_state()])

    return unpacked
