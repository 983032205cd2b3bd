"""What the page shows the model: the same part of a picture as in Python, for files of many kinds."""

import base64

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from lrm_core.objects.pictures import framed, load_picture

SIZE = 128
NAMES = ("couch", "teddyBear", "chicken", "deckChair", "hotDog")


def _on(image: Image.Image, mode: str, size: tuple[int, int], place: tuple[int, int], side: int) -> Image.Image:
    canvas = Image.new(mode, size, (0, 0, 0, 0) if mode == "RGBA" else (255, 255, 255))
    small = image.resize((side, side), Image.Resampling.BICUBIC)
    canvas.paste(small, place, small)
    return canvas


TURNED = Image.Exif()
TURNED[0x0112] = 6
KINDS = {
    "as it is": (None, "PNG", {}),
    "off its centre": (("RGBA", (500, 400), (180, 10), 300), "WEBP", {"lossless": True}),
    "a JPEG on white": (("RGB", (700, 900), (90, 300), 512), "JPEG", {"quality": 95}),
    "turned by EXIF": (("RGB", (333, 257), (40, 60), 190), "JPEG", {"quality": 95, "exif": TURNED}),
}


def _extent(picture: np.ndarray) -> np.ndarray:
    """Left, top, right, bottom of what is not white."""
    rows, columns = np.nonzero(picture.min(-1) < 200)
    return np.array([columns.min(), rows.min(), columns.max(), rows.max()])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_twenty_pictures_are_framed_as_in_python(shown, source, encoded, tmp_path, name, kind):
    (placed, form, options), image = KINDS[kind], Image.open(source(name)).convert("RGBA")
    content = encoded(_on(image, *placed) if placed else image, form, **options)
    path = tmp_path / f"picture.{form.lower()}"
    path.write_bytes(content)
    expected = framed(load_picture(path), SIZE).image
    expected = (expected.permute(1, 2, 0) * 255).round().numpy().astype(np.uint8)
    shown.page.evaluate("void (figure.loaded = () => Promise.reject(new Error('framed only')))")
    shown.take(content)
    found = shown.seen()
    assert np.abs(_extent(found) - _extent(expected)).max() <= 1
    assert np.abs(found.astype(float) - expected).mean() < 0.5


def _scene(seed: int = 0) -> Image.Image:
    """A red thing with a hole, on patches of greens and blues."""
    noise = np.random.default_rng(seed).integers(0, 90, (60, 80, 3)).astype(np.uint8) + np.uint8([0, 70, 90])
    image = Image.fromarray(noise).resize((320, 240), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(image)
    pen.ellipse((120, 60, 219, 179), fill=(210, 40, 30))
    pen.rectangle((165, 115, 175, 125), fill=(20, 120, 160))
    return image


def _frame(shown, image: Image.Image, box: list[int] | None) -> dict | None:
    pixels = list(np.asarray(image.convert("RGBA")).ravel().tolist())
    return shown.page.evaluate(
        """async ([pixels, width, height, box, size]) => {
          const picture = { pixels: Uint8ClampedArray.from(pixels), width, height, box };
          const found = await figure.engine.ask("frame", { picture, size });
          return found && { ...found, image: [...found.image] };
        }""",
        [pixels, *image.size, box, SIZE],
    )


def test_a_box_cuts_the_thing_out_of_what_is_around(shown):
    found = _frame(shown, _scene(), [100, 45, 240, 195])
    assert found["how"] == "box"
    assert found["extent"] == pytest.approx([120, 60, 220, 180], abs=3)
    image = torch.tensor(found["image"]).reshape(3, SIZE, SIZE)
    assert image[:, 5, 5].tolist() == pytest.approx([1, 1, 1])
    assert image[0, 40, 64] > 0.7 > 0.3 > image[2, 40, 64]  # red


def test_without_a_box_what_is_not_plain_is_asked_for(shown, encoded):
    assert _frame(shown, _scene(), None) is None
    stage, said = shown.take(encoded(_scene()))
    assert (stage, "drag a box" in said) == ("ask", True)


def test_a_box_is_drawn_by_hand(shown, encoded):
    shown.take(encoded(_scene()))
    given = shown.page.locator(".lrm-own-given canvas")
    given.scroll_into_view_if_needed()
    place, mouse = given.bounding_box(), shown.page.mouse
    scale = place["width"] / 320
    mouse.move(place["x"] + 100 * scale, place["y"] + 45 * scale)
    mouse.down()
    mouse.move(place["x"] + 240 * scale, place["y"] + 195 * scale, steps=3)
    mouse.up()
    shown.page.wait_for_function("figure.root.dataset.stage === 'done'")
    assert "out of the box" in shown.page.evaluate("figure.how.textContent")
    assert shown.page.evaluate("!figure.mark.hidden && !figure.undo.hidden")


def test_another_plain_colour_is_cut_away(shown):
    image = Image.new("RGB", (200, 150), (90, 120, 200))
    ImageDraw.Draw(image).ellipse((60, 40, 139, 119), fill=(200, 180, 40))
    found = _frame(shown, image, None)
    assert found["how"] == "plain"
    assert found["extent"] == pytest.approx([60, 40, 140, 120], abs=2)


def test_a_picture_of_a_phone_is_made_smaller_before_it_is_looked_at(shown, encoded):
    image = Image.new("RGB", (4000, 3000), "white")
    ImageDraw.Draw(image).rectangle((1500, 1000, 2499, 1999), fill=(30, 80, 160))
    size = shown.page.evaluate(
        "(text) => pixelsOf(new Blob([fromBase64(text)])).then(({ width, height }) => [width, height])",
        base64.b64encode(encoded(image, "JPEG")).decode(),
    )
    assert size == [1024, 768]
