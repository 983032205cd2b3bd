"""What several rooms of tests share."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import torch

from lrm_core.site import headless

UNPACK = """([name, state]) => {
  const data = Uint8Array.from(atob(state.data), (letter) => letter.charCodeAt(0));
  globalThis[name] = { tensors: unpack(state.tensors, new DataView(data.buffer)), content: state.content };
}"""

# A shell that starts the tests in the background leaves them deaf to Ctrl-C, which some of them press.
signal.signal(signal.SIGINT, signal.default_int_handler)


if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # kernels run all the same, if this is said before triton is imported


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """Headless Chromium; without one the test is skipped, or fails where LRM_REQUIRE_BROWSER is set."""
    with ExitStack() as stack:
        try:
            running = stack.enter_context(headless())
        except FileNotFoundError as error:
            pytest.fail(str(error)) if os.environ.get("LRM_REQUIRE_BROWSER") else pytest.skip(str(error))
        yield running


@pytest.fixture(scope="session")
def executed_chapters() -> list:
    """Every notebook through papermill in the profile `smoke`; kept between runs while nothing changed.

    The first worker of pytest-xdist that comes executes as many at once as there are cores; others wait for it.
    """
    from lrm_core.reexecute import chapters, reexecute

    return reexecute(chapters("smoke", device="cpu"))


@pytest.fixture
def interrupt() -> Iterator[Callable[[Callable[[], bool]], None]]:
    """Ctrl-C, seen by this process alone, as soon as a condition holds (or in four minutes)."""
    over = threading.Event()

    def press(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 240
        while not condition() and time.monotonic() < deadline and not over.wait(0.05):
            pass
        if not over.is_set():
            os.kill(os.getpid(), signal.SIGINT)

    yield lambda condition: threading.Thread(target=press, args=(condition,), daemon=True).start()
    over.set()


@pytest.fixture(scope="module")
def script_page(browser, tmp_path_factory):
    """A page in which every function of the explorables' script can be called."""
    from lrm_core.page.embedded import EXPLORABLES_JS

    page, file = browser.new_page(), tmp_path_factory.mktemp("script") / "page.html"
    file.write_text(f'<!doctype html><meta charset="utf-8"><script>{EXPLORABLES_JS}</script>')
    page.goto(file.as_uri())
    yield page
    page.close()


@pytest.fixture
def carry(script_page):
    """Unpacks a figure in the page as a global of that name: {tensors, content}."""

    def unpacked(name: str, figure) -> None:
        script_page.evaluate(UNPACK, [name, figure.page_state()])

    return unpacked
