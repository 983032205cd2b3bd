"""Identity of data and code."""

import subprocess
from dataclasses import fields, replace

import huggingface_hub
import huggingface_hub.constants
import pytest
import torch

from lrm_core import load_model
from lrm_core.model.lrm import model_hash
from lrm_core.objects import RenderedObject
from lrm_core.objects.dataset import data_hash
from lrm_core.records import provenance
from lrm_core.records.provenance import code_revision, weights_hash


def test_the_hash_follows_the_content_alone(item):
    tensors = {f.name: getattr(item, f.name).clone() for f in fields(item) if f.name not in ("name", "source")}
    assert data_hash(RenderedObject(name="renamed", **tensors)) == data_hash(item)
    transposed = replace(item, images=item.images.transpose(-1, -2).contiguous().transpose(-1, -2))
    assert data_hash(transposed) == data_hash(item)
    for name, changed in tensors.items():
        last = changed.view(-1)[-1:]
        last.copy_(torch.nextafter(last, torch.tensor(torch.inf)))
        assert data_hash(replace(item, **{name: changed})) != data_hash(item), name


def test_revision_of_a_clean_a_dirty_and_no_repository(tmp_path):
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
    record = tmp_path / "data/results/mini/e05.json"
    record.parent.mkdir(parents=True)
    for text in ("1", "2"):
        record.write_text(text)
        git("add", ".")
    assert code_revision(tmp_path) == clean, "records do not make each other dirty"
    (tmp_path / "a").write_text("2")
    assert code_revision(tmp_path) == clean + "+dirty"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty cache of the hub, and no network; no hash is remembered from before or for later."""

    look = huggingface_hub.snapshot_download

    def unreachable(*arguments: object, **options: object) -> str:
        assert options.get("local_files_only"), "asked for a download"
        return look(*arguments, **options)

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    provenance._read_hash.cache_clear()
    yield tmp_path
    provenance._read_hash.cache_clear()


def test_the_hash_of_the_weights_in_the_repository_is_taken_once(monkeypatch):
    assert weights_hash("mini") == model_hash(load_model("mini"))
    monkeypatch.delattr(provenance, "load_model")
    assert weights_hash("mini")


def test_weights_on_the_hub_count_once_they_are_here(hub, model, monkeypatch):
    name = "openlrm-mix-base-1.1"
    assert weights_hash(name) is None
    folder = hub / f"models--zxhezexin--{name}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    (folder / "snapshots" / ("0" * 40)).mkdir(parents=True)
    (folder / "snapshots" / ("0" * 40) / "config.json").touch()
    assert weights_hash(name) is None
    (folder / "snapshots" / ("0" * 40) / "model.safetensors").touch()
    monkeypatch.setattr(provenance, "load_model", {name: model}.__getitem__)
    assert weights_hash(name) == model_hash(model)
