"""The build itself: what it needs, what it refuses, and that a refusal changes nothing."""

import shutil

import pytest

from lrm_core import site
from lrm_core.paths import repository_root

CONFIG = "title: t\nauthor: a\nonly_build_toc_files: true\nexecute: {execute_notebooks: 'off'}\n"


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A repository of one page and no notebook."""
    (tmp_path / "book" / "assets" / "vendor").mkdir(parents=True)
    (tmp_path / "book" / "index.md").write_text("# A page\n\nText.\n")
    (tmp_path / "_config.yml").write_text(CONFIG)
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/index\n")
    monkeypatch.setattr(site, "repository_root", lambda: tmp_path)
    return tmp_path


def test_pages_are_kept_until_a_source_changes_and_a_warning_leaves_them_alone(small):
    first = site.build_site("smoke")
    assert first.index == small / "_build" / "html" / "index.html"
    assert not first.cached
    assert site.build_site("smoke").cached

    before = (small / "_build" / "html" / "book" / "index.html").read_bytes()
    (small / "book" / "index.md").write_text("# A page\n\n[nowhere](missing.md)\n")
    with pytest.raises(ValueError, match=r"the site was not built:\n.*index\.md:3: WARNING: .*missing"):
        site.build_site("smoke")
    assert (small / "_build" / "html" / "book" / "index.html").read_bytes() == before


def test_a_notebook_that_was_not_executed_is_named(small):
    (small / "notebooks").mkdir()
    shutil.copy(next((repository_root() / "notebooks").glob("01_*.ipynb")), small / "notebooks")
    with pytest.raises(FileNotFoundError, match=r"01_\w+\.ipynb: not executed yet; run `lrm reproduce"):
        site.build_site("smoke")


def test_the_end_of_a_report_is_shown_where_it_names_no_warning():
    report = "\n".join(f"line {number}" for number in range(100))
    assert site._complaints(report).splitlines()[0] == "line 70"
    assert site._complaints(report + "\na.md:3: WARNING: bad") == "a.md:3: WARNING: bad"
