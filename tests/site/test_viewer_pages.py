"""The triplane viewer in a browser: the same picture as `lrm_core.render`, alone, by hand and by key, or a poster."""

import base64
import io
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from PIL import Image

from lrm_core import load_model
from lrm_core.measure.oracles import predicted_planes
from lrm_core.model.lrm import Decoder, activate
from lrm_core.objects import load_object
from lrm_core.page.embedded import VIEWER
from lrm_core.page.viewer import Packed, TriplaneViewer, camera_of, unpack
from lrm_core.paths import data_dir
from lrm_core.render import render_views
from lrm_core.render.field import Field
from lrm_core.render.quadrature import composite
from lrm_core.render.rays import box_span, camera_rays

OBJECT = data_dir() / "mini" / "objects" / "real" / "cc0_JapaneseLantern"
SIDE = 56  # pixels; without a graphics card the decoder takes its time
VIEW = {"azimuth": -60.0, "elevation": 25.0, "distance": 2.2}
PATIENCE = 240_000  # milliseconds
ROOT = "document.querySelector('.lrm-viewer')"


@dataclass
class Scene:
    """A field and how to show it."""

    planes: torch.Tensor
    decoder: torch.nn.Module

    def viewer(self, **traits) -> TriplaneViewer:
        settings = {"resolution": SIDE, "patience": 1e4} | VIEW | traits
        return TriplaneViewer.of(self.planes, self.decoder, "A lantern.", **settings)


@pytest.fixture(scope="module")
def scene() -> Scene:
    model = load_model("mini").eval().requires_grad_(False)
    return Scene(predicted_planes(model, load_object(OBJECT)), model.decoder)


@pytest.fixture
def show(show_figures):
    """Opens a page of viewers."""
    return lambda *viewers, **options: show_figures(
        "".join(VIEWER.html(viewer.page_state()) for viewer in viewers), VIEWER.scripts[0][2]["body"], **options
    )


def _reach(seen, stage: str, source: str) -> dict:
    """Wait for a stage; what the figure says of itself."""
    condition = f"() => {ROOT}.dataset.stage === '{stage}' && {ROOT}.dataset.source === '{source}'"
    seen.page.wait_for_function(condition, timeout=PATIENCE)
    return seen.value(f"({{...{ROOT}.dataset}})")


def _pixels(seen) -> np.ndarray:
    address = seen.value("document.querySelector('.lrm-viewer canvas').toDataURL()")
    image = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    return np.asarray(image.convert("RGB")) / 255


def _psnr(a: np.ndarray, b: np.ndarray) -> float:
    return -10 * np.log10(np.square(a - b).mean())


def _rendered(scene: Scene, view: dict) -> np.ndarray:
    """The float model's picture by `lrm_core.render`."""
    camera = camera_of(*view.values(), 0.75)
    with torch.no_grad():
        picture = render_views(scene.planes[None], scene.decoder, camera[None, None], SIDE).rgb[0, 0]
    return picture.permute(1, 2, 0).numpy()


@torch.no_grad()
def _ref_march(viewer: TriplaneViewer, samples: int) -> np.ndarray:
    """The shader's own quadrature on the packed field: every evenly spaced sample decoded."""
    tensors = unpack(Packed(viewer.tensors, viewer.data))
    planes = tensors.pop("planes")
    decoder = Decoder(planes.shape[1])
    decoder.load_state_dict(tensors)
    field, rays = Field(planes, decoder), camera_rays(camera_of(*VIEW.values(), 0.75), SIDE)
    span = box_span(rays.origins, rays.directions)
    near, far = span.near[span.hit, None], span.far[span.hit, None]
    depths = near + torch.linspace(0, 1, samples) * (far - near)
    points = rays.origins[span.hit, None] + rays.directions[span.hit, None] * depths[..., None]
    raw = field.raw(points.reshape(-1, 3)).unflatten(0, depths.shape)
    drawn = composite(depths, raw[..., 0])
    picture = torch.ones(SIDE * SIDE, 3)
    picture[span.hit] = (drawn.shares[..., None] * activate(raw).colour).sum(1) + 1 - drawn.weight[:, None]
    return picture.unflatten(0, (SIDE, SIDE)).numpy()


@pytest.mark.parametrize("half", [False, True], ids=["float", "half"])
def test_the_shader_draws_the_picture_of_the_float_model(show, scene, half, record_property):
    viewer = scene.viewer(half=half)
    seen = show(viewer)
    _reach(seen, "rest", "decoder")
    drawn = _pixels(seen)
    record_property("psnr", float(_psnr(drawn, _rendered(scene, VIEW))))
    assert _psnr(drawn, _rendered(scene, VIEW)) > 40
    twin = (_ref_march(viewer, viewer.samples).clip(0, 1) * 255).round() / 255
    record_property("twin", float(np.abs(drawn - twin).mean()))
    assert np.abs(drawn - twin).mean() < 1e-3


def test_where_the_decoder_would_take_too_long_the_grid_stays(show, scene, record_property):
    seen = show(scene.viewer(patience=0.0))
    said = _reach(seen, "rest", "grid")
    for name in ("sinceStart", "firstPicture", "rest"):
        record_property(name, int(said[name]))
        print(f"viewer: {name} {said[name]} ms")
    assert _psnr(_pixels(seen), _rendered(scene, VIEW)) > 30


