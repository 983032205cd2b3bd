"""The directive {scorecard}: every claim with its published number, ours, and the verdict, from the results store.

`scorecard.js` adds buttons that show the claims of one verdict only.
"""

import os
from math import isnan
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from lrm_core.findings.headlines import HEADLINES
from lrm_core.findings.prose import number
from lrm_core.findings.verdicts import verdicts
from lrm_core.page.front.forest import conditions

CLAIM, AUDITED = "claim, and the number compared", "audited [95% interval]"
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
        tables = {series: verdicts(name) for series, name in conditions(_profile()).items()}
        header = [CLAIM, "verdict", "published", *(f"ours, {series}" for series in tables), AUDITED]
        group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in header), cols=len(header))
        group += nodes.thead("", _row([[nodes.paragraph(text=name)] for name in header]))
        rows = zip(*(table.itertuples() for table in tables.values()), strict=True)
        group += nodes.tbody("", *(_row(self._cells(*of_claim)) for of_claim in rows))
        return [nodes.table("", group, classes=["scorecard"])]

    def _cells(self, row: Any, *others: Any) -> list[list[nodes.Node]]:
        """The row of a claim told the truth, and told otherwise where that was measured."""
        name = claim_link(row, self.env.docname)
        claim = [nodes.paragraph("", "", name), nodes.paragraph(text=row.quantity)]
        cells = [claim, *([nodes.paragraph(text=text)] for text in scores(row))]
        cells[-1:-1] = [[nodes.paragraph(text=_score(other.ours_published_definition))] for other in others]
        if meant := audited_words(row):
            cells[-1].append(nodes.paragraph(text=meant))
        return cells


def _profile() -> str:
    return os.environ.get("LRM_PROFILE", "mini")


def claim_link(row: Any, page: str) -> nodes.Node:
    """Id and title of a claim on a page, linked where it has a chapter."""
    words = nodes.inline(text=f"{row.claim} {row.title}")
    if row.claim not in CHAPTERS:
        return words
    target = {"reftype": "doc", "refdomain": "std", "reftarget": f"/notebooks/{CHAPTERS[row.claim]}"}
    return pending_xref("", words, refdoc=page, refexplicit=True, refwarn=True, **target)


def scores(row: Any) -> list[str]:
    """Verdict and numbers of a claim as text."""
    interval = _score(row.audited)
    if row.low != row.high:  # the same for every object, such as a count of parameters
        interval += f" [{_score(row.low)}, {_score(row.high)}]"
    return [
        row.verdict,
        _score(row.published),
        _score(row.ours_published_definition),
        interval if not isnan(row.audited) else "–",
    ]


def audited_words(row: Any) -> str:
    """In what the audited number of a claim is another one than the published; empty without an audited number."""
    return "" if isnan(row.audited) else HEADLINES[row.claim].audited


def _score(value: float) -> str:
    """A number with two digits behind the point, four where it would be read as nothing, none where it is whole."""
    return number(value, 0 if float(value).is_integer() else 4 if abs(value) < 0.01 else 2)


def _row(cells: list[list[nodes.Node]]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", *cell) for cell in cells))


def setup(app: Sphinx) -> dict:
    """Register the directive and the script of its buttons."""
    app.add_directive("scorecard", Scorecard)
    app.add_js_file("scorecard.js", loading_method="defer")
    return {"parallel_read_safe": True}
