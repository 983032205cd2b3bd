"""Shipping the oracles of the live object, in a data folder of its own."""

import os
from pathlib import Path

import pytest
import torch

from lrm_core.findings.verdicts import FINDINGS, experiment_table
from lrm_core.fit.oracle import OracleFit
from lrm_core.measure.experiments import get_experiment
from lrm_core.measure.oracles import STARTS, OracleCache, load_oracle, oracle_fingerprint, save_oracle
from lrm_core.objects.build import make_entry, read_manifest, record_entries
from lrm_core.page import shipping
from lrm_core.paths import data_dir
from lrm_core.profiles import Profile, get_profile

PLAN = Profile("mini", "tiny", ("group",), 1, iterations=2, rays_per_step=32, seeds=(0,))


@pytest.fixture
def cache(tmp_path, model, item, monkeypatch):
    """A cache with the oracles of the item, and everything else pointed at a temporary folder."""
    data = tmp_path / "data"
    (data / shipping.ORACLES).mkdir(parents=True)
    (data / shipping.ORACLES / "old.safetensors").write_bytes(b"old")
    old = make_entry(data, f"{shipping.ORACLES}/old.safetensors", source="old", licence="CC0-1.0", seed=0)
    record_entries(data, [old])
    monkeypatch.setattr(shipping, "data_dir", lambda: data)
    monkeypatch.setattr(shipping, "get_profile", lambda name: PLAN)
    monkeypatch.setattr(shipping, "load_model", lambda name: model)
    monkeypatch.setattr(shipping, "load_item", lambda plan, folder: item)
    monkeypatch.setattr(Profile, "object_folders", lambda self, every=False: [data])
    monkeypatch.setattr(Profile, "object_folder", lambda self, name: data / name)
    monkeypatch.setattr(shipping, "shown_objects", lambda profile: ())
    monkeypatch.setattr(shipping, "FINDINGS", {})
    monkeypatch.setattr(shipping, "traced_oracles", lambda plan: {})
    monkeypatch.setattr(shipping, "nine_sheet", lambda plan, model: ("nine-0", b"pictures"))
    monkeypatch.setattr(shipping, "rungs_sheet", lambda: ("rungs-0", b"pictures"))
    cache = OracleCache(tmp_path / "oracles", data / shipping.ORACLES)
    cache.folder.mkdir()
    config = get_experiment("e02_basins").configuration(PLAN).oracle
    for start in STARTS:
        fitted = OracleFit(torch.zeros(3, 1, 2, 2), {"start": [start]})
        save_oracle(cache.path(oracle_fingerprint(model, item, start, config, 0)), fitted)
    return cache


def start_of(path: Path) -> str:
    return load_oracle(path).history["start"][0]


def test_oracles_of_the_live_object_replace_the_older_ones(cache):
    data = shipping.data_dir()
    shipped = shipping.ship_oracles(cache)
    *oracles, nine, rungs = shipped
    assert sorted(map(start_of, oracles)) == sorted(STARTS)
    assert nine.read_bytes() == rungs.read_bytes() == b"pictures"
    assert set((data / shipping.ORACLES).iterdir()) == set(shipped)
    assert [entry.path for entry in read_manifest(data)] == sorted(
        path.relative_to(data).as_posix() for path in shipped
    )
    for path in cache.folder.iterdir():
        path.unlink()
    assert shipping.ship_oracles(cache) == shipped  # found where they were shipped to


def test_a_reader_of_an_old_file_keeps_it_whole(cache, tmp_path):
    """Files are replaced, not written over: a second name of the old one still leads to what it held."""
    path = shipping.ship_oracles(cache)[0]
    path.write_text("older")
    os.link(path, tmp_path / "reader")
    shipping.ship_oracles(cache)
    assert start_of(path) in STARTS
    assert (tmp_path / "reader").read_text() == "older"


def test_an_oracle_that_is_missing_or_damaged_is_named_and_not_shipped(cache):
    path = next(path for path in cache.folder.iterdir() if start_of(path) == "null")
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ValueError, match=rf"{path.name}: its content does not have"):
        shipping.ship_oracles(cache)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="disc0: no oracle from null; run `lrm records` first"):
        shipping.ship_oracles(cache)


def test_findings_want_the_oracles_of_their_examples():
    wanted = shipping.wanted_oracles(get_profile("mini"))
    assert next(iter(wanted.values())) == list(STARTS)
    folder = data_dir() / shipping.ORACLES
    wanted_of_both = [*wanted.values(), *shipping.traced_oracles(get_profile("cycles")).values()]
    assert len(list(folder.glob("*.safetensors"))) == sum(map(len, wanted_of_both))
    table = experiment_table(FINDINGS["C2"].rule.experiment, "mini")
    groups = {folder.name: folder.parent.name for folder in get_profile("mini").object_folders()}
    assert set(FINDINGS["C2"].starts) <= set(wanted[FINDINGS["C2"].example(table, groups)])
