"""Shipping adapters and contact sheets of fine-tuning, in a data folder of its own."""

import copy
import io
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from lrm_core.fit.lora import ADAPTERS, WEIGHTS, Adapters
from lrm_core.fit.scores import Example
from lrm_core.measure.finetuning import ArmData
from lrm_core.model.checkpoints import save_checkpoint
from lrm_core.objects.build import read_manifest
from lrm_core.objects.contact_sheets import SheetStore
from lrm_core.page import shipping
from lrm_core.page.repair import gallery
from lrm_core.page.repair.gallery import arm_sheet, file_name, tuned_model, untouched_sheet

VIEWS = (1, 3)


def _record(arm: str, rank: int | None, seed: int = 0) -> dict:
    hashes = {"fingerprint": f"f{arm}", "model_hash": "m", "data_hash": "d"}
    return {"object": arm, "seed": seed, **hashes, "configuration": {"finetune": {"rank": rank}}}


RUNS = ("full_mse", None), ("lora_freq", 2), ("lora_high", 2), ("lora_mse", 2, 1)
RECORDS = [_record(*run) for run in RUNS]


@pytest.fixture
def changed(model):
    """A copy of the model with adapters that change what it renders."""
    adapters = Adapters(copy.deepcopy(model), 2)
    with torch.no_grad():
        for parameter in adapters.model.parameters():
            if parameter.requires_grad:
                parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)))
    return adapters


@pytest.fixture
def place(model, make_object, changed, tmp_path, monkeypatch):
    """A recorder with the runs of two arms, the store of sheets, and the data folder."""
    data, runs = tmp_path / "data", tmp_path / "runs"
    for module in (shipping, gallery):
        monkeypatch.setattr(module, "data_dir", lambda: data)
    monkeypatch.setattr(shipping, "records", lambda profile: iter(RECORDS))
    for name in (shipping.SHEETS, gallery.SHIPPED):
        (data / name).mkdir(parents=True)
        (data / name / "old.webp").write_bytes(b"old")
    (data / "MANIFEST.json").write_text("[]")
    changed.save(runs / "flora_freq" / ADAPTERS)
    (runs / "ffull_mse").mkdir()
    save_checkpoint(changed.merged(), runs / "ffull_mse" / WEIGHTS, dtype=torch.float32)
    examples = [Example.of(model, make_object(seed), VIEWS) for seed in range(2)]
    recorder = SimpleNamespace(runs=runs, model=model, data=lambda arm: ArmData([], examples))
    return recorder, SheetStore(tmp_path / "cache", data / shipping.SHEETS), data


def _pixels(sheet: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(sheet)).convert("RGB")).astype(float)


def test_adapters_and_sheets_of_the_first_seed_replace_the_older_ones(place):
    recorder, sheets, data = place
    shipped = shipping.ship_adapters(recorder, sheets)
    names = sorted(path.relative_to(data).as_posix() for path in shipped)
    assert names == [
        "mini/adapters/lora_freq-s0-flora_freq.safetensors",
        "mini/sheets/full_mse-s0-ffull_mse.webp",
        "mini/sheets/lora_freq-s0-flora_freq.webp",
        "mini/sheets/untouched-m-d.webp",
    ]
    assert [entry.path for entry in read_manifest(data)] == names
    assert sorted(p.relative_to(data).as_posix() for p in (data / "mini").glob("*/*")) == names


def test_what_was_shipped_stands_without_the_runs(place, changed):
    recorder, sheets, data = place
    shipped = shipping.ship_adapters(recorder, sheets)
    before = {path: path.read_bytes() for path in shipped}
    for folder in recorder.runs.iterdir():
        for file in folder.iterdir():
            file.unlink()
    alone = SheetStore(data / "nowhere", sheets.shipped)
    assert arm_sheet(recorder, RECORDS[1], alone) == before[sheets.shipped / f"{file_name(RECORDS[1])}.webp"]
    assert shipping.ship_adapters(recorder, alone) == shipped
    assert {path: path.read_bytes() for path in shipped} == before
    path = gallery.weights_of(recorder, RECORDS[1])
    assert path == gallery.shipped_adapter(RECORDS[1])
    tuned, merged = tuned_model(recorder.model, path).state_dict(), changed.merged().state_dict()
    assert all(torch.equal(tuned[name], merged[name]) for name in merged)


def test_a_sheet_shows_the_run_and_not_the_untouched_model(place):
    recorder, sheets, _ = place
    untouched = _pixels(untouched_sheet(recorder, RECORDS[1], sheets))
    adapters, full = (_pixels(arm_sheet(recorder, record, sheets)) for record in RECORDS[1::-1])
    assert untouched.shape == (2 * 32, len(VIEWS) * 32, 3)
    assert np.abs(adapters - full).mean() < 1
    assert np.abs(adapters - untouched).mean() > 2 * np.abs(adapters - full).mean()


def test_a_run_without_weights_has_no_sheet_and_is_not_shipped(place, monkeypatch):
    recorder, sheets, _ = place
    (recorder.runs / "flora_freq" / ADAPTERS).unlink()
    assert arm_sheet(recorder, RECORDS[1], sheets) is None
    with pytest.raises(FileNotFoundError, match="no weights of lora_freq, seed 0"):
        shipping.ship_adapters(recorder, sheets)
    monkeypatch.setattr(shipping, "records", lambda profile: iter([]))
    assert shipping.ship_adapters() == []