def test_keys_and_button_turn_zoom_and_reset(show, scene):
    seen = show(scene.viewer(patience=0.0))
    _reach(seen, "rest", "grid")
    first = _pixels(seen)
    seen.page.focus(".lrm-viewer canvas")
    pictures = [first]
    for key, view in {
        "ArrowRight": {"azimuth": -55.0},
        "ArrowUp": {"elevation": 30.0},
        "-": {"distance": 2.2 * 1.1},
    }.items():
        rest = seen.value(f"{ROOT}.dataset.rest")
        seen.page.keyboard.press(key)
        seen.page.wait_for_function(f"() => {ROOT}.dataset.rest !== '{rest}'", timeout=PATIENCE)
        pictures.append(_pixels(seen))
        assert np.abs(pictures[-1] - pictures[-2]).mean() > 1e-3, key
        moved = {name: _value(seen, name) for name in view}
        assert moved == pytest.approx(view)
    view = {"azimuth": -55.0, "elevation": 30.0, "distance": 2.2 * 1.1}
    assert _psnr(pictures[-1], _rendered(scene, view)) > 30
    rest = seen.value(f"{ROOT}.dataset.rest")
    seen.page.click("text=Reset view")
    seen.page.wait_for_function(
        f"() => {ROOT}.dataset.azimuth === '-60' && {ROOT}.dataset.rest !== '{rest}'", timeout=PATIENCE
    )
    assert np.abs(_pixels(seen) - first).max() < 0.02


def _value(seen, name: str) -> float:
    return float(seen.value(f"{ROOT}.dataset.{name}"))


def test_dragging_turns_and_the_wheel_zooms_only_with_the_focus(show, scene):
    seen = show(scene.viewer(patience=0.0))
    _reach(seen, "rest", "grid")
    box = seen.page.locator(".lrm-viewer canvas").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    seen.page.mouse.move(*middle)
    seen.page.mouse.wheel(0, 100)
    seen.page.wait_for_timeout(200)
    assert _value(seen, "distance") == VIEW["distance"]
    seen.page.mouse.down()
    seen.page.mouse.move(middle[0] + box["width"] / 8, middle[1])
    seen.page.mouse.up()
    seen.page.wait_for_function(f"() => {ROOT}.dataset.azimuth === '-90'", timeout=PATIENCE)
    seen.page.mouse.wheel(0, -100)
    seen.page.wait_for_function(f"() => +{ROOT}.dataset.distance < 2.1", timeout=PATIENCE)


def test_two_viewers_on_one_page_do_not_disturb_each_other_and_fit_a_phone(show, scene):
    seen = show(scene.viewer(patience=0.0), scene.viewer(patience=0.0, azimuth=120.0), width=390)
    every = "[...document.querySelectorAll('.lrm-viewer')].every(root => root.dataset.stage === 'rest')"
    seen.page.evaluate("document.querySelectorAll('.lrm-viewer')[1].scrollIntoView()")
    seen.page.wait_for_function(every, timeout=PATIENCE)
    assert seen.value("document.scrollingElement.scrollWidth") <= 390
    first, second = seen.value("[...document.querySelectorAll('canvas')].map(canvas => canvas.toDataURL())")
    assert first != second


@pytest.mark.parametrize("reason", ["no WebGL2", "reduced motion"])
def test_the_poster_stands_in(show, scene, reason):
    still = reason == "reduced motion"
    options = {"reduced_motion": "reduce"} if still else {"webgl": False}
    page = show(scene.viewer(patience=0.0), **options).page
    page.wait_for_selector(f"text={reason}", timeout=PATIENCE)
    image = page.query_selector(".lrm-viewer img")
    assert image.get_attribute("alt") == "A lantern."
    assert image.evaluate("image => image.naturalWidth") > 0
    assert page.query_selector(".lrm-viewer canvas") is None
    if still:
        page.click("text=Turn it by hand")
        page.wait_for_selector(".lrm-viewer[data-stage=rest]", timeout=PATIENCE)
    else:
        assert not page.is_visible(".lrm-viewer button")


def test_two_fingers_zoom(show, scene):
    seen = show(scene.viewer(patience=0.0))
    _reach(seen, "rest", "grid")
    seen.value(
        """(() => {
          const canvas = document.querySelector('.lrm-viewer canvas');
          canvas.setPointerCapture = () => {};
          const touch = (kind, pointerId, clientX) => canvas.dispatchEvent(
            new PointerEvent(kind, { pointerId, clientX, clientY: 50, pointerType: 'touch' }));
          touch('pointerdown', 1, 100); touch('pointerdown', 2, 150);
          touch('pointermove', 2, 160);
          touch('pointerup', 1, 100); touch('pointerup', 2, 160);
        })()"""
    )
    expected = VIEW["distance"] * 50 / 60
    seen.page.wait_for_function(f"() => Math.abs({ROOT}.dataset.distance - {expected}) < 1e-6", timeout=PATIENCE)
