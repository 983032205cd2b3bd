"""The first page: {answer}, {first-look}, {small-figure} and {forest}, every claim on one scale."""

import os

from docutils import nodes
from scorecard import claim_link
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from lrm_core.page.front.facts import answer
from lrm_core.page.front.figures import FIGURES
from lrm_core.page.front.forest import Line, axis, legend, lines, numbers, strip
from lrm_core.page.front.turning import turning


def _profile() -> str:
    return os.environ.get("LRM_PROFILE", "mini")


def _html(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


class Answer(SphinxDirective):
    """The answer to the title."""

    def run(self) -> list[nodes.Node]:
        """One sentence."""
        return [nodes.paragraph(text=answer(_profile()), classes=["lrm-answer"])]


class FirstLook(SphinxDirective):
    """One object and what the model makes of it, four pictures that turn together."""

    def run(self) -> list[nodes.Node]:
        """The pictures as HTML."""
        return [_html(turning())]


class SmallFigure(SphinxDirective):
    """A small figure by its name in `FIGURES`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The drawing as inline SVG."""
        return [_html(f'<div class="lrm-small">{FIGURES[self.arguments[0]](_profile())}</div>')]


class Forest(SphinxDirective):
    """A table of claims: published and ours as numbers, on one scale, and the verdict in words."""

    def run(self) -> list[nodes.Node]:
        """One row for each claim."""
        shown = lines(_profile())
        words = [[nodes.paragraph(text=name)] for name in ("claim", "published, ours", "verdict")]
        head = _row(*words[:2], [_html(axis())], words[2])
        group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in range(4)), cols=4)
        group += nodes.thead("", head)
        group += nodes.tbody("", *(_row(*self._cells(line)) for line in shown))
        return [
            _html(f'<p class="lrm-legend">{legend(shown)}</p>'),
            nodes.table("", group, classes=["forest"]),
        ]

    def _cells(self, line: Line) -> list[list[nodes.Node]]:
        name = nodes.paragraph("", "", claim_link(line, self.env.docname))
        verdict = nodes.paragraph(text=line.verdict, classes=["verdict"])
        return [
            [name, nodes.paragraph(text=line.quantity)],
            [nodes.paragraph(text=text) for text in numbers(line)],
            [_html(strip(line))],
            [verdict, nodes.paragraph(text=line.why)],
        ]


def _row(*cells: list[nodes.Node]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", *cell) for cell in cells))


def setup(app: Sphinx) -> dict:
    """Register the directives."""
    for name, directive in (
        ("answer", Answer),
        ("first-look", FirstLook),
        ("small-figure", SmallFigure),
        ("forest", Forest),
    ):
        app.add_directive(name, directive)
    return {"parallel_read_safe": True}
