"""The gallery of renders: what it holds, and in a browser the picker and the wipe between two methods."""

import io

import pytest
import torch
from PIL import Image

from lrm_core.objects.contact_sheets import contact_sheet
from lrm_core.page.repair.gallery import gallery_html


def _sheet(shade: float = 0.5) -> bytes:
    """Two objects in three views, all of one grey but for the first object, which is black."""
    return contact_sheet([torch.zeros(3, 3, 16, 16), torch.full((3, 3, 16, 16), shade)])


@pytest.fixture
def opened(browser, tmp_path):
    """A page with a gallery, and what its console says."""
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.said = []
    page.on("pageerror", lambda error: page.said.append(str(error)))
    sheets = {"the truth": _sheet(0.2), "missing": None, "MSE": _sheet(0.8)}
    html = gallery_html(["chair", "a lamp"], (1, 5, 10), sheets)
    (tmp_path / "page.html").write_text(f"<!doctype html><meta charset=utf-8><body>{html}", encoding="utf-8")
    page.address = (tmp_path / "page.html").as_uri()
    page.goto(page.address)
    yield page
    page.close()


def test_what_is_picked_stands_in_the_address(opened):
    opened.select_option("select[name=view]", index=1)
    opened.focus("button[value='1']")
    opened.keyboard.press("Enter")
    address = opened.url
    assert address.endswith("#gallery--1-1-1-1-50")
    opened.goto("about:blank")
    opened.goto(address)
    label = opened.get_attribute(".stack", "aria-label")
    assert label == "a lamp, view 5: MSE in the left 50%, MSE in the rest"
    opened.keyboard.press("Enter")
    assert opened.evaluate("document.scrollingElement.scrollWidth") <= 390
    assert opened.said == []


def test_an_address_of_another_page_part_is_left_alone(opened):
    opened.goto("about:blank")
    opened.goto(opened.address + "#gallery--nobody--99")
    assert opened.get_attribute(".stack", "aria-label").startswith("chair, view 1:")
    assert opened.said == []


def test_without_scripts_every_object_is_shown(browser, opened):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(opened.address)
    assert page.locator("section:visible").count() == 2
    assert not page.locator(".picker").is_visible()
    context.close()


def _colours(page) -> list[int]:
    """Grey of the wipe left and right of its middle."""
    box = page.locator(".stack").bounding_box()
    y = box["y"] + box["height"] / 2
    clips = [{"x": box["x"] + box["width"] * share, "y": y, "width": 2, "height": 2} for share in (0.3, 0.7)]
    pictures = (Image.open(io.BytesIO(page.screenshot(clip=clip))) for clip in clips)
    return [picture.convert("L").getpixel((0, 0)) for picture in pictures]


def test_two_methods_are_wiped_over_each_other_beside_the_truth(opened):
    opened.select_option("select[name=object]", index=1)
    opened.select_option("select[name=left]", index=0)
    opened.locator(".stack").scroll_into_view_if_needed()
    assert opened.locator(".stack").bounding_box()["width"] >= 256
    truth, mse = 0.2 * 255, 0.8 * 255
    assert _colours(opened) == pytest.approx([truth, mse], abs=4)
    opened.focus("input[name=cut]")
    for _ in range(50):
        opened.keyboard.press("ArrowRight")
    assert _colours(opened) == pytest.approx([truth, truth], abs=4)
    assert opened.locator(".beside").get_attribute("aria-label") == "a lamp, view 1: the truth"
