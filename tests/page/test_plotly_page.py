"""Plotly figures as elements of a page."""

import json
from html.parser import HTMLParser
from types import SimpleNamespace

import plotly.graph_objects as go
import pytest

from lrm_core.page.plotly_page import PLOTLY_MIME, PlotlyFigure, alternative_text, figure_html


class _Tags(HTMLParser):
    """Start tags with their attributes, and the text inside each script."""

    def __init__(self, html: str):
        super().__init__()
        self.tags, self.scripts = [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] == "script":
            self.scripts.append(data)


def _figure(**layout) -> dict:
    return json.loads(go.Figure(go.Scatter(x=[0, 1], y=[1, 2]), layout=layout).to_json())


def test_the_data_survives_even_when_it_looks_like_markup():
    figure = _figure(title={"text": 'a "quoted" </script><b>title</b>'})
    parsed = _Tags(figure_html(figure))
    assert json.loads(parsed.scripts[0]) == {"data": figure["data"], "layout": figure["layout"]}
    assert parsed.tags[0][1]["aria-label"] == 'a "quoted" </script><b>title</b>'


@pytest.mark.parametrize(("layout", "height"), [({}, "420px"), ({"height": 300}, "300px")])
def test_the_box_has_the_height_of_the_figure(layout, height):
    assert f"height:{height}" in _Tags(figure_html(_figure(**layout))).tags[0][1]["style"]


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        ({"meta": {"alt": "a rising line"}, "title": {"text": "Title"}}, "a rising line"),
        ({"title": {"text": "Title"}}, "Title"),
        ({"title": "Title"}, "Title"),
        ({}, "Interactive figure"),
    ],
)
def test_the_alternative_text_is_the_authors_own_first(layout, text):
    assert alternative_text(layout) == text


def test_scripts_are_asked_for_by_figures_only():
    asked = []
    renderer = SimpleNamespace(add_js_file=lambda key, path, attributes: asked.append(path))
    text = SimpleNamespace(mime_type="text/plain", content="x")
    assert PlotlyFigure.handle_mime(renderer, text, inline=False) is None
    assert asked == []
    figure = SimpleNamespace(mime_type=PLOTLY_MIME, content=_figure())
    (node,) = PlotlyFigure.handle_mime(renderer, figure, inline=False)
    assert "lrm-figure" in node.astext()
    assert asked == ["vendor/plotly.min.js", "figures.js"]
