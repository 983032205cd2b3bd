"""axe-core finds no serious fault in the parts of a page that are ours, in light and in dark."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from test_pages import PAGES

# Header, sidebars and footer are the theme's.
OURS = {"include": [[".bd-article"]]}
LEVEL_AA = [f"wcag{version}{level}" for version in ("2", "21", "22") for level in ("a", "aa")]
SEVERE = ("serious", "critical")
PATIENCE = 240_000  # milliseconds
AT_WORK = (
    "box => box.querySelector('canvas') || box.dataset.source === 'poster'"  # a poster where it cannot run
)
STILL = "* { transition: none !important; }"  # colours on their way from one scheme to the other are neither


@pytest.fixture(scope="module", params=PAGES)
def alive(request, visit, site):
    """Each page in turn, its viewers started."""
    seen = visit((site / f"{request.param}.html").as_uri())
    seen.name = request.param
    seen.page.add_style_tag(content=STILL)
    for viewer in seen.page.query_selector_all(".lrm-viewer"):
        viewer.scroll_into_view_if_needed()
        seen.page.wait_for_function(AT_WORK, arg=viewer, timeout=PATIENCE)
    yield seen
    seen.page.context.close()


def _faults(seen) -> list[str]:
    """One line for each part of the page that breaks a rule."""
    found = Axe().run(seen.page, OURS, {"runOnly": LEVEL_AA, "resultTypes": ["violations"]})
    return [
        f"{seen.name}: {rule['id']} ({rule['impact']}) at {' '.join(map(str, part['target']))}: {rule['help']}"
        for rule in found.response["violations"]
        if rule["impact"] in SEVERE
        for part in rule["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(alive, scheme):
    alive.value(f"document.documentElement.dataset.theme = '{scheme}'")
    assert _faults(alive) == []


def test_axe_finds_a_fault_where_there_is_one(visit, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        '<!doctype html><html lang="en"><title>t</title><p style="color:#ccc;background:#fff">pale, outside</p>'
        '<article class="bd-article"><input type="range"><p style="color:#bbb;background:#fff">pale</p></article>'
    )
    seen = visit(page.as_uri())
    assert [fault.split()[1] for fault in _faults(seen)] == ["color-contrast", "label"]
    seen.page.context.close()
