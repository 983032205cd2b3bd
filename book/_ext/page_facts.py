"""What a page says of itself, time to read, title, description and authors; and mends of what others put into it.

The Thebe loader would need a server; and entries of the bibliography carry a role that DPUB-ARIA 1.1 has withdrawn.
"""

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


def _is_thebe(script: object) -> bool:
    body = (getattr(script, "attributes", None) or {}).get("body") or ""
    return "THEBE_JS_URL" in body or "sphinx-thebe" in str(getattr(script, "filename", "") or "")


def _drop_thebe(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    scripts = context.get("script_files", [])
    scripts[:] = [script for script in scripts if not _is_thebe(script)]


def _name_entries(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Entries of a bibliography are items of the list that docutils puts around them."""
    if "body" in context:
        context["body"] = context["body"].replace('role="doc-biblioentry"', 'role="listitem"')


def setup(app: Sphinx) -> dict:
    """Register what is added and taken away; the theme adds its scripts at the default priority of 500."""
    app.connect("html-page-context", _add_facts)
    app.connect("html-page-context", _drop_thebe, priority=900)
    app.connect("html-page-context", _name_entries)
    return {"parallel_read_safe": True}
