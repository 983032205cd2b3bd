"""Numbers in prose come from stored data: the role {stored}`name`, and the directive {scorecard}.

A name stands for a function of the profile in `NUMBERS`; an unknown name, or data that is missing, is a warning
and thereby an error of the build.
"""

import os
from collections.abc import Callable

from docutils import nodes
from docutils.parsers.rst.states import Inliner
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from lrm_core.evidence.claims import claim, claims


def _percent(value: float) -> str:
    return f"{100 * value:.0f}%"


def _percent_range(values: list[float]) -> str:
    return f"{100 * min(values):.0f}–{_percent(max(values))}"


def _band(index: int) -> list[float]:
    """Published shares of one band, one for each object."""
    published = claim("C2").published
    return [published[name][index] for name in ("stone", "office", "stairs")]


NUMBERS: dict[str, Callable[[str], str]] = {
    "claims": lambda profile: str(len(claims())),
    "source": lambda profile: claims()[0].source,
    "c1.published.distance": lambda profile: f"{claim('C1').published['pred_vs_random']['l1']:.2f}",
    "c1.published.correlation": lambda profile: (
        f"{claim('C1').published['pred_vs_random']['channel_correlation']:.3f}"
    ),
    "c2.published.low": lambda profile: _percent_range(_band(0)),
    "c2.published.high": lambda profile: _percent_range(_band(2)),
}


def stored(
    name: str,
    raw: str,
    text: str,
    line: int,
    inliner: Inliner,
    options: dict | None = None,
    content: list = (),
) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """The stored number of that name as text."""
    try:
        return [nodes.inline(raw, NUMBERS[text](_profile()), classes=["stored"])], []
    except (KeyError, ValueError, FileNotFoundError) as error:
        known = ", ".join(sorted(NUMBERS))
        message = inliner.reporter.error(f"stored number {text!r}: {error}; known names: {known}", line=line)
        return [inliner.problematic(raw, raw, message)], [message]


class Scorecard(SphinxDirective):
    """Table of the claims that were examined: published, ours and verdict."""

    def run(self) -> list[nodes.Node]:
        """Build the table from `lrm_core.evidence.verdicts`."""
        from lrm_core.evidence import verdicts

        table = verdicts(profile=_profile())
        header = [name.replace("_", " ") for name in table.columns]
        rows = [[str(value) for value in row] for row in table.itertuples(index=False)]
        return [_table(header, rows)]


def _table(header: list[str], rows: list[list[str]]) -> nodes.table:
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in header), cols=len(header))
    group += nodes.thead("", _row(header))
    group += nodes.tbody("", *(_row(row) for row in rows))
    return nodes.table("", group, classes=["scorecard"])


def _row(cells: list[str]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", nodes.paragraph(text=cell)) for cell in cells))


def _profile() -> str:
    return os.environ.get("LRM_PROFILE", "mini")


def setup(app: Sphinx) -> dict:
    """Register the role and the directive; pages are read again whenever the profile or the data changed."""
    app.add_role("stored", stored)
    app.add_directive("scorecard", Scorecard)
    return {"parallel_read_safe": True}
