"""Published weights: a hub on this machine with every fault, and full-size files as its cache lays them out."""

import contextlib
import hashlib
import json
import os
import shutil
import struct
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from hub_server import COMMITS, point_client_at, serving
from huggingface_hub import constants
from safetensors.torch import save
from tiny_model import TINY

from lrm_core.cli import main
from lrm_core.model.checkpoints import load_model
from lrm_core.model.config import PRESETS
from lrm_core.model.hub import PUBLISHED, WEIGHTS, cached, fetch, parameter_count
from lrm_core.model.lrm import LRM

NAME = "openlrm-mix-base-1.1"
REPOSITORY = f"zxhezexin/{NAME}"


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    return folder


@pytest.fixture
def hub(cache, monkeypatch):
    torch.manual_seed(0)
    files = {
        "config.json": json.dumps(TINY.to_dict()).encode(),
        WEIGHTS: save(LRM(TINY).state_dict()),
        "README.md": b"not asked for",
    }
    with serving(files) as running:
        point_client_at(running.address, monkeypatch)
        yield running


def _home(cache: Path, name: str = NAME) -> Path:
    return cache / f"models--zxhezexin--{name}"


def test_first_use_downloads_two_files_and_shows_the_licence_once(hub, cache, capsys):
    assert load_model(NAME).config == TINY
    assert "CC BY-NC 4.0" in capsys.readouterr().err
    assert sorted(name for name, *_ in hub.asked) == ["config.json", WEIGHTS]
    assert load_model(REPOSITORY).config == TINY
    assert capsys.readouterr().err == ""
    assert len(hub.asked) == 2


def test_the_first_commit_stays_although_the_hub_has_a_newer_one(hub, cache):
    fetch(NAME)
    assert json.loads((_home(cache) / "lrm_core.json").read_text())["commit"] == COMMITS[0]
    hub.newest = 1
    (_home(cache) / "refs" / "main").write_text(COMMITS[1])  # as another program leaves it
    for folder in ("snapshots", "blobs"):
        shutil.rmtree(_home(cache) / folder)
    assert fetch(NAME).name == COMMITS[0]
    assert {commit for *_, commit in hub.asked} == {COMMITS[0]}
    assert len(hub.asked) == 4


def test_a_broken_download_goes_on_where_it_stopped(hub, cache, monkeypatch):
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1000)
    hub.fault = "cut"
    with contextlib.suppress(FileNotFoundError):  # unless the client itself tries again
        fetch(NAME)
    fetch(NAME)
    starts = [first for name, first, _ in hub.asked if name == WEIGHTS]
    assert starts[0] == 0
    assert starts[-1] > 10_000
    assert (cached(NAME) / WEIGHTS).read_bytes() == hub.files[WEIGHTS]


def test_another_checksum_is_one_sentence(hub, cache):
    hub.fault = "wrong"
    expected = hashlib.sha256(hub.files[WEIGHTS]).hexdigest()
    for _ in range(2):  # it is not forgotten
        with pytest.raises(ValueError, match=rf"SHA-256 [0-9a-f]{{64}} instead of {expected}, .* damaged"):
            load_model(NAME)


