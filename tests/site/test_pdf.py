"""The book as one PDF: every page in it, in order, with its figures, and no address of this machine."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from pypdf import PdfReader

from lrm_core.site import print_book, reading_order

PAGES = ["book/index", "notebooks/02_residual_spectrum"]


@pytest.fixture(scope="module")
def printed(site, browser, tmp_path_factory) -> PdfReader:
    """Two pages of the book; `browser` says whether there is one, and its Playwright has this thread for itself."""
    out = tmp_path_factory.mktemp("pdf") / "book.pdf"
    with ThreadPoolExecutor(1) as beside:
        sheets = beside.submit(print_book, site, out, PAGES).result()
    reader = PdfReader(out)
    assert len(reader.pages) == sheets
    return reader


def test_outline_text_and_captions_are_there_and_no_link_to_this_machine(printed):
    assert [entry.title for entry in printed.outline] == [
        "Does the frequency mismatch hold?",
        "Where the residual lives",
    ]
    text = " ".join(page.extract_text() for page in printed.pages)
    assert "Figure 2.1." in text
    assert "The measurement, in code" in text
    links = [
        note.get_object().get("/A", {}).get("/URI", "") for page in printed.pages for note in page.get("/Annots", [])
    ]
    assert all(link.startswith(("http://", "https://")) for link in links if link)


def test_the_order_is_that_of_the_book():
    order = reading_order()
    assert order[0] == "book/index"
    assert order.index("notebooks/01_basins") < order.index("book/scorecard")


def test_a_page_that_was_not_built_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"index\.html: not built yet; run `lrm site` first"):
        print_book(tmp_path, tmp_path / "book.pdf", ["book/index"])
    assert not (tmp_path / "book.pdf").exists()


def test_without_a_browser_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    (tmp_path / "index.html").write_text("<h1>x</h1>")
    with pytest.raises(FileNotFoundError, match="no browser found"):
        print_book(tmp_path, tmp_path / "book.pdf", ["index"])
    assert not (tmp_path / "book.pdf").exists()
