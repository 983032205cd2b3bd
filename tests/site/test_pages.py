"""Each built page in a browser: it draws everything, alone, on a wide screen and on a phone, without barriers.

axe-core looks at the parts of a page that are ours, in light and in dark.
"""

import io
import re
from contextlib import suppress

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import TimeoutError

from lrm_core.findings.claims import claims
from lrm_core.site import reading_order

PAGES = reading_order()
CHAPTERS = [page for page in PAGES if page.startswith("notebooks/")]
WITH_FORMULAS = ("notebooks/02_residual_spectrum", "notebooks/08_source_distance")
# Header, sidebars and footer are the theme's.
OURS = {"include": [[".bd-article"]]}
LEVEL_AA = [f"wcag{version}{level}" for version in ("2", "21", "22") for level in ("a", "aa")]
SEVERE = ("serious", "critical")
PATIENCE = 240_000  # milliseconds
AT_WORK = "box => box.querySelector('canvas') || box.dataset.source === 'poster'"  # a poster where it cannot run
STILL = "* { transition: none !important; }"  # colours on their way from one scheme to the other are neither
COUNT = "name => document.querySelectorAll(name).length"


@pytest.fixture(scope="module", params=PAGES)
def opened(request, visit, site):
    """Each page in turn, opened from disk once, on a wide screen; tests look at it in their order."""
    seen = visit((site / f"{request.param}.html").as_uri())
    seen.name = request.param
    yield seen
    seen.page.context.close()


def test_a_page_stands_alone_and_says_nothing_on_the_console(opened, site):
    assert opened.outside == []
    assert opened.errors == []
    text = (site / f"{opened.name}.html").read_text(encoding="utf-8")
    kinds = sum(f"lrm-{kind}-data" in text for kind in ("viewer", "explorable", "turn", "own"))
    assert text.count("class Renderer {") == kinds, "one script for all figures of a kind"
    assert "widget-state+json" not in text


@pytest.mark.parametrize("name", [PAGES[0], CHAPTERS[0], "search", "genindex"])
def test_the_same_over_http(look, served, name):
    look(f"{served}/{name}.html")


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
    assert formulas or opened.name not in WITH_FORMULAS
    assert drawn >= formulas
    assert errors == 0


def test_chapters_show_the_code_that_is_worth_reading_and_fold_none(opened):
    assert not opened.page.query_selector_all("details.hide")
    assert bool(opened.page.evaluate(COUNT, ".cell_input")) == (opened.name in CHAPTERS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(opened, scheme):
    """With viewers started and galleries at one view, where two methods can be compared.

    What is there is the same in both schemes, so that the dark one is looked at for its colours.
    """
    opened.page.add_style_tag(content=STILL)
    for viewer in opened.page.query_selector_all(".lrm-viewer"):
        viewer.scroll_into_view_if_needed()
        opened.page.wait_for_function(AT_WORK, arg=viewer, timeout=PATIENCE)
    for views in opened.page.query_selector_all(".lrm-gallery select[name=view]"):
        views.select_option(index=1)
    opened.value(f"document.documentElement.dataset.theme = '{scheme}'")
    assert _faults(opened, LEVEL_AA if scheme == "light" else ["color-contrast"]) == []


def _faults(seen, rules: list[str]) -> list[str]:
    """One line for each part of the page that breaks a rule, by names of rules or of groups of them."""
    found = Axe().run(seen.page, OURS, {"runOnly": rules, "resultTypes": ["violations"]})
    return [
        f"{seen.name}: {rule['id']} ({rule['impact']}) at {' '.join(map(str, part['target']))}: {rule['help']}"
        for rule in found.response["violations"]
        if rule["impact"] in SEVERE
        for part in rule["nodes"]
    ]


def test_axe_finds_a_fault_where_there_is_one(look, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        '<!doctype html><html lang="en"><title>t</title><p style="color:#ccc;background:#fff">pale, outside</p>'
        '<article class="bd-article"><input type="range"><p style="color:#bbb;background:#fff">pale</p></article>'
    )
    assert [fault.split()[1] for fault in _faults(look(page.as_uri()), LEVEL_AA)] == ["color-contrast", "label"]


def test_nothing_is_wider_than_a_phone(opened):
    opened.page.set_viewport_size({"width": 390, "height": 900})
    fits = f"() => document.scrollingElement.scrollWidth <= 390 && !{WIDE}.length"
    with suppress(TimeoutError):  # figures take their new width after the last change of it
        opened.page.wait_for_function(fits, timeout=10_000)
    assert opened.value(WIDE) == []
    assert opened.value("document.scrollingElement.scrollWidth") <= 390


WIDE = """[...document.querySelectorAll('.bd-article :is(p, li, h1, h2, h3, svg, .lrm-figure)')]
  .filter(part => !part.closest('table, pre, mjx-container, .lrm-figure svg'))
  .filter(part => part.getBoundingClientRect().right > 391)
  .map(part => part.outerHTML.slice(0, 90))"""


def test_figures_follow_the_theme(look_at):
    seen = look_at(CHAPTERS[0])
    colour = "getComputedStyle(document.querySelector('.lrm-figure .xtick text')).fill"
    before = seen.value(colour)
    seen.value("document.documentElement.dataset.theme = 'dark'")
    seen.page.wait_for_function(f"{colour} !== {before!r}")
    assert sum(map(int, seen.value(colour)[4:-1].split(","))) > 3 * 128


def test_the_first_address_leads_to_the_landing_page(look_at):
    seen = look_at("index")
    seen.page.wait_for_url(f"**/{PAGES[0]}.html")
    assert "frequency mismatch" in seen.page.title()


def test_a_citation_tells_its_entry_to_a_mouse_and_to_the_keyboard(look_at):
    seen = look_at(PAGES[0])
    citation = seen.page.query_selector(".bibtex-citation a")
    said, address = citation.get_attribute("title"), citation.get_attribute("href")
    behind = "document.activeElement && getComputedStyle(document.activeElement, '::after').content"
    assert seen.value(behind) == "none"
    citation.focus()
    assert "attr(title)" in seen.value(behind) or said in seen.value(behind)
    listed = look_at("book/" + address.partition(".html")[0])
    entry = listed.page.query_selector(f"[id='{address.partition('#')[2]}'] p").inner_text()
    assert entry[:20] == said[:20]


def test_the_scorecard_shows_the_claims_of_one_verdict(look_at):
    seen = look_at("book/scorecard")
    shown = "() => [...document.querySelectorAll('.scorecard tbody tr')].filter(row => row.offsetHeight)"
    verdicts = seen.value(f"({shown})().map(row => row.cells[1].innerText.trim())")
    assert len(verdicts) == len(claims())
    for verdict in set(verdicts):
        seen.page.get_by_role("button", name=re.compile(rf"^{verdict} \(")).click()
        kept = seen.value(f"({shown})().map(row => row.cells[1].innerText.trim())")
        assert kept == [verdict] * verdicts.count(verdict)
    assert seen.page.query_selector(".scorecard a").get_attribute("href").endswith("01_basins.html")
