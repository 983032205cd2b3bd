"""The build itself: what it needs, what it refuses, and that a refusal changes nothing."""

import shutil

import pytest

from lrm_core import site
from lrm_core.paths import repository_root

CONFIG = "title: t\nauthor: a\nonly_build_toc_files: true\nexecute: {execute_notebooks: 'off'}\n"
TOC = "format: jb-book\nroot: book/index\nchapters:\n- file: book/still\n- file: book/other\n"


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A repository of three pages and no notebook."""
    (tmp_path / "book" / "assets" / "vendor").mkdir(parents=True)
    for name in ("index", "still", "other"):
        (tmp_path / "book" / f"{name}.md").write_text(f"# Page {name}\n\nText.\n")
    (tmp_path / "_config.yml").write_text(CONFIG)
    (tmp_path / "_toc.yml").write_text(TOC)
    monkeypatch.setattr(site, "repository_root", lambda: tmp_path)
    return tmp_path


def test_pages_are_kept_until_their_source_changes_and_a_warning_leaves_them_alone(small):
    first = site.build_site("smoke")
    assert first.index == small / "_build" / "html" / "index.html"
    assert not first.cached
    assert site.build_site("smoke").cached

    pages = small / "_build" / "book_work" / "_build" / "html" / "book"
    before = (pages / "still.html").stat().st_mtime_ns
    (small / "book" / "other.md").write_text("# Page other\n\nAfter.\n")
    assert not site.build_site("smoke").cached
    other = first.index.parent / "book" / "other.html"
    assert "After." in other.read_text()
    assert (pages / "still.html").stat().st_mtime_ns == before

    whole = other.read_bytes()
    (small / "book" / "other.md").write_text("# Page other\n\n[nowhere](missing.md)\n")
    with pytest.raises(ValueError, match=r"the site was not built:\n.*other\.md:3: WARNING: .*missing"):
        site.build_site("smoke")
    assert other.read_bytes() == whole


def test_a_notebook_that_was_not_executed_is_named(small):
    (small / "notebooks").mkdir()
    shutil.copy(next((repository_root() / "notebooks").glob("01_*.ipynb")), small / "notebooks")
    with pytest.raises(FileNotFoundError, match=r"01_\w+\.ipynb: not executed yet; run `lrm reproduce"):
        site.build_site("smoke")


def test_the_end_of_a_report_is_shown_where_it_names_no_warning():
    report = "\n".join(f"line {number}" for number in range(100))
    assert site._complaints(report).splitlines()[0] == "line 70"
    assert site._complaints(report + "\na.md:3: WARNING: bad") == "a.md:3: WARNING: bad"
