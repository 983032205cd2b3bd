"""Takes out of every page what would need a server: Jupyter Book always adds the Thebe loader."""

from sphinx.application import Sphinx


def _is_thebe(script: object) -> bool:
    body = (getattr(script, "attributes", None) or {}).get("body") or ""
    return "THEBE_JS_URL" in body or "sphinx-thebe" in str(getattr(script, "filename", "") or "")


def _drop_thebe(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    scripts = context.get("script_files", [])
    scripts[:] = [script for script in scripts if not _is_thebe(script)]


def setup(app: Sphinx) -> dict:
    """Register after the theme, which adds its scripts at the default priority of 500."""
    app.connect("html-page-context", _drop_thebe, priority=900)
    return {"parallel_read_safe": True}
