"""Each built page in a browser: it draws everything, alone, on a wide screen and on a phone."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from lrm_core.evidence.claims import claims
from lrm_core.pdf import reading_order

PAGES = reading_order()
CHAPTERS = [page for page in PAGES if page.startswith("notebooks/")]
WITHOUT_FORMULAS = [
    *(PAGES[0], "book/scorecard", "book/audit", "book/appendix", "book/bibliography"),
    *("notebooks/00_model", "notebooks/13_another_renderer", "notebooks/14_own_picture"),
]
COUNT = "name => document.querySelectorAll(name).length"


@pytest.fixture(scope="module", params=PAGES)
def opened(request, visit, site):
    """Each page in turn, opened from disk on a wide screen; tests only look at it."""
    seen = visit((site / f"{request.param}.html").as_uri())
    seen.name = request.param
    yield seen
    seen.page.context.close()


def test_a_page_stands_alone_and_says_nothing_on_the_console(opened):
    assert opened.outside == []
    assert opened.errors == []


@pytest.mark.parametrize("name", [PAGES[0], CHAPTERS[0], "search", "genindex"])
def test_the_same_over_http(visit, served, name):
    seen = visit(f"{served}/{name}.html")
    assert (seen.outside, seen.errors) == ([], [])
    seen.page.context.close()


def test_every_figure_is_drawn_and_described(opened):
    boxes = opened.page.query_selector_all(".lrm-figure")
    assert boxes or opened.name not in CHAPTERS
    for box in boxes:
        box.scroll_into_view_if_needed()
        pixels = np.asarray(Image.open(io.BytesIO(box.screenshot())).convert("L"))
        assert pixels.std() > 1, "the figure is blank"
        assert len(box.get_attribute("aria-label")) > 10


def test_every_formula_is_drawn(opened):
    formulas, drawn, errors = (
        opened.page.evaluate(COUNT, pattern)
        for pattern in (".math", ".math mjx-container svg", "[data-mml-node=merror]")
    )
    assert formulas or opened.name in WITHOUT_FORMULAS
    assert drawn >= formulas
    assert errors == 0


SHOWN = tuple(
    f"notebooks/{name}"
    for name in ("01_basins", "02_residual_spectrum", "04_band_correction", "08_source_distance")
)  # chapters whose code is worth reading and leaves nothing else


def test_code_is_shown_where_it_is_worth_reading_and_else_folded(opened):
    folded = opened.page.query_selector_all("details.hide")
    assert bool(folded) == (opened.name in CHAPTERS and opened.name not in SHOWN)
    assert not any(part.get_attribute("open") for part in folded)
    cells, hidden = (opened.page.evaluate(COUNT, places) for places in (".cell_input", "details .cell_input"))
    assert (cells > hidden) == (opened.name in SHOWN)


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_a_phone(visit, site, name):
    seen = visit((site / f"{name}.html").as_uri(), width=390)
    assert seen.value("document.scrollingElement.scrollWidth") <= 390
    wide = seen.value(
        """[...document.querySelectorAll('.bd-article :is(p, li, h1, h2, h3, svg, .lrm-figure)')]
           .filter(part => !part.closest('table, pre, mjx-container, .lrm-figure svg'))
           .filter(part => part.getBoundingClientRect().right > 391)
           .map(part => part.outerHTML.slice(0, 90))"""
    )
    assert wide == []
    seen.page.context.close()


def test_figures_follow_the_theme(visit, site):
    seen = visit((site / f"{CHAPTERS[0]}.html").as_uri())
    colour = "getComputedStyle(document.querySelector('.lrm-figure .xtick text')).fill"
    before = seen.value(colour)
    seen.value("document.documentElement.dataset.theme = 'dark'")
    seen.page.wait_for_function(f"{colour} !== {before!r}")
    assert sum(map(int, seen.value(colour)[4:-1].split(","))) > 3 * 128
    seen.page.context.close()


def test_the_first_address_leads_to_the_landing_page(visit, site):
    seen = visit((site / "index.html").as_uri())
    seen.page.wait_for_url(f"**/{PAGES[0]}.html")
    assert "frequency mismatch" in seen.page.title()
    seen.page.context.close()


def test_a_citation_tells_its_entry_to_a_mouse_and_to_the_keyboard(visit, site):
    seen = visit((site / f"{PAGES[0]}.html").as_uri())
    citation = seen.page.query_selector(".bibtex-citation a")
    said, address = citation.get_attribute("title"), citation.get_attribute("href")
    behind = "document.activeElement && getComputedStyle(document.activeElement, '::after').content"
    assert seen.value(behind) == "none"
    citation.focus()
    assert "attr(title)" in seen.value(behind) or said in seen.value(behind)
    listed = visit((site / "book" / address.partition("#")[0]).as_uri())
    entry = listed.page.query_selector(f"[id='{address.partition('#')[2]}'] p").inner_text()
    assert entry[:20] == said[:20]
    for each in (seen, listed):
        each.page.context.close()


def test_the_scorecard_shows_the_claims_of_one_verdict(visit, site):
    seen = visit((site / "book/scorecard.html").as_uri())
    shown = "() => [...document.querySelectorAll('.scorecard tbody tr')].filter(row => row.offsetHeight)"
    verdicts = seen.value(f"({shown})().map(row => row.cells[1].innerText.trim())")
    assert len(verdicts) == len(claims())
    for verdict in set(verdicts):
        seen.page.get_by_role("button", name=re.compile(rf"^{verdict} \(")).click()
        kept = seen.value(f"({shown})().map(row => row.cells[1].innerText.trim())")
        assert kept == [verdict] * verdicts.count(verdict)
    assert seen.page.query_selector(".scorecard a").get_attribute("href").endswith("01_basins.html")
    seen.page.context.close()
