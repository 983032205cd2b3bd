"""Identity of data and code."""

import subprocess
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch

from lrm_core.evidence.provenance import code_revision, data_hash, machine
from lrm_core.objects import RenderedObject


@pytest.mark.parametrize("name", ["images", "masks", "poses", "intrinsics"])
def test_one_changed_number_changes_the_hash(item: RenderedObject, name: str) -> None:
    changed = getattr(item, name).clone()
    last = changed.view(-1)[-1:]
    last.copy_(torch.nextafter(last, torch.tensor(torch.inf)))
    assert data_hash(replace(item, **{name: changed})) != data_hash(item)


def test_the_hash_follows_the_content_alone(item: RenderedObject) -> None:
    tensors = {f.name: getattr(item, f.name).clone() for f in fields(item) if f.name != "name"}
    assert data_hash(RenderedObject(name="renamed", **tensors)) == data_hash(item)
    transposed = replace(item, images=item.images.transpose(-1, -2).contiguous().transpose(-1, -2))
    assert data_hash(transposed) == data_hash(item)


def test_shape_counts(item: RenderedObject) -> None:
    assert data_hash(replace(item, images=item.images.flatten(2))) != data_hash(item)


def test_revision_of_a_clean_a_dirty_and_no_repository(tmp_path: Path) -> None:
    assert code_revision(tmp_path / "missing") == "unknown"

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True)

    git("init")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-m", "first")
    clean = code_revision(tmp_path)
    assert len(clean) == 12
    (tmp_path / "a").write_text("2")
    assert code_revision(tmp_path) == clean + "+dirty"


def test_without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert code_revision() == "unknown"


def test_machine_names_no_host() -> None:
    described = machine()
    assert described["torch"] == torch.__version__
    assert set(described) == {"processor", "cores", "accelerator", "torch", "python"}
