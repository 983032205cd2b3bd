"""Each built page in a browser: it draws everything, alone, on a wide screen and on a phone."""

import io

import numpy as np
import pytest
import yaml
from PIL import Image

from lrm_core.paths import repository_root

TOC = yaml.safe_load((repository_root() / "_toc.yml").read_text())
PAGES = [TOC["root"], *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"])]
CHAPTERS = [page for page in PAGES if page.startswith("notebooks/")]
COUNT = "name => document.querySelectorAll(name).length"


@pytest.mark.parametrize("protocol", ["http", "file"])
@pytest.mark.parametrize("name", [*PAGES, "search", "genindex"])
def test_a_page_stands_alone_and_says_nothing_on_the_console(visit, site, served, name, protocol):
    seen = visit(f"{served}/{name}.html" if protocol == "http" else (site / f"{name}.html").as_uri())
    assert seen.outside == []
    assert seen.errors == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_figure_of_a_chapter_is_drawn_and_described(visit, site, name):
    seen = visit((site / f"{name}.html").as_uri())
    boxes = seen.page.query_selector_all(".lrm-figure")
    assert boxes
    for box in boxes:
        box.scroll_into_view_if_needed()
        pixels = np.asarray(Image.open(io.BytesIO(box.screenshot())).convert("L"))
        assert pixels.std() > 1, "the figure is blank"
        assert len(box.get_attribute("aria-label")) > 10


@pytest.mark.parametrize("name", PAGES)
def test_every_formula_of_a_page_is_drawn(visit, site, name):
    seen = visit((site / f"{name}.html").as_uri())
    formulas, drawn = (seen.page.evaluate(COUNT, pattern) for pattern in (".math", ".math mjx-container svg"))
    assert drawn >= formulas
    assert seen.page.evaluate(COUNT, "[data-mml-node=merror]") == 0


@pytest.mark.parametrize("name", [*CHAPTERS, "book/conventions"])
def test_chapters_and_conventions_have_formulas(visit, site, name):
    assert visit((site / f"{name}.html").as_uri()).page.evaluate(COUNT, "mjx-container") > 0


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


def test_figures_follow_the_theme(visit, site):
    seen = visit((site / f"{CHAPTERS[0]}.html").as_uri(), scheme="light")
    colour = "getComputedStyle(document.querySelector('.lrm-figure .xtick text')).fill"
    before = seen.value(colour)
    seen.value("document.documentElement.dataset.theme = 'dark'")
    seen.page.wait_for_function(f"{colour} !== {before!r}")
    assert sum(map(int, seen.value(colour)[4:-1].split(","))) > 3 * 128


def test_the_first_address_leads_to_the_landing_page(visit, site):
    seen = visit((site / "index.html").as_uri())
    seen.page.wait_for_url(f"**/{TOC['root']}.html")
    assert "frequency mismatch" in seen.page.title()


def test_code_is_folded_until_asked_for(visit, site):
    seen = visit((site / f"{CHAPTERS[0]}.html").as_uri())
    folded = seen.page.query_selector_all("details.hide")
    assert folded
    assert not any(part.get_attribute("open") for part in folded)
    visible_code = seen.value(
        "[...document.querySelectorAll('.cell_input')].filter(cell => !cell.closest('details')).length"
    )
    assert visible_code == 0
