"""The viewer in Python: its traits, its forms for lab and page, its script."""

import base64
import json
import re
from types import SimpleNamespace

import pytest
import torch
import traitlets

from lrm_core.model.decoder import Decoder
from lrm_core.normalise import STANDS_ALONE
from lrm_core.page.viewer import (
    PAGE_MIME,
    TriplaneViewer,
    ViewerFigure,
    es_module,
    page_script,
    show_viewer,
    unpack,
    viewer_html,
    widget,
)
from lrm_core.page.viewer.quantise import Packed
from lrm_core.page.viewer.scripts import joined
from lrm_core.page.viewer.widget import camera_of
from lrm_core.render import cameras


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Decoder(4).requires_grad_(False)


@pytest.fixture
def viewer(decoder) -> TriplaneViewer:
    return TriplaneViewer.of(torch.zeros(3, 4, 8, 8), decoder, 'A "grey" box.', azimuth=-30.0)


def test_a_view_at_azimuth_minus_90_is_the_canonical_camera():
    expected = torch.zeros(25)
    expected[:16] = torch.cat([cameras.canonical_pose(2.0), torch.tensor([[0.0, 0, 0, 1]])]).flatten()
    expected[16:] = torch.tensor([0.75, 0, 0.5, 0, 0.75, 0.5, 0, 0, 1])
    assert torch.allclose(camera_of(-90, 0, 2.0, 0.75), expected, atol=1e-6)


def test_a_new_field_keeps_the_view(viewer, decoder):
    before = viewer.data
    viewer.replace(torch.ones(3, 4, 8, 8), decoder)
    assert viewer.data != before
    assert viewer.azimuth == -30
    assert (unpack(Packed(viewer.tensors, viewer.data))["planes"] == 1).all()


@pytest.mark.parametrize(
    "trait", [{"elevation": 90}, {"distance": 0.5}, {"resolution": 4096}, {"samples": 1}]
)
def test_a_view_that_the_page_could_not_draw_is_refused(trait):
    with pytest.raises(traitlets.TraitError):
        TriplaneViewer(**trait)


def test_the_bundle_holds_the_widget_the_page_and_a_picture(viewer):
    bundle, _ = viewer._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == viewer.model_id
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    state = json.loads(json.dumps(bundle[PAGE_MIME]))
    assert base64.b64decode(state["data"]) == viewer.data
    assert set(state) | {"data"} == set(state) == {*TriplaneViewer.PAGE_TRAITS, "data"}
    assert PAGE_MIME.startswith(STANDS_ALONE)


def test_the_script_imports_nothing_fetches_nothing_and_knows_every_trait_it_asks_for():
    for script in (es_module(), page_script()):
        assert not re.search(r"\bimport\b[ ({]|\bfetch\(|XMLHttpRequest|https?://", script)
        asked = re.findall(r'(?:model|this\.model)\.get\("(\w+)"\)', script)
        assert set(asked) <= {*TriplaneViewer.PAGE_TRAITS, "data"}
    assert es_module().endswith("export default { render };\n")
    assert "</script" not in page_script()


def test_a_script_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match=r"nothing\.js"):
        joined("nothing")


def test_the_page_gets_the_script_once_and_the_model_as_it_is(viewer):
    asked = {}
    renderer = SimpleNamespace(
        add_js_file=lambda key, path, attributes: asked.update({key: (path, attributes)})
    )
    text = SimpleNamespace(mime_type="text/plain", content="x")
    assert ViewerFigure.handle_mime(renderer, text, inline=False) is None
    assert asked == {}
    figure = SimpleNamespace(mime_type=PAGE_MIME, content=json.dumps(viewer.page_state()))
    nodes = [ViewerFigure.handle_mime(renderer, figure, inline=False)[0] for _ in range(2)]
    assert asked == {"lrm_viewer": (None, {"type": "module", "body": page_script()})}
    (payload,) = re.findall(r'class="lrm-viewer-data">(.*?)</script>', nodes[0].astext(), re.S)
    assert json.loads(payload) == viewer.page_state()


def test_a_text_that_looks_like_markup_stays_a_text(viewer):
    state = viewer.page_state() | {"alt": '</script><b a="1">'}
    html = viewer_html(state)
    assert html.count("</script>") == 1
    assert "<b a" not in html.split("<script", 1)[0]


def test_showing_a_viewer_displays_it(decoder, monkeypatch):
    shown = []
    monkeypatch.setattr(widget, "display", shown.append)
    assert shown == [show_viewer(torch.zeros(3, 4, 8, 8), decoder, "A box.", resolution=64)]
