"""The first page, the tour and one's own picture on the built site: what is alive there, and what each stop shows."""

import pytest
import yaml

from lrm_core.page.explorables.widget import check_state
from lrm_core.paths import repository_root

PATIENCE = 240_000  # milliseconds


STOPS = yaml.safe_load((repository_root() / "book" / "tour.yml").read_text(encoding="utf-8"))


READY = """() => { const fields = [...document.querySelectorAll('.lrm-first-look canvas[data-field]')];
  return fields.length >= 3 && fields.every((one) => one.dataset.stage === 'rest'); }"""
LOOK = "({...document.querySelector('.lrm-first-look').dataset})"


def test_four_pictures_turn_together_and_settle_on_a_true_view(look_at):
    page = look_at("book/index").page
    page.wait_for_function(READY, timeout=PATIENCE)
    before = page.evaluate(LOOK)
    page.focus(".lrm-turn-frame[tabindex]")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"view => {LOOK}.view !== view", arg=before["view"], timeout=PATIENCE)
    page.click("text=Strongest exception")
    page.click("text=Show the oracle instead")
    page.wait_for_selector('canvas[data-field="oracle"][data-stage="rest"]', timeout=PATIENCE)
    page.wait_for_function(READY, timeout=PATIENCE)
    assert page.get_by_role("button", name="Strongest exception").get_attribute("aria-pressed") == "true"


@pytest.mark.parametrize("width", [1280, 390])
def test_answer_and_pictures_are_on_the_first_screen(look_at, width):
    page = look_at("book/index", width=width).page
    bottoms = page.evaluate(
        "[...document.querySelectorAll('.lrm-turn-row figure')].map(f => f.getBoundingClientRect().bottom)"
    )
    assert max(bottoms) < 844
    sides = page.evaluate(
        "[...document.querySelectorAll('.lrm-turn-frame')].map(f => f.getBoundingClientRect().width)"
    )
    assert min(sides) >= 160


def test_every_claim_has_a_row_with_its_verdict_and_a_link(look_at):
    page = look_at("book/index").page
    rows = page.query_selector_all("table.forest tbody tr")
    assert len(rows) == 14
    for row in rows:
        assert row.query_selector(".verdict").inner_text()
        assert row.query_selector("a").get_attribute("href").endswith(".html")
        assert row.query_selector("svg").get_attribute("aria-label")


def test_each_stop_shows_its_text_beside_what_is_there_and_computes_it_when_asked(look_at):
    seen = look_at("book/index", "?tour=1")
    for at, stop in enumerate(STOPS):
        seen.page.wait_for_selector(".lrm-tour", timeout=PATIENCE)
        assert f"{stop['page']}.html" in seen.page.url
        assert f"Stop {at + 1} of {len(STOPS)}" in seen.value("document.querySelector('.lrm-tour').innerText")
        assert seen.page.locator(stop["shown"]).first.is_visible()
        pictures = f"[...document.querySelectorAll('{stop['shown']} img')]"
        assert seen.value(f"{pictures}.every((one) => one.complete && one.naturalWidth)")
        if "live" in stop:
            assert "=" not in seen.page.url.partition("#")[2]
            seen.page.click("text=Compute it here")
            _moved(seen.page, f'[data-kind="{stop["live"]}"]', stop["preset"])
        if at + 1 < len(STOPS):
            seen.page.click(".lrm-tour-go[data-go=next]")
            seen.page.wait_for_url(f"**tour={at + 2}*", timeout=PATIENCE)
    assert not seen.page.query_selector(".lrm-tour-go[data-go=next]")


def _moved(page, figure: str, preset: str) -> None:
    """The sliders come to rest at a preset of the figure that exists."""
    content = page.evaluate(
        """selector => JSON.parse([...document.querySelectorAll('script.lrm-explorable-data')].find(
          (one) => one.previousElementSibling.querySelector(selector)).textContent).content""",
        figure,
    )
    (state,) = [one["state"] for one in content["presets"] if one["label"].startswith(preset)][:1]
    check_state(state, content["sliders"])
    page.wait_for_function(
        """([selector, state]) => Object.entries(state).every(([name, value]) =>
          Number(document.querySelector(`${selector} input[name="${name}"]`).value) === value)""",
        arg=[figure, state],
        timeout=PATIENCE,
    )


def test_the_tour_ends_where_the_reader_ends_it(look_at):
    seen = look_at("book/scorecard", "?tour=7")
    seen.page.click("text=End the tour")
    assert not seen.page.query_selector(".lrm-tour")
    assert "tour" not in seen.page.url


@pytest.mark.parametrize("address", ["", "?tour=0", "?tour=3", "?tour=99", "?tour=x"])
def test_an_address_without_a_stop_here_shows_none(look_at, address):
    assert not look_at("book/scorecard", address).page.query_selector(".lrm-tour")


def test_a_page_names_itself_to_machines(look_at):
    page = look_at("notebooks/04_band_correction").page
    said = page.evaluate(
        """Object.fromEntries([...document.querySelectorAll("head meta")].map(
          (tag) => [tag.getAttribute("property") ?? tag.name, tag.content]))"""
    )
    assert said["og:title"] == "Correcting one band"
    assert said["citation_publication_date"] == "2026"
    article = page.evaluate("document.querySelector('.bd-article').textContent")
    assert said["og:description"][:40] in " ".join(article.split())


def test_the_first_page_leads_to_a_chapter_that_rebuilds_a_picture(look_at):
    seen, stage = look_at("book/index"), "document.querySelector('.lrm-own').dataset.stage"
    seen.page.get_by_role("link", name="Try your own picture").click()
    seen.page.wait_for_url("**/notebooks/14_own_picture.html#own-picture")
    assert seen.page.locator("#own-picture").count() == 1
    seen.page.locator(".lrm-own-starters button").first.click()
    seen.page.wait_for_function(f"['done', 'fault'].includes({stage})", timeout=PATIENCE)
    assert seen.value(stage) == "done"
    turning = "document.querySelector('.lrm-own .lrm-viewer')?.dataset.firstPicture"
    seen.page.wait_for_function(turning, timeout=PATIENCE)
