"""The directive {scorecard}: every claim with its published number, ours, and the verdict, from the results store.

`scorecard.js` adds buttons that show the claims of one verdict only.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isnan
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from stored_numbers import chosen_profile

from lrm_core.findings import ladder
from lrm_core.findings.cause import causes
from lrm_core.findings.claims import HEADLINES, written
from lrm_core.findings.verdicts import verdicts
from lrm_core.findings.wrong_number import moved
from lrm_core.page.findings import CONDITION, NEARLY, TRUTH, UNDECIDED, conditions, told_words, with_interval

CLAIM, OURS, AUDITED = "claim, and the number compared", "ours [95% interval]", "audited [95% interval]"
DISTANCE, LADDER = "what the wrong distance does", "as models get better"
SHORT = {TRUTH: "told true", NEARLY: "told nearly true", CONDITION: "told wrong"}  # distances
NO_MODELS = "not measured"
Cells = Sequence[Sequence[nodes.Node]]
CHAPTERS = {
    "C1": "01_basins",
    "C2": "02_residual_spectrum",
    "C3": "03_decoder_response",
    "C4": "04_band_correction",
    "C5": "04_band_correction",
    "C6": "05_inside_the_low_band",
    "C7": "07_where_the_error_lies",
    "C8": "06_jacobian_and_calibration",
    "C9": "09_test_time_optimisation",
    "C10": "10_lora_freqloss",
    "C11": "11_rank_ablation",
    "C12": "11_rank_ablation",
    "C13": "12_full_fine_tuning",
    "C14": "11_rank_ablation",
}


class Scorecard(SphinxDirective):
    """Table of all claims, each with a link to its chapter."""

    def run(self) -> list[nodes.Node]:
        """Build the table from `lrm_core.findings.verdicts`."""
        names = dict(reversed(conditions(chosen_profile()).items()))
        tables = {series: verdicts(name).set_index("claim", drop=False) for series, name in names.items()}
        causes_of = {found.claim: found for found in causes(chosen_profile())} if CONDITION in names else {}
        quality = {claim: ladder.trend(claim).answer for claim in ladder.CLAIMS}
        header = [CLAIM, "verdict", "published", OURS, AUDITED, *([DISTANCE] if causes_of else []), LADDER]
        body = []
        for claim in tables[TRUTH].index:
            rows = {series: table.loc[claim] for series, table in tables.items()}
            link = claim_link(rows[TRUTH], self.env.docname)
            answers = [moved(causes_of[claim], rows[CONDITION])] if causes_of else []
            answers.append(quality.get(claim, NO_MODELS))
            cells = [paragraphs(lines) for lines in (*scores(rows), *([answer] for answer in answers))]
            body.append([[nodes.paragraph("", "", link), *paragraphs([rows[TRUTH].quantity])], *cells])
        return [table("scorecard", [paragraphs([name]) for name in header], body)]


def claim_link(row: Any, page: str) -> nodes.Node:
    """Id and title of a claim on a page, linked where it has a chapter."""
    words = nodes.inline(text=f"{row.claim} {row.title}")
    if row.claim not in CHAPTERS:
        return words
    target = {"reftype": "doc", "refdomain": "std", "reftarget": f"/notebooks/{CHAPTERS[row.claim]}"}
    return pending_xref("", words, refdoc=page, refexplicit=True, refwarn=True, **target)


def scores(rows: Mapping[str, Any]) -> list[list[str]]:
    """Verdict, published number, ours and the audited one of a claim as lines of text.

    Args:
        rows: of `verdicts`, by what the encoder was told; what was not measured there is left out if the truth was.
    """
    truth = rows[TRUTH]
    known = {series: row for series, row in rows.items() if row.verdict not in UNDECIDED} or {TRUTH: truth}
    verdict, *others = dict.fromkeys(row.verdict for row in known.values())
    return [
        [verdict, *(f"{SHORT[told_words(truth.claim, TRUTH)]}: {other}" for other in others)],
        [written(truth.claim, truth.published)],
        _by_condition(_ours, known, rows),
        [*_by_condition(_audited, known, rows), *filter(None, [audited_words(truth)])],
    ]


def _by_condition(number_of: Callable[[Any], str], known: Mapping[str, Any], rows: Mapping[str, Any]) -> list[str]:
    """A number in each condition, which is named unless all of them have the same."""
    numbers = {series: number_of(row) for series, row in known.items()}
    if len(numbers) == len(rows) and len(set(numbers.values())) == 1:
        return [next(iter(numbers.values()))]
    return [f"{SHORT[told_words(known[series].claim, series)]} {value}" for series, value in numbers.items()]


def _ours(row: Any) -> str:
    return with_interval(row.claim, row.ours_published_definition, row.ours_low, row.ours_high)


def _audited(row: Any) -> str:
    return with_interval(row.claim, row.audited, row.low, row.high)


def paragraphs(lines: Iterable[str]) -> list[nodes.Node]:
    """Lines of a cell."""
    return [nodes.paragraph(text=line) for line in lines]


def audited_words(row: Any) -> str:
    """In what the audited number of a claim is another one than the published; empty without an audited number."""
    return "" if isnan(row.audited) else HEADLINES[row.claim].audited


def table(kind: str, head: Cells, body: Iterable[Cells]) -> nodes.table:
    """A table of some class, by what stands in each cell."""
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in head), cols=len(head))
    group += nodes.thead("", _row(head))
    group += nodes.tbody("", *map(_row, body))
    return nodes.table("", group, classes=[kind])


def _row(cells: Cells) -> nodes.row:
    return nodes.row("", *(nodes.entry("", *cell) for cell in cells))


def setup(app: Sphinx) -> dict:
    """Register the directive and the script of its buttons."""
    app.add_directive("scorecard", Scorecard)
    app.add_js_file("scorecard.js", loading_method="defer")
    return {"parallel_read_safe": True}