def test_weights_that_change_in_the_cache_are_compared_again(hub, cache):
    weights = fetch(NAME) / WEIGHTS
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.resolve().write_bytes(content)
    os.utime(weights.resolve(), ns=(1, 1))
    with pytest.raises(ValueError, match="the file is damaged; remove"):
        fetch(NAME)


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        ("RepoNotFound", ValueError, "the hub has no such repository"),
        ("GatedRepo", PermissionError, "is gated: accept its terms on the hub, log in"),
    ],
)
def test_a_refusal_is_one_sentence(hub, cache, fault, kind, message):
    hub.fault = fault
    with pytest.raises(kind, match=rf"^{REPOSITORY}:? .*{message}|{REPOSITORY} {message}") as caught:
        load_model(NAME)
    assert "or pass the path of a folder with config.json and model.safetensors" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_network_is_one_sentence(hub, cache, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(FileNotFoundError, match=f"^{REPOSITORY} could not be downloaded .* connect to"):
        load_model(NAME)


def test_offline_mode_uses_the_cache_and_says_so_without(hub, cache, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(FileNotFoundError, match=r"not in the local cache \(HF_HUB_OFFLINE is set\)"):
        load_model(NAME)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    fetch(NAME)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert load_model(NAME).config == TINY


def _full_size(cache: Path, name: str, value: float = 0.0, **changes: tuple | None) -> Path:
    """Weights as the cache holds them: a sparse file of zeros with the decoder's last bias set to `value`."""
    with torch.device("meta"):
        shapes = {key: tuple(tensor.shape) for key, tensor in LRM(PRESETS[name]).state_dict().items()}
    shapes = {key: shape for key, shape in {**shapes, **changes}.items() if shape is not None}
    header, end = {}, 0
    for key, shape in shapes.items():
        size = 4 * torch.Size(shape).numel()
        header[key] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    snapshot = _home(cache, name) / "snapshots" / COMMITS[0]
    snapshot.mkdir(parents=True)
    for folder, file, content in (("refs", "main", COMMITS[0]), ("blobs", "config", "")):
        (_home(cache, name) / folder).mkdir()
        (_home(cache, name) / folder / file).write_text(content)
    config = PRESETS[name].to_dict() | {"vit": {}}
    (snapshot / "config.json").write_text(json.dumps(config))
    blob = _home(cache, name) / "blobs" / "weights"
    with blob.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
        file.seek(8 + len(text) + header["synthesizer.decoder.net.6.bias"]["data_offsets"][0])
        file.write(struct.pack("<4f", *[value] * 4))
    (snapshot / WEIGHTS).symlink_to(blob)
    return snapshot


@pytest.mark.parametrize("name", ["openlrm-obj-small-1.1", "openlrm-mix-base-1.1"])
def test_full_size_weights_load_from_the_cache(cache, name):
    _full_size(cache, name, value=0.25)
    model = load_model(name)
    assert model.config == PRESETS[name]
    assert sum(parameter.numel() for parameter in model.parameters()) == parameter_count(PRESETS[name])
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert model.decoder.net[6].bias.tolist() == [0.25] * 4


def test_names_and_shapes_are_checked_by_the_header_alone(cache, monkeypatch):
    _full_size(cache, NAME, pos_embed=(1, 3, 768), **{"upsampler.bias": None, "extra": (2,)})
    monkeypatch.setattr(torch.Tensor, "isfinite", lambda _: pytest.fail("a tensor was read"))
    with pytest.raises(
        ValueError,
        match=r"1 missing \(upsampler.bias\), 1 unexpected \(extra\), "
        r"1 misshapen \(pos_embed \(1, 3, 768\) instead of \(1, 3072, 768\)\)",
    ):
        load_model(NAME)


def test_whole_numbers_are_not_parameters(tmp_path):
    state = {name: tensor.to(torch.int8) for name, tensor in LRM(TINY).state_dict().items()}
    (tmp_path / WEIGHTS).write_bytes(save(state))
    (tmp_path / "config.json").write_text(json.dumps(TINY.to_dict()))
    with pytest.raises(ValueError, match=r"parameters are not of type F16, BF16, F32, F64, first .* I8"):
        load_model(tmp_path)


def test_models_lists_every_name_and_what_is_here(cache):
    _full_size(cache, NAME)
    result = CliRunner().invoke(main, ["models"])
    assert result.exit_code == 0
    lines = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert lines.keys() == {"mini", *PUBLISHED}
    assert "260.2 M parameters" in lines[NAME]
    assert lines[NAME].endswith(f"{COMMITS[0]}/{WEIGHTS}")
    assert all("CC BY-NC 4.0" in lines[name] for name in PUBLISHED)
    assert all(lines[name].endswith("not here") for name in PUBLISHED if name != NAME)
    assert lines["mini"].endswith("mini.safetensors")
