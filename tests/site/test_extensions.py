"""The Sphinx extensions of the book: stored numbers, pictures, and what is taken out of a page."""

import importlib.util
import re
import xml.etree.ElementTree as ElementTree
from math import nan
from types import SimpleNamespace

import pandas as pd
import pytest

from lrm_core.findings.prose import figure_caption
from lrm_core.findings.verdicts import RULES
from lrm_core.paths import repository_root
from lrm_core.pdf import reading_order

PAGES = sorted((repository_root() / "book").glob("*.md"))


@pytest.fixture(autouse=True)
def extensions_on_path(monkeypatch):
    """As Sphinx has it, so that one extension can use another."""
    monkeypatch.syspath_prepend(repository_root() / "book" / "_ext")


def _extension(name: str):
    spec = importlib.util.spec_from_file_location(name, repository_root() / "book" / "_ext" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def numbers():
    """The extension that reads stored numbers."""
    return _extension("stored_numbers")


@pytest.fixture
def inliner():
    """What docutils hands to a role, reduced to its complaints."""
    complaints = []
    reporter = SimpleNamespace(error=lambda text, line: complaints.append(text) or text)
    return SimpleNamespace(reporter=reporter, complaints=complaints, problematic=lambda raw, text, message: raw)


def test_every_number_of_the_registry_can_be_read(numbers, inliner):
    for name in numbers.NUMBERS:
        (node,), messages = numbers.stored("stored", "", name, 1, inliner)
        assert node.astext()
        assert messages == []


def test_the_pages_ask_for_known_names_only(numbers):
    asked = [name for page in PAGES for name in re.findall(r"{stored}`([^`]*)`", page.read_text())]
    assert len(asked) > len(PAGES)
    assert set(asked) <= set(numbers.NUMBERS)


def test_an_unknown_name_is_an_error_that_lists_the_known_ones(numbers, inliner):
    _, messages = numbers.stored("stored", "raw", "c2.publshed.high", 7, inliner)
    assert messages == inliner.complaints
    assert "'c2.publshed.high'" in messages[0]
    assert "c2.published.high" in messages[0]


def _row(verdict: str = "replicated", **numbers: float) -> SimpleNamespace:
    """A row of the scorecard in which nothing was measured but what is given."""
    names = ("ours_published_definition", "ours_low", "ours_high", "audited", "low", "high")
    unknown = dict.fromkeys(names, nan)
    return SimpleNamespace(claim="C1", published=-0.005, verdict=verdict, **unknown | numbers)


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [
        ((0.5, -0.25, 0.75), "0.50 [−0.25, 0.75]"),
        ((32.0, 16.0, 32.0), "32 [16, 32]"),
        ((0.125, 0.125, 0.125), "0.12"),
        ((nan, nan, nan), "–"),
    ],
)
def test_a_score_shows_its_interval_where_it_has_one(numbers, shown):
    row = _row(**dict(zip(("audited", "low", "high"), numbers, strict=True)))
    found = _extension("scorecard").scores({"told the truth": row})
    assert found[:3] == [["replicated"], ["−0.0050"], ["–"]]
    assert found[3][0] == shown


def test_both_conditions_stand_under_each_other_and_the_published_one_decides():
    truth = _row("not replicated", ours_published_definition=0.4, ours_low=0.3, ours_high=0.5)
    condition = _row("replicated", ours_published_definition=0.6, ours_low=0.5, ours_high=0.7)
    scores = _extension("scorecard").scores
    verdict, _, ours, _ = scores({"told as published": condition, "told the truth": truth})
    assert verdict == ["replicated", "told true: not replicated"]
    assert ours == ["told wrong 0.60 [0.50, 0.70]", "told true 0.40 [0.30, 0.50]"]
    unknown = _row("not measured yet")
    verdict, _, ours, _ = scores({"told as published": unknown, "told the truth": truth})
    assert verdict == ["not replicated"]
    assert ours == ["told true 0.40 [0.30, 0.50]"]


