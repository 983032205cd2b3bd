"""The built pages as one PDF: printed by Chromium in reading order, with still figures and an outline."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from tqdm import tqdm

from lrm_core.atomic import replacing
from lrm_core.paths import repository_root

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
DRAWN = """() => [...document.querySelectorAll('.lrm-figure')].every(box => box.querySelector('.main-svg'))
  && [...document.querySelectorAll('.math')].every(formula => formula.querySelector('mjx-container'))"""
# Links that lead to other pages on this machine lead nowhere from the PDF; the cards of the first page say all.
PREPARE = """() => {
  for (const link of document.querySelectorAll('a[href]'))
    if (!/^https?:/.test(link.href)) link.removeAttribute('href');
  for (const more of document.querySelectorAll('.brief details')) more.open = true;
}"""
PATIENCE = 240_000  # milliseconds that a page may take to draw itself
PAPER = {"format": "A4", "print_background": True, "margin": dict.fromkeys(("top", "bottom"), "16mm")}


def reading_order() -> list[str]:
    """Every page of the book without its suffix, the first page first."""
    toc = yaml.safe_load((repository_root() / "_toc.yml").read_text(encoding="utf-8"))
    return [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]


def print_book(html: Path, out: Path, pages: Sequence[str]) -> int:
    """Print pages of the built site into one PDF with an entry of the outline for each; returns its sheets of A4.

    The PDF is written only when every page was printed.

    Raises:
        FileNotFoundError: if a page was not built, or no browser is there.
    """
    from pypdf import PdfWriter

    for page in pages:
        if not (html / f"{page}.html").is_file():
            raise FileNotFoundError(f"{html / page}.html: not built yet; run `lrm site` first")
    book = PdfWriter()
    with TemporaryDirectory() as folder, headless() as browser:
        tab = browser.new_page(viewport={"width": 740, "height": 1100})
        tab.emulate_media(media="print", color_scheme="light", reduced_motion="reduce")  # still pictures
        for number, page in enumerate(tqdm(pages, desc="pdf", unit="page")):
            part = Path(folder) / f"{number}.pdf"
            book.append(part, outline_item=_print(tab, html / f"{page}.html", part))
    book.add_metadata({"/Title": book.outline[0].title})
    with replacing(out) as temporary:
        book.write(temporary)
    return len(book.pages)


def _print(tab: Any, source: Path, out: Path) -> str:
    """Print one page; returns its heading."""
    tab.goto(source.resolve().as_uri(), timeout=PATIENCE)
    tab.wait_for_function(DRAWN, timeout=PATIENCE)
    tab.evaluate(PREPARE)
    tab.pdf(path=out, **PAPER)
    return tab.evaluate("document.querySelector('h1').firstChild.textContent.trim()")


@contextmanager
def headless() -> Iterator[Any]:
    """A browser without a window, as Playwright's; FileNotFoundError if none of `BROWSERS` is there."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        raise FileNotFoundError(f"no browser found ({', '.join(BROWSERS)}); install one, such as chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()
