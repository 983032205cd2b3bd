"""Chapters that tell a finding: declarations, sentences and rules on the stored records, without a model."""

import base64
import io
import re
from functools import cache

import pandas as pd
import pytest
import torch

from lrm_core.findings import c02, c04, c05, prose, quality, renderer
from lrm_core.findings.figures import Pairs, Pictures, window
from lrm_core.findings.finding import said, sections, told
from lrm_core.findings.verdicts import FINDINGS as CLAIMS
from lrm_core.findings.verdicts import experiment_table, told_wrong
from lrm_core.page import findings
from lrm_core.page.elements import drawn
from lrm_core.page.finding_page import source_links
from lrm_core.paths import repository_root
from lrm_core.profiles import get_profile
from lrm_core.records.statistics import interval_of, per_object

ARMS = ("C10", "C11", "C12", "C13", "C14")
FINDINGS = CLAIMS | {"quality": quality.FINDING, "renderer": renderer.FINDING}
FIGURES = [(claim, name) for claim, of in FINDINGS.items() for name in of.figures]
GROUPS = {folder.name: folder.parent.name for folder in get_profile("mini").object_folders()}


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    """The completed table of each finding."""
    read = cache(experiment_table)
    stored = {
        claim: {name: read(name, "cycles" if claim == "renderer" else "mini") for name in (of.experiment, *of.beside)}
        for claim, of in FINDINGS.items()
    }
    wrong = told_wrong(stored["C10"]["e14_finetuning"], "mini")
    for claim in ARMS:
        stored[claim]["e14_finetuning"] = wrong
    return {claim: of.completed(stored[claim].pop(of.experiment), stored[claim]) for claim, of in FINDINGS.items()}


@pytest.mark.parametrize(("claim", "name"), FIGURES)
def test_declarations_are_drawn_described_and_give_their_data(tables, claim, name):
    declared, table = FINDINGS[claim].figures[name], tables[claim]
    if isinstance(declared, Pictures):
        assert callable(declared.function)
        return
    figure = drawn.draw(declared, table, dict.fromkeys(table["object"], "real") | GROUPS, {}, "It says so.")
    assert figure.layout.meta["alt"].startswith("It says so. ")
    assert "nan" not in figure.layout.meta["alt"]
    data = prose.figure_data(figure)
    assert len(data) >= 4
    if isinstance(declared, Pairs):
        chosen = data[data["series"] == "object"].set_index("label")
        pd.testing.assert_series_equal(chosen["x"], per_object(table, declared.x), check_names=False)


@pytest.mark.parametrize("claim", FINDINGS)
def test_every_section_is_filled_whatever_the_outcome(tables, claim):
    for name in sections(claim):
        text = told(FINDINGS[claim], name, tables[claim])
        assert not re.search(r"\{[a-z]", text)
        assert "nan" not in text
    figures = {name.split(":")[0].removeprefix("figure ") for name in sections(claim) if name.startswith("figure")}
    assert figures - {"nine"} == set(FINDINGS[claim].figures), "the nine objects are shown by a function of their own"


@pytest.mark.parametrize("claim", [*FINDINGS, "one_wrong_number"])
def test_no_number_of_ours_is_typed_into_a_text(claim):
    text = (repository_root() / "lrm_core/findings/texts" / f"{claim}.md").read_text()
    assert not re.findall(r"\d", re.sub(r"\{[^}]*\}|`A\d+`|95% interval|\bL1\b|C\d+|\]\([^)]*\)", "", text))


def test_a_field_that_nobody_fills_is_named(tables, monkeypatch):
    monkeypatch.setitem(sections("C2"), "broken", "Here {no.such.column:%}.")
    with pytest.raises(ValueError, match=r"broken: no column and no fact 'no.such.column'"):
        told(c02.FINDING, "broken", tables["C2"])
    with pytest.raises(ValueError, match="no section 'none'"):
        told(c02.FINDING, "none", tables["C2"])


