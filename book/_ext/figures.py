"""Numbers the figures of a chapter, gives each an address, and makes the links of computed text lead to pages."""

import re
from html import escape
from itertools import count
from pathlib import PurePosixPath

from docutils import nodes
from sphinx.application import Sphinx

CAPTION = re.compile(r'<div class="lrm-caption" data-name="(?P<name>[^"]*)"><p>')
LOCAL = re.compile(r'href="(?P<page>(?:\.\./book/)?\w+)\.(?:md|ipynb)(?P<at>#[^"]*)?"')  # in computed text


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
        context["body"] = LOCAL.sub(r'href="\g<page>.html\g<at>"', numbered(context["body"], chapter))


def setup(app: Sphinx) -> dict:
    """Register what completes the captions and links."""
    app.connect("html-page-context", _complete)
    return {"parallel_read_safe": True}
