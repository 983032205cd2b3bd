"""Figures of a built page: their state survives as JSON, their script comes once, and nothing in them is markup."""

import base64
import json
import re
from types import SimpleNamespace

import plotly.graph_objects as go
import pytest
import torch

from lrm_core import load_model
from lrm_core.model.lrm import Decoder
from lrm_core.normalise import STANDS_ALONE
from lrm_core.page import embedded
from lrm_core.page.explorables.widget import Explorable
from lrm_core.page.front.turning import TURNING_JS
from lrm_core.page.own_data.own_picture import OwnPicture
from lrm_core.page.viewer import TriplaneViewer

EVIL = 'a "quoted" </script><b a="1">'
SCRIPTS = {kind.__name__: str(kind._esm) for kind in (TriplaneViewer, Explorable, OwnPicture)} | {
    figure.mime: figure.scripts[0][2]["body"]
    for figure in (embedded.VIEWER, embedded.EXPLORABLE, embedded.OWN_PICTURE)
}
SCRIPTS["turning"] = TURNING_JS


def figure_state(kind: str) -> dict:
    """What a page is given of a figure whose text looks like markup."""
    if kind == "plotly":
        figure = go.Figure(go.Scatter(x=[0, 1], y=[1, 2]), layout={"meta": {"alt": EVIL}, "height": 300})
        return json.loads(figure.to_json())
    return widget_of(kind).page_state() | {"alt": EVIL}


def widget_of(kind: str):
    """A small widget of each kind."""
    if kind == "own":
        return OwnPicture.of(load_model("mini").eval())
    viewer = TriplaneViewer.of(torch.zeros(3, 4, 8, 8), Decoder(4).requires_grad_(False), "A box.")
    if kind == "viewer":
        return viewer
    content = {"sliders": [], "start": {}, "presets": {}, "title": "t"}
    return Explorable.of(content, viewer.poster, "A box.")


KINDS = {
    "plotly": (embedded.PLOTLY, "figure"),
    "viewer": (embedded.VIEWER, "viewer"),
    "explorable": (embedded.EXPLORABLE, "explorable"),
    "own": (embedded.OWN_PICTURE, "own"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_gets_scripts_once_and_the_state_as_it_is(kind):
    (figure, name), state, asked = KINDS[kind], figure_state(kind), {}
    renderer = SimpleNamespace(add_js_file=lambda key, path, attributes: asked.update({key: path}))
    data = SimpleNamespace(mime_type=figure.mime, content=json.dumps(state))
    assert figure.handle_mime(renderer, SimpleNamespace(mime_type="text/plain"), inline=False) is None
    assert figure.handle_mime(renderer, data, inline=True) is None
    assert asked == {}
    html = [figure.handle_mime(renderer, data, inline=False)[0].astext() for _ in range(2)][1]
    assert len(asked) == (2 if kind == "plotly" else 1)
    (payload,) = re.findall(rf'class="lrm-{name}-data">(.*?)</script>', html, re.S)
    kept = {key: state[key] for key in ("data", "layout")} if kind == "plotly" else state
    assert json.loads(payload) == json.loads(json.dumps(kept))
    assert html.count("</script>") == 1
    assert "<b a" not in html.split("<script", 1)[0]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "plotly"])
def test_the_bundle_holds_the_widget_the_page_and_a_picture(kind):
    widget = widget_of(kind)
    bundle, _ = widget._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id
    state = json.loads(json.dumps(bundle[widget.MIME]))
    assert set(state) == {*widget.PAGE_TRAITS, "data"}
    assert widget.MIME.startswith(STANDS_ALONE)
    if kind == "own":
        assert "image/png" not in bundle
    else:
        assert base64.b64decode(state["data"]) == widget.data
        assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_scripts_import_nothing_fetch_nothing_and_say_no_name_twice(text):
    assert not re.search(r"\bimport\b[ ({]|\bfetch\(|XMLHttpRequest|https?://(?!www\.w3\.org/2000/svg)", text)
    assert "</script" not in text
    names = re.findall(r"^(?:const|class|function\*?|async function) (\w+)", text, re.M)
    assert len(names) == len(set(names))


def test_a_script_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match=r"nothing\.js"):
        embedded.joined("viewer", "nothing")
