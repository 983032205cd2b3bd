"""Numbers the figures of a chapter, gives each an address, and says under it how it is made again."""

import os
import re
from collections.abc import Iterator
from html import escape
from pathlib import PurePosixPath

from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from scorecard import CHAPTERS
from sphinx.application import Sphinx

from lrm_core.findings.rulebook import RULES
from lrm_core.paths import repository_root

CAPTION = re.compile(
    r'<div class="lrm-caption" data-name="(?P<name>[^"]*)"><p>(?P<text>.*?)</div>', re.DOTALL
)

SOURCE = re.compile(r'href="\.\./(?P<module>lrm_core/[\w/]+)\.py#L(?P<line>\d+)"')


def numbered(body: str, chapter: str, profile: str) -> str:
    """The HTML of a page with its captions numbered and completed.

    Args:
        chapter: name of its notebook, such as "04_band_correction".
        profile: that the book is built for.
    """
    found = iter(range(1, body.count('<div class="lrm-caption"') + 1))
    again = reproduction(chapter, profile)

    def complete(caption: re.Match) -> str:
        after = "" if "lrm-sources" in caption["text"] else again
        return (
            f'<div class="lrm-caption" id="figure-{escape(caption["name"])}"><p><strong>Figure '
            f"{int(chapter[:2])}.{next(found)}.</strong> {caption['text']}{after}</div>"
        )

    return CAPTION.sub(complete, body)


def reproduction(chapter: str, profile: str) -> str:
    """The command that makes the figures of a chapter again, and where their numbers are, as HTML."""
    experiments = sorted({RULES[claim].experiment for claim, name in CHAPTERS.items() if name == chapter})
    folders = ", ".join(f"<code>data/results/{profile}/{name}</code>" for name in experiments)
    rests = f"<p>It rests on the records in {folders}.</p>" if folders else ""
    command = f".venv/bin/lrm reproduce --profile {profile} --notebook {chapter[:2]}"
    return f"<details><summary>Reproduce this figure</summary><pre>{command}</pre>{rests}</details>"


def _complete(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    if page.startswith("notebooks/"):
        chapter = PurePosixPath(page).name
        body = numbered(context["body"], chapter, os.environ.get("LRM_PROFILE", "mini"))
        app.lrm_sources = getattr(app, "lrm_sources", set()) | {
            found["module"] for found in SOURCE.finditer(body)
        }
        context["body"] = SOURCE.sub(r'href="../source/\g<module>.html#L-\g<line>"', body)


def _sources(app: Sphinx) -> Iterator[tuple[str, dict, str]]:
    """A page for every module that a figure links to, each line with an address."""
    look = HtmlFormatter(lineanchors="L", linenos="inline", cssclass="highlight lrm-source", wrapcode=True)
    for module in sorted(getattr(app, "lrm_sources", ())):
        code = (repository_root() / f"{module}.py").read_text(encoding="utf-8")
        body = f"<h1>{PurePosixPath(module).name}.py</h1>{highlight(code, PythonLexer(), look)}"
        yield f"source/{module}", {"title": f"{module}.py", "body": body}, "page.html"


def setup(app: Sphinx) -> dict:
    """Register what completes the captions, and the pages that they link to."""
    app.connect("html-page-context", _complete)
    app.connect("html-collect-pages", _sources)
    return {"parallel_read_safe": True}
