"""The first page: {answer}, {first-look}, {small-figure} and {forest}, every claim on one scale."""

from docutils import nodes
from scorecard import claim_link, paragraphs, table
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from stored_numbers import chosen_profile

from lrm_core.page.findings import Line, axis, legend, lines, numbers, strip
from lrm_core.page.front.facts import FIGURES, answer
from lrm_core.page.front.turning import turning


def _html(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


class Answer(SphinxDirective):
    """The answer to the title."""

    def run(self) -> list[nodes.Node]:
        """One sentence."""
        return [nodes.paragraph(text=answer(chosen_profile()), classes=["lrm-answer"])]


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
        return [_html(f'<div class="lrm-small">{FIGURES[self.arguments[0]](chosen_profile())}</div>')]


class Forest(SphinxDirective):
    """A table of claims: published and ours as numbers, on one scale, and the verdict in words."""

    def run(self) -> list[nodes.Node]:
        """One row for each claim."""
        shown = lines(chosen_profile())
        claim, ours, verdict = (paragraphs([name]) for name in ("claim", "published, ours", "verdict"))
        rows = table("forest", [claim, ours, [_html(axis())], verdict], map(self._cells, shown))
        return [_html(f'<p class="lrm-legend">{legend(shown)}</p>'), rows]

    def _cells(self, line: Line) -> list[list[nodes.Node]]:
        name = nodes.paragraph("", "", claim_link(line, self.env.docname))
        verdict = nodes.paragraph(text=line.verdict, classes=["verdict"])
        return [
            [name, nodes.paragraph(text=line.quantity)],
            paragraphs(numbers(line)),
            [_html(strip(line))],
            [verdict, nodes.paragraph(text=line.why)],
        ]


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
