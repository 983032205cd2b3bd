"""Where the computed text of a chapter comes from, and how a page says so."""

import re
from html import unescape

import pandas as pd
import pytest

from lrm_core.page import chapter as page
from lrm_core.page.chapter import of_records, origin

COLUMNS = ["experiment", "object", "seed", "provenance.profile", "provenance.revision"]
ONE = pd.DataFrame([("e05", "chair", 0, "mini", "abc")], columns=COLUMNS)
MANY = pd.DataFrame(
    [("e05", name, seed, "mini", f"r{seed}") for name in ("chair", "lamp") for seed in (1, 0)],
    columns=COLUMNS,
)


@pytest.fixture
def shown(monkeypatch) -> list:
    """What the functions of a chapter display."""
    seen = []
    monkeypatch.setattr(page, "display", lambda part: seen.append(part.data))
    return seen


def test_records_say_folder_objects_seeds_and_revisions():
    assert of_records(ONE) == ("from the records in data/results/mini/e05 (1 object, seed 0, code revision abc)")
    assert of_records(MANY) == (
        "from the records in data/results/mini/e05 (2 objects, seeds 0, 1, code revisions r0, r1)"
    )


def test_records_of_two_experiments_are_told_apart():
    both = of_records(pd.concat([ONE, MANY.assign(experiment="e09")]))
    assert both.split("; ") == [of_records(ONE), of_records(MANY).replace("e05", "e09")]


def test_a_table_of_sentences_reads_from_the_left(shown):
    for words in ("12.5 dB", "a sentence that goes on for more than fifty characters"):
        page.show_table(pd.DataFrame({"a": [words]}), "counted")
    assert [' words"' in html for html in shown] == [False, True]


def test_text_with_a_source_can_be_pointed_at_and_reached_by_key(shown):
    page.show_text("It is **1.5**.", ONE)
    (text,) = shown
    about = re.search(r'^<div class="lrm-computed" tabindex="0" .* title="(.*)">\n\nIt is', text)
    assert about[1] == origin(ONE)
    page.show_table(pd.DataFrame({"a": ["1"]}), 'a "quoted" source')
    assert unescape(re.search(r'title="(.*)"', shown[1])[1]).endswith('a "quoted" source.')


def test_what_is_published_gets_no_source_of_ours(shown):
    page.show_text("Published: 1.5.")
    page.show_table(pd.DataFrame({"published": ["1.5"]}))
    assert not any("lrm-computed" in part for part in shown)
