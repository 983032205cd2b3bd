"""What the built pages weigh and how soon they draw: `python benchmarks/pages.py`, after `make book`.

In a browser without a graphics card. For every page its bytes, as they are and compressed, and the seconds until its
figures are drawn. For the viewer on it: milliseconds from the moment that it comes near the screen to its first
picture, and pictures a second while it is dragged. A picture in motion at 256 x 256 looks up one texture in three
dimensions at most rays x samples times, which does not depend on the machine and is kept too.
"""

import gzip
import time
from pathlib import Path
from typing import Any

from keep import keep
from playwright.sync_api import Browser, Page

from lrm_core.page.viewer import TriplaneViewer
from lrm_core.paths import repository_root
from lrm_core.site import DRAWN, headless, reading_order

HTML = repository_root() / "_build/html"
PATIENCE = 120_000  # milliseconds
DRAG = 3.0  # seconds
VIEWER = ".lrm-viewer[data-stage]"
COUNT = """viewer => {
  viewer.drafts = 0;
  new MutationObserver(changes => viewer.drafts += changes.some(() => viewer.dataset.stage === 'draft'))
    .observe(viewer, {attributeFilter: ['data-stage']});
}"""


def measure(browser: Browser, page: Path) -> dict[str, Any]:
    """Figures of one page."""
    content = page.read_bytes()
    found = {"kB": len(content) / 1000, "kB, compressed": len(gzip.compress(content)) / 1000}
    tab = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    began = time.perf_counter()
    tab.goto(page.as_uri())
    tab.wait_for_function(DRAWN, timeout=PATIENCE)
    found["figures drawn, s"] = time.perf_counter() - began
    if tab.locator(VIEWER).count():
        found |= viewer(tab)
    tab.context.close()
    return found


def viewer(tab: Page) -> dict[str, float]:
    """The first viewer of a page: its first picture, and pictures a second under a dragging mouse."""
    figure = tab.locator(VIEWER).first
    figure.scroll_into_view_if_needed()
    tab.wait_for_function("v => v.dataset.firstPicture", arg=figure.element_handle(), timeout=PATIENCE)
    box = figure.locator("canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    figure.evaluate(COUNT)
    tab.mouse.move(x, y)
    tab.mouse.down()
    began = time.perf_counter()
    while (passed := time.perf_counter() - began) < DRAG:
        tab.mouse.move(x + 60 * passed / DRAG, y)
    tab.mouse.up()
    drafts = figure.evaluate("viewer => viewer.drafts")
    return {
        "first picture, ms": float(figure.get_attribute("data-since-start")),
        "pictures a second, dragged": drafts / passed,
    }


def lookups() -> int:
    """At most so many lookups for a picture in motion."""
    traits = TriplaneViewer.class_traits()
    side, samples = (traits[name].default_value for name in ("resolution", "samples"))
    return side**2 * (samples // 2)


def main() -> None:
    with headless() as browser:
        pages = {name: measure(browser, HTML / f"{name}.html") for name in reading_order()}
    keep("pages", {"lookups of a picture in motion": lookups(), "pages": pages})


if __name__ == "__main__":
    main()
