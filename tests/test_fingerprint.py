"""The hash of a set of files: it depends on names and contents, and on nothing else."""

import shutil

import pytest

from lrm_core.fingerprint import fingerprint


@pytest.fixture
def folder(tmp_path):
    """A folder of two files, one of them in a subfolder."""
    (tmp_path / "f" / "sub").mkdir(parents=True)
    (tmp_path / "f" / "a.txt").write_text("a")
    (tmp_path / "f" / "sub" / "b.txt").write_text("b")
    return tmp_path / "f"


def test_a_copy_elsewhere_has_the_same_hash(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "elsewhere" / "f")
    assert fingerprint([copy]) == fingerprint([folder])


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a.txt").write_text("A"),
        lambda folder: (folder / "a.txt").rename(folder / "c.txt"),
        lambda folder: (folder / "sub" / "b.txt").unlink(),
        lambda folder: (folder / "new").write_text(""),
    ],
    ids=["content", "name", "removed", "added"],
)
def test_any_change_of_a_file_shows(folder, change):
    before = fingerprint([folder])
    change(folder)
    assert fingerprint([folder]) != before


def test_caches_of_python_and_times_do_not_count(folder):
    before = fingerprint([folder])
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.pyc").write_bytes(b"x")
    (folder / "a.txt").touch()
    assert fingerprint([folder]) == before


def test_text_and_the_appearance_of_a_file_count(folder, tmp_path):
    assert fingerprint([folder], "x") != fingerprint([folder], "y")
    before = fingerprint([folder, tmp_path / "later"])
    (tmp_path / "later").write_text("")
    assert fingerprint([folder, tmp_path / "later"]) != before
