"""The gallery of renders: what it holds, and in a browser the picker and the wipe between two methods."""

import io
import re

import pytest
import torch
from PIL import Image

from lrm_core.objects.contact_sheets import contact_sheet
from lrm_core.show.repair.gallery import gallery_html


def _sheet(shade: float = 0.5) -> bytes:
    """Two objects in three views, all of one grey but for the first object, which is black."""
    return contact_sheet([torch.zeros(3, 3, 16, 16), torch.full((3, 3, 16, 16), shade)])


def test_the_gallery_holds_every_object_method_and_view():
    html = gallery_html(["a & b", "c"], (1, 5, 10), {"the truth": _sheet(), "MSE": _sheet(), "missing": None})
    assert html.count("<section") == 2
    assert html.count('role="img"') == 2 * 2 * 3 + 1
    assert html.count("data:image/webp") == 2
    assert html.count("no pictures of this arm") == 2
    assert html.count('<option value="1"') == 1 + 2  # view 1, and the second method on either side
    assert '<option value="2"' not in html
    assert 'aria-label="c, view 10: MSE"' in html
    assert "a & b" not in html
    assert not re.search(r"https?://", html)


def test_a_gallery_of_nothing_is_refused():
    with pytest.raises(ValueError, match="objects and views"):
        gallery_html([], (1,), {})


@pytest.fixture
def opened(browser, tmp_path):
    """A page with two galleries' worth of objects, and what its console says."""
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


def _shown(page) -> list[str]:
    return page.evaluate(
        "[...document.querySelectorAll('section')].filter(s => s.offsetHeight).map(s => s.dataset.object)"
    )


def _cells(page) -> int:
    return page.evaluate("[...document.querySelectorAll('.cells span')].filter(c => c.offsetHeight).length")


def test_the_picker_is_served_by_the_keyboard_and_keeps_the_address(opened):
    assert (_shown(opened), _cells(opened)) == (["chair"], 2 * 3)
    opened.focus("select[name=object]")
    opened.keyboard.press("ArrowDown")
    assert _shown(opened) == ["a lamp"]
    opened.select_option("select[name=view]", "5")
    assert _cells(opened) == 2
    address = opened.url
    assert address.endswith("#gallery--a%20lamp--5--0-2-50")
    opened.goto("about:blank")
    opened.goto(address)
    assert (_shown(opened), _cells(opened)) == (["a lamp"], 2)
    opened.focus("button[value='1']")
    opened.keyboard.press("Enter")
    assert _shown(opened) == ["chair"]
    assert opened.evaluate("document.scrollingElement.scrollWidth") <= 390
    assert opened.said == []


def test_an_address_of_another_page_part_is_left_alone(opened):
    opened.goto("about:blank")
    opened.goto(opened.address + "#gallery--nobody--99")
    assert _shown(opened) == ["chair"]
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


def test_two_methods_are_wiped_over_each_other(opened):
    assert not opened.locator(".compare").is_visible()
    opened.select_option("select[name=object]", "a lamp")
    opened.select_option("select[name=view]", "10")
    opened.locator(".stack").scroll_into_view_if_needed()
    left, right = _colours(opened)
    assert left == pytest.approx(0.2 * 255, abs=4)
    assert right == pytest.approx(0.8 * 255, abs=4)
    opened.click("text=Flip")
    assert _colours(opened) == pytest.approx([left, left], abs=2)
    opened.click("text=Flip")
    assert _colours(opened) == pytest.approx([right, right], abs=2)
    opened.focus("input[name=cut]")
    for _ in range(50):
        opened.keyboard.press("ArrowRight")
    assert _colours(opened) == pytest.approx([left, right], abs=2)
    label = opened.get_attribute(".stack", "aria-label")
    assert label == "a lamp, view 10: the truth in the left 50%, MSE in the rest"
    opened.select_option("select[name=left]", "2")
    assert _colours(opened) == pytest.approx([right, right], abs=2)
    address = opened.url
    assert address.endswith("--10--2-2-50")
    opened.goto("about:blank")
    opened.goto(address)
    assert opened.evaluate("document.querySelector('select[name=left]').value") == "2"
    assert opened.evaluate("document.scrollingElement.scrollWidth") <= 390
    assert opened.said == []


def test_one_method_alone_is_not_compared():
    html = gallery_html(["a"], (1,), {"the truth": _sheet(), "MSE": None})
    assert 'class="compare"' not in html
