"""Checkpoints: what is written comes back, and each way a file can be wrong is one clear error."""

import errno
import json
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_model import TINY

from lrm_core.model import checkpoints
from lrm_core.model.checkpoints import INDEX, load_model, read_metadata, save_checkpoint
from lrm_core.model.config import LRMConfig
from lrm_core.model.lrm import LRM, model_hash

PARITY = Path(__file__).parents[1] / "fixtures" / "parity"


@pytest.fixture
def model() -> LRM:
    torch.manual_seed(0)
    return LRM(TINY)


@pytest.fixture
def saved(model: LRM, tmp_path: Path) -> Path:
    path = tmp_path / "some" / "model.safetensors"
    save_checkpoint(model, path, metadata={"step": "7"})
    return path


def _rewrite(path: Path, **changes: torch.Tensor | None) -> None:
    """Write the file again with some tensors replaced, or left out where None."""
    metadata, state = read_metadata(path), {**load_file(path), **changes}
    save_file({name: value for name, value in state.items() if value is not None}, path, metadata=metadata)


def test_float16_round_trip(model: LRM, saved: Path) -> None:
    loaded = load_model(saved)
    assert loaded.config == model.config
    assert not loaded.training
    assert all(parameter.requires_grad for parameter in loaded.parameters())
    for name, tensor in model.state_dict().items():
        found = loaded.state_dict()[name]
        assert found.dtype == torch.float32
        assert torch.equal(found, tensor.half().float()), name
    assert load_file(saved)["pos_embed"].dtype == torch.float16
    assert read_metadata(saved)["step"] == "7"
    assert [path.name for path in saved.parent.iterdir()] == ["model.safetensors"]


def test_frozen_encoder_stays_frozen(tmp_path: Path) -> None:
    save_checkpoint(LRM(replace(TINY, encoder_freeze=True)), tmp_path / "frozen.safetensors")
    loaded = load_model(tmp_path / "frozen.safetensors")
    assert not any(parameter.requires_grad for parameter in loaded.encoder.parameters())
    assert all(parameter.requires_grad for parameter in loaded.transformer.parameters())


@torch.no_grad()
def test_hub_folder(tmp_path: Path) -> None:
    """A folder as the hub lays it out: config.json beside parameters without a configuration."""
    vectors = load_file(PARITY / "lrm_tiny.safetensors")
    meta = json.loads((PARITY / "meta.json").read_text())["lrm_tiny"]
    config = LRMConfig.from_openlrm(meta["config"], vit=meta["vit"]).to_dict()
    (tmp_path / "config.json").write_text(json.dumps(config))
    state = {name.removeprefix("param."): v for name, v in vectors.items() if name.startswith("param.")}
    save_file(state, tmp_path / "model.safetensors")
    planes = load_model(tmp_path).predict_planes(vectors["image"], vectors["source_camera"])
    assert (planes - vectors["planes"]).abs().max() <= 1e-5 * vectors["planes"].abs().max()


def _shard(saved: Path, model: LRM, prefix: str = "") -> Path:
    """The folder of a checkpoint in two shards with their index, as the hub's client writes it."""
    state, folder = load_file(saved), saved.parent
    saved.unlink()
    (folder / "config.json").write_text(json.dumps(model.config.to_dict()))
    names, where = sorted(state), {}
    for number, part in enumerate((names[::2], names[1::2]), start=1):
        file = f"model-{number:05d}-of-00002.safetensors"
        save_file({prefix + name: state[name] for name in part}, folder / file)
        where |= {prefix + name: file for name in part}
    (folder / INDEX).write_text(json.dumps({"metadata": {"total_size": 0}, "weight_map": where}))
    return folder


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod."])
def test_shards_and_what_wrappers_put_before_names(saved: Path, model: LRM, prefix: str) -> None:
    whole = model_hash(load_model(saved))
    folder = _shard(saved, model, prefix)
    assert model_hash(load_model(folder)) == whole
    assert model_hash(load_model(folder / INDEX)) == whole


def test_a_shard_that_is_missing_cut_or_of_another_model_is_named(saved: Path, model: LRM) -> None:
    folder = _shard(saved, model)
    second = folder / "model-00002-of-00002.safetensors"
    content = second.read_bytes()
    second.write_bytes(content[:-10])
    with pytest.raises(ValueError, match=r"model-00002-of-00002.safetensors: not a whole safetensors file"):
        load_model(folder)
    second.write_bytes((folder / "model-00001-of-00002.safetensors").read_bytes())
    with pytest.raises(ValueError, match=r"model-00002-of-00002.safetensors: .* is in another shard too"):
        load_model(folder)
    save_file({"other": torch.zeros(1)}, second)
    with pytest.raises(ValueError, match=r"index.json: .* 1 unexpected \(other\).* in config.json beside it"):
        load_model(folder)
    second.unlink()
    with pytest.raises(FileNotFoundError, match=r"00002-of-00002.safetensors: no such .* which .*index"):
        load_model(folder)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"weight_map": {}}', '{"weight_map": {"a": "../b"}}'])
