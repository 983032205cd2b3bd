"""The site built once from the notebooks in `smoke`, served from its folder and over http."""

import functools
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lrm_core.atomic import alone
from lrm_core.site import DRAWN, build_site


@pytest.fixture(scope="session")
def site(tmp_path_factory, executed_chapters) -> Path:
    """Folder of the built pages, built by the first worker of pytest-xdist that comes."""
    base = tmp_path_factory.getbasetemp()
    out = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "site"
    out.mkdir(exist_ok=True)
    with alone(out):
        return build_site("smoke", out=out).index.parent


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        """Say nothing."""


@pytest.fixture(scope="session")
def served(site) -> Iterator[str]:
    """Address of the pages over http."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@dataclass
class Visit:
    """A page in the browser, what it said on the console and what it asked of others."""

    page: object
    name: str = ""
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def open(self, address: str) -> "Visit":
        """Go there and wait until figures and formulas have had time to draw."""
        self.page.goto(address, wait_until="load", timeout=PATIENCE)
        self.page.wait_for_function(DRAWN, timeout=PATIENCE)
        return self

    def value(self, expression: str):
        """Evaluate JavaScript in the page."""
        return self.page.evaluate(expression)


PATIENCE = 120_000  # milliseconds; both cores may be busy with other tests
LOCAL = ("http://127.0.0.1:", "file:", "data:", "blob:")


NO_WEBGL2 = """const get = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return kind === "webgl2" ? null : get.call(this, kind, ...rest);
};"""


@pytest.fixture(scope="session")
def visit(browser) -> Iterator:
    """Opens pages; nothing outside this machine is reachable. Options are those of a browser context."""

    def go(address: str, width: int = 1280, webgl: bool = True, **options) -> Visit:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        seen = Visit(context.new_page())
        if not webgl:
            seen.page.add_init_script(NO_WEBGL2)

        def guard(route):
            if route.request.url.startswith(LOCAL):
                return route.continue_()
            seen.outside.append(route.request.url)
            return route.abort()

        context.route("**/*", guard)
        seen.page.on("console", lambda message: message.type == "error" and seen.errors.append(message.text))
        seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
        return seen.open(address)

    return go


@pytest.fixture
def look(visit) -> Iterator:
    """Opens pages for a test; nothing was said or asked of others when they close."""
    opened = []

    def go(address: str, **options) -> Visit:
        opened.append(visit(address, **options))
        return opened[-1]

    yield go
    for seen in opened:
        assert (seen.outside, seen.errors) == ([], [])
        seen.page.context.close()


@pytest.fixture
def look_at(look, site):
    """The same for a page of the site."""
    return lambda page, part="", **options: look((site / f"{page}.html").as_uri() + part, **options)


@pytest.fixture
def show_figures(look, tmp_path):
    """Opens a page of figures and their script from disk."""

    def go(body: str, script: str, address: str = "", **options) -> Visit:
        page = tmp_path / "page.html"
        page.write_text(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>t</title><body>{body}'
            f'<script type="module">{script}</script></body></html>'
        )
        return look(page.as_uri() + address, **options)

    return go
