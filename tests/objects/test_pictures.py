"""Pictures from files: what is accepted, what is refused in one sentence, and how things are framed."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from lrm_core.objects.pictures import EXTENT, Picture, _segmenter, framed, load_picture, whole

SIZE = 64


def _drawn(mode: str = "RGBA", size: tuple[int, int] = (90, 60), box=(50, 10, 80, 40)) -> Image.Image:
    """A red thing with a blue upper left quarter."""
    background = (0, 0, 0, 0) if mode == "RGBA" else (255, 255, 255)
    image = Image.new(mode, size, background)
    pen = ImageDraw.Draw(image)
    left, top, right, bottom = box
    pen.rectangle((left, top, right - 1, bottom - 1), fill=(200, 30, 30))
    pen.rectangle((left, top, (left + right) // 2 - 1, (top + bottom) // 2 - 1), fill=(30, 30, 200))
    return image


def _saved(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)
    return path


def _extent(mask: torch.Tensor) -> tuple[float, float, float]:
    """Middle x, middle y and longer side of what is covered, in pixels."""
    rows, columns = np.nonzero(mask.numpy() > 0.5)
    sides = (np.ptp(columns) + 1, np.ptp(rows) + 1)
    return (columns.min() + columns.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2, max(sides)


@pytest.mark.parametrize(
    ("name", "mode", "options"),
    [
        ("a.png", "RGBA", {}),
        ("a.webp", "RGBA", {"lossless": True}),
        ("a.png", "RGB", {}),
        ("a.jpg", "RGB", {"quality": 95, "subsampling": 0}),
        ("a.webp", "RGB", {"lossless": True}),
    ],
)
def test_alpha_or_white_tells_the_thing_from_the_rest(tmp_path, name, mode, options):
    picture = load_picture(_saved(_drawn(mode), tmp_path / name, **options))
    assert picture.image.shape == (3, 60, 90)
    assert _extent(picture.mask) == pytest.approx((65, 25, 30), abs=1)
    expected = torch.tensor([[200, 30, 30], [255, 255, 255]]) / 255
    found = picture.image[:, [35, 50], [70, 20]].T
    torch.testing.assert_close(found, expected, atol=0.05, rtol=0)


def test_half_transparent_pixels_are_laid_on_white(tmp_path):
    image = Image.new("RGBA", (32, 32), (200, 0, 0, 128))
    image.putpixel((0, 0), (0, 0, 0, 0))
    picture = load_picture(_saved(image, tmp_path / "a.png"))
    share = 128 / 255
    expected = torch.tensor([200 / 255 * share + 1 - share, 1 - share, 1 - share])
    torch.testing.assert_close(picture.image[:, 5, 5], expected)
    torch.testing.assert_close(picture.image[:, 0, 0], torch.ones(3))


def test_exif_orientation_is_applied(tmp_path):
    image = _drawn("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6  # a camera that was turned by a quarter
    turned = image.transpose(Image.Transpose.ROTATE_90)
    path = _saved(turned, tmp_path / "a.jpg", exif=exif, quality=95)
    assert load_picture(path).image.shape == (3, 60, 90)
    assert _extent(load_picture(path).mask) == pytest.approx((65, 25, 30), abs=1)


@settings(max_examples=30, deadline=None)
@given(
    width=st.integers(40, 160),
    height=st.integers(40, 160),
    share=st.tuples(*[st.floats(0.15, 0.95)] * 2),
    place=st.tuples(*[st.floats(0, 1)] * 2),
)
def test_framing_centres_scales_and_is_idempotent(width, height, share, place):
    mask = torch.zeros(height, width)
    sides = max(8, round(width * share[0])), max(8, round(height * share[1]))
    left, top = round((width - sides[0]) * place[0]), round((height - sides[1]) * place[1])
    mask[top : top + sides[1], left : left + sides[0]] = 1
    once = framed(Picture(1 - mask.expand(3, -1, -1) * 0.8, mask), SIZE)
    x, y, longest = _extent(once.mask)
    assert once.image.shape == (3, SIZE, SIZE)
    assert (x, y) == pytest.approx((SIZE / 2, SIZE / 2), abs=1.5)
    assert longest == pytest.approx(EXTENT * SIZE, abs=2)
    again = framed(once, SIZE)
    assert torch.equal(again.image, once.image)
    assert torch.equal(again.mask, once.mask)


def test_kept_framing_only_squares_and_resizes(tmp_path):
    loaded = load_picture(_saved(_drawn(size=(120, 60), box=(0, 0, 60, 60)), tmp_path / "a.png"))
    picture = whole(loaded, SIZE)
    assert _extent(picture.mask) == pytest.approx((16, 32, 32), abs=1)
    same = whole(picture, SIZE)
    assert torch.equal(same.image, picture.image)


FRAMES = {"save_all": True, "append_images": [_drawn("RGB", box=(0, 0, 9, 9))]}
BAD = {  # by what is said of it
    "corrupt, or not a PNG, JPEG or WebP": (lambda: _drawn("RGB"), {"format": "GIF"}),
    r"animated \(2 frames\)": (lambda: _drawn("RGB"), FRAMES),
    "colours of type CMYK are not read": (lambda: _drawn("RGB").convert("CMYK"), {"format": "JPEG"}),
    "colours of type I;16 are not read": (lambda: Image.fromarray(np.full((40, 40), 40_000, dtype=np.uint16)), {}),
    "1x1 is too small": (lambda: Image.new("L", (1, 1), 0), {}),
    "too large": (lambda: Image.new("L", (20_000, 20_000), 255), {}),
    "shows nothing": (lambda: Image.new("L", (40, 40), 255), {}),
    "its colour profile cannot be read .*; save it as sRGB": (lambda: _drawn("RGB"), {"icc_profile": b"no profile"}),
}


@pytest.mark.parametrize("message", BAD)
def test_each_bad_picture_is_one_sentence(tmp_path, message):
    make, options = BAD[message]
    with pytest.raises(ValueError, match=rf"a\.png: (.* is )?{message}"):
        load_picture(_saved(make(), tmp_path / "a.png", **options))


def test_a_file_that_is_cut_or_gone_is_named(tmp_path):
    path = _saved(_drawn("RGB"), tmp_path / "a.png")
    path.write_bytes(path.read_bytes()[:120])
    with pytest.raises(ValueError, match=r"a\.png: corrupt"):
        load_picture(path)
    with pytest.raises(FileNotFoundError, match=r"b\.png: no such file"):
        load_picture(tmp_path / "b.png")


@pytest.fixture
def cluttered(tmp_path) -> Path:
    return _saved(Image.new("RGB", (40, 40), (90, 120, 60)), tmp_path / "a.png")


def test_a_cluttered_background_without_rembg_says_what_to_do(cluttered, monkeypatch):
    monkeypatch.setitem(sys.modules, "rembg", None)
    with pytest.raises(ValueError, match=r"neither alpha nor a white background; .*lrm_core\[pictures\]"):
        load_picture(cluttered)


@pytest.fixture
def rembg(monkeypatch):
    """Stands in for the package; its sessions are the names of their models."""
    _segmenter.cache_clear()
    stub = SimpleNamespace(new_session=lambda name: name)
    monkeypatch.setitem(sys.modules, "rembg", stub)
    yield stub
    _segmenter.cache_clear()


def test_rembg_removes_a_cluttered_background(cluttered, rembg):
    rembg.remove = lambda image, session: _drawn(size=image.size)
    with pytest.raises(ValueError, match="shows nothing"):
        load_picture(cluttered)  # the stub's thing lies beside a picture of that size
    drawn = _drawn(size=(40, 40), box=(5, 5, 25, 35))
    rembg.remove = lambda image, session: drawn
    assert _extent(load_picture(cluttered).mask) == (15, 20, 30)


def test_rembg_without_its_model_is_one_sentence(cluttered, rembg):
    def new_session(name):
        raise ConnectionError("no route")

    rembg.new_session, rembg.remove = new_session, None
    with pytest.raises(ValueError, match=r"could not remove the background \(ConnectionError: no route\)"):
        load_picture(cluttered)


def test_alpha_that_does_not_cut_out_counts_as_opaque(tmp_path):
    white = _drawn("RGB").convert("RGBA")
    white.putpixel((0, 0), (255, 255, 255, 254))
    opaque = load_picture(_saved(_drawn("RGB"), tmp_path / "b.png"))
    assert torch.equal(load_picture(_saved(white, tmp_path / "c.png")).mask, opaque.mask)


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
@pytest.mark.parametrize("pale", [240, 252])
def test_a_pale_thing_with_a_dark_part_keeps_its_pale_part_or_is_refused(tmp_path, name, pale):
    image = Image.new("RGB", (200, 200), "white")
    image.paste((pale,) * 3, (30, 50, 160, 150))
    image.paste((40, 40, 40), (40, 60, 60, 80))
    path = _saved(image, tmp_path / name)
    if pale == 240:
        assert _extent(load_picture(path).mask) == pytest.approx((95, 100, 130), abs=2)
    else:
        with pytest.raises(ValueError, match=r"neither alpha nor a white background.*pip install"):
            load_picture(path)


@pytest.mark.parametrize("mode", ["L", "P", "1"])
def test_grey_and_palette_pictures_are_read(tmp_path, mode):
    picture = load_picture(_saved(_drawn("RGB").convert(mode), tmp_path / "a.png"))
    assert picture.image.shape == (3, 60, 90)
