"""Mends what Jupyter Book and docutils put into every page.

The Thebe loader would need a server; and entries of the bibliography carry a role that DPUB-ARIA 1.1 has withdrawn.
"""

from sphinx.application import Sphinx


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
    """Register after the theme, which adds its scripts at the default priority of 500."""
    app.connect("html-page-context", _drop_thebe, priority=900)
    app.connect("html-page-context", _name_entries)
    return {"parallel_read_safe": True}
