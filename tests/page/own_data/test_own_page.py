"""A picture dropped on the page: the model's planes and renders as in Python, what is taken away, and bad input."""

import base64
import io
import struct
import zlib

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from lrm_core.model.lrm import LRM
from lrm_core.page.own_data.own_picture import OwnPicture, packed_model
from lrm_core.page.viewer import camera_of, unpack
from lrm_core.predict import PredictConfig, predict_picture
from lrm_core.render import render_views
from lrm_core.render.surface import extract_surface

CLOSEST = 45.0  # dB to what the model itself draws
DROP = """async (text) => {
  const files = new DataTransfer();
  files.items.add(new File([fromBase64(text)], "picture.png", { type: "image/png" }));
  const dropped = new DragEvent("drop", { dataTransfer: files, cancelable: true });
  document.querySelector(".lrm-own-drop").dispatchEvent(dropped);
}"""
DONE = "['done', 'fault'].includes(document.querySelector('.lrm-own').dataset.stage)"


@pytest.fixture(scope="module")
def as_carried(mini) -> LRM:
    """The model as the page has it."""
    model = LRM(mini.config).eval().requires_grad_(False)
    model.load_state_dict(unpack(packed_model(mini)))
    return model


def _psnr(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(-10 * (one - other).square().mean().log10())


@pytest.mark.parametrize("name", ["teddyBear", "couch"])
def test_the_page_builds_what_python_builds(shown, source, mini, as_carried, name):
    assert shown.take(source(name).read_bytes())[0] == "done"
    found = shown.planes()
    same, full = (predict_picture(model, source(name), PredictConfig()).planes for model in (as_carried, mini))
    assert (found - same).norm() < 0.01 * same.norm()  # the page's picture is rounded to 8 bits
    cameras = torch.stack([camera_of(azimuth, 15, 2.0, 0.75) for azimuth in (-90, 30)])[None]
    drawn = [render_views(planes[None], mini.decoder, cameras, 64).rgb for planes in (found, full)]
    assert _psnr(*drawn) > CLOSEST


def test_another_told_distance_needs_no_second_look(shown, source, as_carried):
    shown.take(source("teddyBear").read_bytes())
    before = shown.page.evaluate("figure.engine.took.encode")
    shown.page.evaluate("figure.tell(2.5)")
    expected = predict_picture(as_carried, source("teddyBear"), PredictConfig(source_distance=2.5)).planes
    assert (shown.planes() - expected).norm() < 0.01 * expected.norm()
    assert shown.page.evaluate("figure.engine.took.encode") == before
    assert shown.page.evaluate("figure.root.dataset.told") == "2.5"


def test_without_simd_it_is_slower_and_the_same(shown, source, as_carried):
    shown.start(broken="WebAssembly.Module = function () { throw new WebAssembly.CompileError('no SIMD'); };")
    stage, said = shown.take(source("teddyBear").read_bytes())
    assert stage == "done"
    assert "no SIMD" in said
    expected = predict_picture(as_carried, source("teddyBear"), PredictConfig()).planes
    assert (shown.planes() - expected).norm() < 0.01 * expected.norm()


def test_a_dropped_file_turns_and_is_taken_away(shown, source, as_carried, tmp_path):
    page, content = shown.page, source("teddyBear").read_bytes()
    page.evaluate(DROP, base64.b64encode(content).decode())
    page.wait_for_function(DONE)
    page.wait_for_function("document.querySelector('.lrm-own .lrm-viewer').dataset.stage === 'rest'")
    with page.expect_download() as kept:
        page.get_by_role("button", name="Mesh (GLB)").click()
    kept.value.save_as(tmp_path / "mesh.glb")
    mesh = trimesh.load(tmp_path / "mesh.glb", force="mesh", process=False)
    planes = predict_picture(as_carried, source("teddyBear"), PredictConfig()).planes
    surface = extract_surface(planes, as_carried.decoder, 64)
    expected = trimesh.Trimesh(surface.vertices, surface.faces, process=False)
    assert mesh.volume == pytest.approx(expected.volume, rel=0.03)
    x, y, z = expected.bounds.T
    np.testing.assert_allclose(mesh.bounds, np.stack([x, z, -y[::-1]], 1), atol=0.04)  # y up, the front at +z
    with page.expect_download() as kept:
        page.get_by_role("button", name="Pictures around it").click()
    kept.value.save_as(tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png").convert("RGB"))
    assert sheet.shape == (512, 1024, 3)
    cells = [sheet[y : y + 256, x : x + 256] for y in (0, 256) for x in range(0, 1024, 256)]
    assert all((cell.min(-1) < 200).mean() > 0.05 for cell in cells)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _huge() -> bytes:
    """A PNG that says it has 20,000 x 20,000 pixels."""
    head = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", b"") + _chunk(b"IEND", b"")


def _saved(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _animated(kind: str) -> bytes:
    red, blue = (Image.new("RGB", (32, 32), colour) for colour in ("red", "blue"))
    return _saved(red, kind, save_all=True, append_images=[blue], duration=100)


BAD = {
    "no picture": (lambda: b"hello, this is a text", "not a PNG, JPEG or WebP"),
    "one pixel": (lambda: _saved(Image.new("RGB", (1, 1))), "at least 16"),
    "huge": (_huge, "40 million"),
    "an animated PNG": (lambda: _animated("PNG"), "animated"),
    "an animated WebP": (lambda: _animated("WEBP"), "animated"),
    "colours of print": (lambda: _saved(Image.new("CMYK", (64, 64), (10, 200, 30, 0)), "JPEG"), "CMYK"),
    "transparent": (lambda: _saved(Image.new("RGBA", (64, 64))), "shows nothing"),
    "white": (lambda: _saved(Image.new("RGB", (64, 64), "white")), "shows nothing"),
    "cut off": (lambda: _saved(Image.new("RGB", (64, 64), "red"))[:20], "cut off"),
    "damaged": (lambda: _saved(Image.new("RGB", (64, 64), "red"))[:60], "cannot read"),
}


@pytest.mark.parametrize("kind", BAD)
def test_each_bad_picture_is_one_sentence(shown, kind):
    make, words = BAD[kind]
    stage, said = shown.take(make())
    assert stage == "fault"
    assert words in said
    assert said.count(". ") == 0


def test_after_bad_input_the_page_goes_on(shown, source):
    assert shown.take(b"nothing")[0] == "fault"
    assert shown.take(source("couch").read_bytes())[0] == "done"


def test_the_last_picture_counts(shown, source):
    texts = [base64.b64encode(source(name).read_bytes()).decode() for name in ("couch", "teddyBear")]
    shown.page.evaluate("texts => Promise.all(texts.map((text) => figure.take(new Blob([fromBase64(text)]))))", texts)
    several = shown.planes()
    shown.start()
    shown.take(source("teddyBear").read_bytes())
    assert torch.equal(several, shown.planes())


@pytest.mark.parametrize(
    ("broken", "about", "words"),
    [
        (
            "WebAssembly.Memory = function () { throw new RangeError('out of memory'); };",
            {},
            "too little memory",
        ),
        ("", {"address": "elsewhere"}, "missing beside this page"),
        ("", {"sha256": "0" * 64}, "build the site again"),
    ],
)
def test_a_model_that_cannot_be_had_is_one_sentence(shown, source, broken, about, words):
    shown.start(broken=broken, about=shown.state["about"] | about)
    stage, said = shown.take(source("couch").read_bytes())
    assert (stage, words in said) == ("fault", True)


def test_without_webgl_the_mesh_can_still_be_had(shown, source):
    shown.page.evaluate(
        """() => {
          const own = HTMLCanvasElement.prototype.getContext;
          globalThis.restore = () => (HTMLCanvasElement.prototype.getContext = own);
          HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
            return kind === "webgl2" ? null : own.call(this, kind, ...rest);
          };
        }"""
    )
    try:
        assert shown.take(source("couch").read_bytes())[0] == "done"
        shown.page.wait_for_function("figure.root.textContent.includes('no WebGL2')")
        shown.page.evaluate("figure.keepSheet()")
        assert "no views of it" in shown.page.evaluate("figure.said.textContent")
        with shown.page.expect_download():
            shown.page.evaluate("figure.keepMesh()")
    finally:
        shown.page.evaluate("void restore()")


def test_the_kernel_answers_as_the_worker_does(mini, source, monkeypatch):
    widget, sent = OwnPicture.of(mini), []
    monkeypatch.setattr(widget, "send", lambda content, buffers=None: sent.append((content, buffers)))
    found = predict_picture(mini, source("couch"), PredictConfig(source_distance=1.8))
    widget.answer({"id": 3, "kind": "encode"}, [memoryview(found.picture.numpy().tobytes())])
    widget.answer({"id": 4, "kind": "planes", "distance": 1.8}, [])
    (first, nothing), (second, (data,)) = sent
    assert (first["id"], nothing) == (3, None)
    assert second["shape"] == list(found.planes.shape)
    planes = torch.frombuffer(bytearray(data), dtype=torch.float32).reshape(found.planes.shape)
    assert torch.allclose(planes, found.planes, atol=1e-4)
    widget.answer({"id": 5, "kind": "planes", "distance": "far"}, [])
    assert sent[-1][0]["error"]
