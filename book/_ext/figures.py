"""Numbers the figures of a chapter, gives each an address, and links to pages of the sources."""

import re
from collections.abc import Iterator
from functools import partial
from html import escape
from itertools import count
from pathlib import PurePosixPath

from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from sphinx.application import Sphinx

from lrm_core.paths import repository_root

CAPTION = re.compile(r'<div class="lrm-caption" data-name="(?P<name>[^"]*)"><p>')
LOCAL = re.compile(r'href="(?P<page>(?:\.\./book/)?\w+)\.(?:md|ipynb)(?P<at>#[^"]*)?"')  # in computed text
IMPORTED = re.compile(r'<span class="nn">(?P<module>lrm_core[\w.]*)</span>')
SOURCE = re.compile(r'href="\.\./(?P<module>lrm_core/[\w/]+)\.py#L(?P<line>\d+)"')


def numbered(body: str, chapter: str) -> str:
    """The HTML of a page with its captions numbered; `chapter` names its notebook, such as "04_band_correction"."""
    found = count(1)

    def complete(caption: re.Match) -> str:
        return (
            f'<div class="lrm-caption" id="figure-{escape(caption["name"])}"><p><strong>Figure '
            f"{int(chapter[:2])}.{next(found)}.</strong> "
        )

    return CAPTION.sub(complete, body)


def _complete(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    if page.startswith("notebooks/"):
        chapter = PurePosixPath(page).name
        body = LOCAL.sub(r'href="\g<page>.html\g<at>"', numbered(context["body"], chapter))
        app.lrm_sources = getattr(app, "lrm_sources", set()) | {found["module"] for found in SOURCE.finditer(body)}
        context["body"] = SOURCE.sub(r'href="../source/\g<module>.html#L-\g<line>"', body)


def _sources(app: Sphinx) -> Iterator[tuple[str, dict, str]]:
    """A page for every module that a figure links to and for what those import, each line with an address."""
    look = HtmlFormatter(lineanchors="L", linenos="inline", cssclass="highlight lrm-source", wrapcode=True)
    named = getattr(app, "lrm_sources", set())
    shown = named | {imported for module in named for imported in _imports(module)}

    def link(module: str, found: re.Match) -> str:
        path = found["module"].replace(".", "/")
        return f'<a href="{"../" * module.count("/")}{path}.html">{found[0]}</a>' if path in shown else found[0]

    for module in sorted(shown):
        code = IMPORTED.sub(partial(link, module), highlight(_code(module), PythonLexer(), look))
        body = f"<h1>{PurePosixPath(module).name}.py</h1>{code}"
        yield f"source/{module}", {"title": f"{module}.py", "body": body}, "page.html"


def _code(module: str) -> str:
    return (repository_root() / f"{module}.py").read_text(encoding="utf-8")


def _imports(module: str) -> Iterator[str]:
    """The modules of the library that one imports from."""
    for name in re.findall(r"^from (lrm_core[\w.]*) import", _code(module), re.MULTILINE):
        path = name.replace(".", "/")
        if (repository_root() / f"{path}.py").exists():
            yield path


def setup(app: Sphinx) -> dict:
    """Register what completes the captions, and the pages that they link to."""
    app.connect("html-page-context", _complete)
    app.connect("html-collect-pages", _sources)
    return {"parallel_read_safe": True}
