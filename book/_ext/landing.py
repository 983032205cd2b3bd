"""The first page: {first-look}, a live reconstruction, and {brief}, every claim with its verdict."""

import os
from typing import Any

from docutils import nodes
from scorecard import audited_words, claim_link, scores
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from lrm_core.evidence import verdicts
from lrm_core.show.findings import stored_finding
from lrm_core.show.model.first_look import first_look


class FirstLook(SphinxDirective):
    """One picture and what the model makes of it."""

    def run(self) -> list[nodes.Node]:
        """The viewer as HTML."""
        return [nodes.raw("", first_look(), format="html")]


class Brief(SphinxDirective):
    """A list of claims: name, verdict, the two numbers, and what we find in words."""

    def run(self) -> list[nodes.Node]:
        """One item for each row of `lrm_core.evidence.verdicts`."""
        profile = os.environ.get("LRM_PROFILE", "mini")
        rows = verdicts(profile=profile).itertuples()
        items = (
            nodes.list_item("", *self._item(row, profile), classes=[row.verdict.replace(" ", "-")])
            for row in rows
        )
        return [nodes.bullet_list("", *items, classes=["brief"])]

    def _item(self, row: Any, profile: str) -> list[nodes.Node]:
        verdict = nodes.inline(text=row.verdict, classes=["verdict"])
        name = nodes.paragraph("", "", claim_link(row, self.env.docname), nodes.Text(" "), verdict)
        _, published, _, audited = scores(row)
        meant = f" ({words})" if (words := audited_words(row)) else ""
        numbers = nodes.paragraph(
            text=f"{row.quantity}: published {published}, here {audited}{meant}", classes=["numbers"]
        )
        opening = nodes.raw("", "<details><summary>What we find</summary>", format="html")
        found = nodes.paragraph(text=stored_finding(row.claim, profile))
        return [name, numbers, opening, found, nodes.raw("", "</details>", format="html")]


def setup(app: Sphinx) -> dict:
    """Register the directives."""
    app.add_directive("first-look", FirstLook)
    app.add_directive("brief", Brief)
    return {"parallel_read_safe": True}
