"""The built chapter from disk, with the network cut: a picture that is there to begin with becomes one that turns."""

PATIENCE = 240_000  # milliseconds
STAGE = "document.querySelector('.lrm-own').dataset.stage"


def test_the_built_page_rebuilds_a_picture(site, visit):
    seen = visit((site / "notebooks/14_own_picture.html").as_uri())
    seen.page.locator(".lrm-own-starters button").first.click()
    seen.page.wait_for_function(f"['done', 'fault'].includes({STAGE})", timeout=PATIENCE)
    assert seen.value(STAGE) == "done"
    turning = "document.querySelector('.lrm-own .lrm-viewer')?.dataset.firstPicture"
    seen.page.wait_for_function(turning, timeout=PATIENCE)
    assert (seen.outside, seen.errors) == ([], [])
    seen.page.context.close()


def test_the_first_page_leads_there(site, visit):
    seen = visit((site / "book/index.html").as_uri())
    seen.page.get_by_role("link", name="Try your own picture").click()
    seen.page.wait_for_url("**/notebooks/14_own_picture.html#own-picture")
    assert seen.page.locator("#own-picture").count() == 1
    seen.page.context.close()
