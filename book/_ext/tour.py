"""Three minutes through the argument: each stop of `book/tour.yml` shows pictures of the page, and says what to see.

`tour.js` shows the stop that the address asks for (?tour=3). Every page with a stop knows all of them, so that no
server is needed.
"""

import json

import yaml
from sphinx.application import Sphinx
from stored_numbers import NUMBERS, chosen_profile

from lrm_core.paths import repository_root


def stops() -> list[dict[str, str]]:
    """Every stop, in order.

    Each has its `page`, the selector of what is `shown` there, and the `text`, whose {names} are those of stored
    numbers; perhaps the kind of the explorable that computes it `live`, and how the label of its `preset` begins.
    """
    path = repository_root() / "book" / "tour.yml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def filled(text: str, profile: str) -> str:
    """A text with stored numbers in the place of their names.

    Raises:
        KeyError: if a name is unknown.
    """
    for name in {part.split("}")[0] for part in text.split("{")[1:]}:
        number = NUMBERS[name](profile)
        text = text.replace(f"{{{name}}}", number.lower() if name.endswith(".verdict") else number)
    return text


def stops_from(page: str, app: Sphinx, profile: str) -> list[dict[str, object]]:
    """The stops for `tour.js`, with addresses as seen from a page and the stored numbers of a profile."""
    return [
        {
            "address": app.builder.get_relative_uri(page, stop["page"]),
            "here": stop["page"] == page,
            "shown": stop["shown"],
            "live": stop.get("live", ""),
            "preset": stop.get("preset", ""),
            "text": filled(stop["text"], profile),
        }
        for stop in stops()
    ]


def _add_stops(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    if page in {stop["page"] for stop in stops()}:
        known = json.dumps(stops_from(page, app, chosen_profile()))
        app.add_js_file(None, body=f"const LRM_TOUR = {known};", priority=400)
        app.add_js_file("tour.js", loading_method="defer")


def setup(app: Sphinx) -> dict:
    """Give the pages with stops the script."""
    app.connect("html-page-context", _add_stops)
    return {"parallel_read_safe": True}