def test_fields_are_written_as_they_say(tables):
    mean = interval_of(tables["C4"], c04.LOW["truth"])
    assert said(mean, "%i") == f"{100 * mean.estimate:.0f}% [{100 * mean.low:.0f}, {100 * mean.high:.0f}]"
    assert (said(mean, "%"), said(mean, ".1f")) == (prose.percent(mean.estimate), f"{mean.estimate:.1f}")
    assert said([0.15, 0.173], "%") == "15–17%"
    assert said("19 of 24", "") == "19 of 24"


def test_the_residual_is_judged_by_both_oracles(tables):
    table = tables["C2"]
    assert c02.FINDING.outcome(table) == "depends"
    words = findings.verdict_words(c02.FINDING, table)
    assert all(f"By the {oracle}: " in words for oracle in c02.ORACLES.values())
    html = findings.cases_html(c02.FINDING, table)
    assert html.count("decides") == 2
    assert 'title="floor.high &gt; 0.5"' in html


@pytest.mark.parametrize("claim", CLAIMS)
def test_every_comparison_of_a_rule_reads_a_column_and_is_shown_as_code(tables, claim):
    for rule in (FINDINGS[claim].rule, *FINDINGS[claim].judged.values()):
        for case in rule.cases:
            for condition in case.conditions:
                alone = [one for part in getattr(condition, "parts", ([condition],)) for one in part]
                assert condition.code
                assert all(one.column in tables[claim] for one in alone)


def test_links_lead_to_functions_that_compute_and_draw_and_to_the_declaration(tables):
    for claim, name in FIGURES:
        links = re.findall(r'href="\.\./([\w/.]+)#L(\d+)"', source_links(FINDINGS[claim], name))
        lines = [(repository_root() / path).read_text().splitlines()[int(line) - 1] for path, line in links]
        assert f'"{name}": ' in lines[-1]
        assert len(lines) > 2
        assert all(line.strip().startswith(("def ", "@")) for line in lines[:-1])


def test_the_published_tables_give_the_ratios_of_audit_a4():
    assert c05.published_ratios() == pytest.approx({"stone": 162, "office": 25}, rel=0.01)
    mixture, power = c05.flat_ratios()
    assert 0.5 < power < 2 < mixture


def test_a_near_miss_is_one_whose_mean_satisfies_what_the_interval_misses(tables):
    table, margin = tables["C4"], c04.MARGIN["reference"]
    assert "a near miss, since the interval of the coarse band's lead" in findings.verdict_words(c04.FINDING, table)
    far = findings.verdict_words(c04.FINDING, table.assign(**{margin: -table[margin]}))
    assert "near miss" not in far
    assert "since the interval" in far


def test_a_window_is_the_least_square_around_an_object_and_stays_in_the_picture():
    occupied = torch.zeros(64, 64, dtype=torch.bool)
    occupied[10:20, 30:50] = True
    rows, columns = window(occupied)
    assert (rows.stop - rows.start, columns.stop - columns.start) == (27, 27)
    assert occupied[rows, columns].sum() == occupied.sum()
    occupied[0, 0] = True
    assert window(occupied, margin=40) == (slice(0, 64), slice(0, 64))
    assert window(torch.zeros(8, 8, dtype=torch.bool)) == (slice(None), slice(None))


@pytest.mark.parametrize(
    ("value", "text"), [(-0.125, "−0.12"), (-0.001, "0.00"), (1.0, "1.00"), (None, "–"), (float("nan"), "–")]
)
def test_numbers_are_written_with_a_typographic_minus(value, text):
    assert prose.number(value) == text


def test_the_csv_link_holds_the_table_itself():
    table = pd.DataFrame({"x": [1.5, None], "y": ["a", "b"]})
    link = prose.csv_link(table, "name", "Data <here>")
    content = base64.b64decode(re.search(r"base64,([^\"]+)", link).group(1)).decode()
    pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(content)), table)
    assert "Data &lt;here&gt;" in link