def test_an_index_that_is_none_is_named(saved: Path, model: LRM, text: str) -> None:
    folder = _shard(saved, model)
    (folder / INDEX).write_text(text)
    with pytest.raises(ValueError, match=r"model.safetensors.index.json: "):
        load_model(folder)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "last.ckpt", "weights.pt", "weights.pth"])
def test_the_command_that_a_pickle_gets_converts_it(saved: Path, model: LRM, name: str) -> None:
    state, folder = load_file(saved), saved.parent
    saved.unlink()
    (folder / "config.json").write_text(json.dumps(model.config.to_dict()))
    torch.save({"state_dict": state} if name.endswith("ckpt") else state, folder / name)
    for given in (folder, folder / name):
        with pytest.raises(ValueError, match=rf"{name}: a pickle, which could run code") as refused:
            load_model(given)
    command = str(refused.value).partition("once: python ")[2]
    subprocess.run([sys.executable, *shlex.split(command)], check=True)
    assert load_model(folder).config == model.config


@pytest.mark.parametrize("name", ["someone/openlrm-mix-base-1.1", "maxi", "openlrm-mix-huge-1.1", "openlrm-base-1.0"])
def test_unknown_name_lists_the_known(name: str) -> None:
    with pytest.raises(ValueError, match=rf"unknown model '{name}': known are .*openlrm-mix-base-1.1.*mini"):
        load_model(name)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent.safetensors: no such checkpoint"):
        load_model(tmp_path / "absent.safetensors")
    with pytest.raises(FileNotFoundError, match=r"^absent.safetensors: no such checkpoint"):
        load_model("absent.safetensors")


def test_folder_without_configuration(saved: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"config.json: no such file"):
        load_model(saved.parent)


@pytest.mark.parametrize("keep", [0, 5, 500, -10])
def test_truncated_file(saved: Path, keep: int) -> None:
    saved.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"model.safetensors: not a whole safetensors file .* truncated"):
        load_model(saved)


def test_foreign_file(saved: Path) -> None:
    save_file({"weight": torch.zeros(3)}, saved)
    with pytest.raises(ValueError, match=r"model.safetensors: no model configuration in its header"):
        load_model(saved)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_parameter_that_is_not_finite(saved: Path, value: float) -> None:
    _rewrite(saved, pos_embed=torch.full((1, 48, 24), value))
    with pytest.raises(ValueError, match="1 tensors hold NaN or infinity, first pos_embed; damaged"):
        load_model(saved)


@pytest.mark.parametrize("text", ["{", "[]", '{"transformer_dim": 24}'])
def test_foreign_configuration(saved: Path, text: str) -> None:
    (saved.parent / "config.json").write_text(text)
    with pytest.raises(ValueError, match=r"config.json: not the configuration of an LRM"):
        load_model(saved.parent)


def test_overflow_is_not_written(model: LRM, saved: Path) -> None:
    before = saved.read_bytes()
    with torch.no_grad():
        model.pos_embed.fill_(1e6)
    with pytest.raises(ValueError, match="not written: 1 parameters hold NaN or infinity"):
        save_checkpoint(model, saved)
    assert saved.read_bytes() == before


def test_hub_with_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(repository: str, *, local_files_only: bool = False, **_: object) -> str:
        if local_files_only:
            raise huggingface_hub.errors.LocalEntryNotFoundError("nothing cached")
        raise OSError(errno.ENOSPC, "No space left on device", "blobs")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", full)
    with pytest.raises(OSError, match="No space left on device: 'blobs'"):
        load_model("openlrm-obj-small-1.1")


def test_mini_is_read_from_the_data_folder(saved: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(checkpoints, "data_dir", lambda: tmp_path / "data")
    (tmp_path / "data" / "mini").mkdir(parents=True)
    saved.rename(tmp_path / "data" / "mini" / "mini.safetensors")
    assert load_model("mini").config == TINY


def test_hash_sees_one_changed_value(model: LRM) -> None:
    before = model_hash(model)
    assert len(before) == 64
    assert model_hash(model) == before
    with torch.no_grad():
        model.decoder.net[6].bias[2] += 1e-6
    assert model_hash(model) != before


@pytest.mark.skipif(torch.cuda.is_available(), reason="has CUDA")
def test_a_gpu_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"device cuda: PyTorch .* sees no CUDA GPU here; choose"):
        load_model("mini", device="cuda")
