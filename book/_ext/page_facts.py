"""What a page says of itself: how long it takes to read, and in its head title, description and authors."""

from html import escape

import yaml
from docutils import nodes
from sphinx.application import Sphinx

from lrm_core.paths import repository_root

WORDS_A_MINUTE = 200


def minutes(words: int) -> int:
    """Minutes that it takes to read, at least one."""
    return max(1, round(words / WORDS_A_MINUTE))


def head_tags(title: str, description: str, cited: dict, year: str) -> str:
    """Open Graph and citation tags.

    Args:
        title, description: of the page.
        cited: `CITATION.cff`.
        year: of publication.
    """
    by_property = {
        "og:type": "article",
        "og:site_name": cited["title"],
        "og:title": title,
        "og:description": description,
    }
    by_name = {
        "description": description,
        "citation_title": cited["title"],
        "citation_publication_date": year,
        "citation_keywords": "; ".join(cited["keywords"]),
    }
    tags = [_tag("property", *each) for each in by_property.items()]
    tags += [_tag("name", *each) for each in by_name.items()]
    return "\n".join([*tags, *(_tag("name", "citation_author", author["name"]) for author in cited["authors"])])


def _tag(kind: str, name: str, content: str) -> str:
    return f'<meta {kind}="{name}" content="{escape(content, quote=True)}" />'


def _add_facts(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    """Pages that Sphinx makes by itself, such as the search, have no text of their own."""
    if doctree is None:
        return
    paragraphs = [part.astext() for part in doctree.findall(nodes.paragraph)]
    time = minutes(sum(len(text.split()) for text in paragraphs))
    line = f'<p class="lrm-reading">{time} minute{"s" if time > 1 else ""}</p>'
    context["body"] = context["body"].replace("</h1>", f"</h1>\n{line}", 1)
    cited = yaml.safe_load((repository_root() / "CITATION.cff").read_text(encoding="utf-8"))
    description = " ".join(paragraphs[0].split()) if paragraphs else context["title"]
    context["metatags"] += head_tags(context["title"], description, cited, app.config.copyright)


def setup(app: Sphinx) -> dict:
    """Register what is added to every page of ours."""
    app.connect("html-page-context", _add_facts)
    return {"parallel_read_safe": True}