@pytest.mark.parametrize("name", ["cameras", "planes", "bands", "units"])
def test_a_picture_is_well_formed_and_stays_inside_its_frame(name):
    picture = ElementTree.fromstring(_extension("pictures").PICTURES[name]())
    _, _, width, height = map(float, picture.get("viewBox").split())
    for part in picture:
        for coordinate, limit in (("x", width), ("cx", width), ("y", height), ("cy", height)):
            assert 0 <= float(part.get(coordinate, 0)) <= limit


def test_a_number_says_where_it_comes_from(numbers, inliner):
    (node,), _ = numbers.stored("stored", "", "c4.verdict", 1, inliner)
    assert node["origin"] == "From the records in data/results/mini/e08_band_correction"
    assert numbers.origin("c4.published.low", "mini") == "Claim C4 as published, in data/claims.json"
    assert numbers.origin("camera.focal", "smoke") == "Counted or set by the code, profile smoke"


def test_the_tour_says_stored_numbers_and_stays_within_the_book(numbers):
    tour = _extension("tour")
    for stop in tour.stops():
        assert stop["page"] in reading_order()
        assert "{" not in tour.filled(stop["text"], "mini")
    assert not re.findall(r"\d+%", " ".join(stop["text"] for stop in tour.stops()))
    with pytest.raises(KeyError, match="nowhere"):
        tour.filled("{nowhere}", "mini")


def test_captions_are_numbered_in_order():
    figures = _extension("figures")
    captions = [figure_caption(f"It < {name}.", name, pd.DataFrame({"x": [1]})) for name in ("one", "two")]
    body = figures.numbered(f"<p>before</p>{captions[0]}<p>between</p>{captions[1]}", "04_band_correction")
    page = ElementTree.fromstring(f"<body>{body}</body>")
    found = {div.get("id"): " ".join(div.itertext()) for div in page.iter("div")}
    assert list(found) == ["figure-one", "figure-two"]
    assert found["figure-two"].startswith("Figure 4.2.  It < two.")
    assert [link.get("download") for link in page.iter("a")] == ["one.csv", "two.csv"]


def test_links_of_computed_text_lead_to_pages():
    context = {"body": '<a href="08_source_distance.ipynb">a</a> <a href="../book/audit.md#a3">b</a>'}
    _extension("figures")._complete(None, "notebooks/02_residual_spectrum", "page.html", context, None)
    for target in ("08_source_distance.html", "../book/audit.html#a3"):
        assert f'href="{target}"' in context["body"]


def test_names_of_the_library_lead_to_where_they_are_defined(tmp_path):
    """From figures, from the cells of a chapter, through packages and modules, and never from another's attribute."""
    sources = _extension("sources")
    pages = {name: page["body"] for name, page, _ in sources._pages(SimpleNamespace(outdir=tmp_path))}
    before = pages["source/lrm_core/spectral/bands"].partition('<span class="nf">split_bands</span>')[0]
    bands = "source/lrm_core/spectral/bands.html#" + re.findall(r'id="(L-[0-9]+)"', before)[-1]

    chapter = repository_root() / "notebooks/02_residual_spectrum.ipynb"
    app = SimpleNamespace(env=SimpleNamespace(doc2path=lambda page: chapter))
    used = '<span class="n">split_bands</span><span class="p">('
    context = {"body": f'<a href="../lrm_core/findings/c02.py#L30">c02.py</a> {used} x<span class="o">.</span>{used}'}
    sources._complete(app, "notebooks/02_residual_spectrum", "page.html", context, None)
    assert 'href="../source/lrm_core/findings/c02.html#L-30"' in context["body"]
    assert context["body"].count(f'href="../{bands}"') == 1

    assert 'href="../../../source/lrm_core/findings/claims.html#L-' in pages["source/lrm_core/findings/c02"]


def test_the_chinese_summary_has_a_word_for_every_verdict_and_is_short(numbers):
    said = {case.verdict for rule in RULES.values() for case in rule.cases}
    assert said <= set(numbers.CHINESE)
    text = (repository_root() / "book/summary_zh.md").read_text(encoding="utf-8").partition("| 主张")[0]
    filled = re.sub(r"\{stored\}`([^`]+)`", lambda field: numbers.NUMBERS[field[1]]("mini"), text)
    assert len(re.sub(r"<[^>]*>|\]\([^)]*\)|[\[#*`\s]", "", filled)) <= 500
