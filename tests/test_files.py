"""Damaged files: told by their checksums, named, never a stack of errors."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from lrm_core import files
from lrm_core.atomic import save_tensors
from lrm_core.cli import main
from lrm_core.files import check_listed, digest, fingerprint, read_json, read_tensors
from lrm_core.model import checkpoints
from lrm_core.paths import data_dir
from lrm_core.records import provenance


def test_tensors_that_are_not_finite_are_told_without_a_digest(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"a": torch.tensor([1.0, torch.nan])}, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=r"a\.safetensors: 1 tensors hold NaN or infinity, first a; go home"):
        read_tensors(tmp_path / "a.safetensors", "go home")


def test_tensors_have_the_mode_that_the_umask_gives(tmp_path: Path) -> None:
    save_tensors(tmp_path / "a.safetensors", {"a": torch.zeros(2)}, {})
    (tmp_path / "b").touch()
    assert (tmp_path / "a.safetensors").stat().st_mode == (tmp_path / "b").stat().st_mode


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"\xff", "UTF-8"), (b"[" * 100_000, "deeply"), (b"{", "readable"), (b'{"a": NaN}', "holds NaN")],
)
def test_json_that_cannot_be_read_is_named(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=rf"a\.json: .*{why}"):
        read_json(tmp_path / "a.json")


@pytest.fixture
def damaged_mini(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder whose mini model has one flipped bit."""
    path = tmp_path / "data/mini/mini.safetensors"
    path.parent.mkdir(parents=True)
    content = bytearray((data_dir() / "mini/mini.safetensors").read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    shutil.copy(data_dir() / files.MANIFEST, tmp_path / "data")
    for module in (files, checkpoints):
        monkeypatch.setattr(module, "data_dir", lambda: tmp_path / "data")
    provenance._read_hash.cache_clear()
    yield path
    provenance._read_hash.cache_clear()


def test_a_flipped_bit_of_the_mini_model_ends_the_command(damaged_mini: Path) -> None:
    result = CliRunner().invoke(main, ["verdicts"])
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {damaged_mini}: SHA-256 ")
    assert "git checkout -- data/mini/mini.safetensors" in result.stderr


def test_what_the_manifest_does_not_list_passes(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    check_listed(tmp_path / "a")
    check_listed(data_dir() / "mini/train-tiny.yaml")


def test_what_a_desktop_leaves_in_a_folder_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    before = digest(tmp_path)
    (tmp_path / ".DS_Store").write_text(json.dumps({}))
    assert digest(tmp_path) == before


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
