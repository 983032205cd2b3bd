"""Short trainings that each change one thing."""

import csv
from dataclasses import replace

import pytest
import torch
from test_pretrain import SHORT, TINY

from lrm_core import load_model
from lrm_core.model.checkpoints import read_metadata
from lrm_core.model.lrm import LRM
from lrm_core.objects.build import read_manifest
from lrm_core.training import ablation, publish
from lrm_core.training.ablation import VARIANTS, ablate, varied
from lrm_core.training.pretrain import pretrain
from lrm_core.training.pretrain_config import PRESETS, get_preset


@pytest.fixture
def tiny(monkeypatch):
    """The preset "tiny" and two variants of it."""
    monkeypatch.setitem(PRESETS, "tiny", (TINY, SHORT))
    variants = {"as trained": ({}, {}), "two layers": ({"transformer_layers": 2}, {})}
    monkeypatch.setattr(ablation, "VARIANTS", variants)


def test_each_variant_has_a_row_with_its_own_size_and_score(tmp_path, tiny):
    rows = ablate("tiny", tmp_path / "runs", tmp_path / "table.csv", steps=2, processes=1)
    assert list(csv.DictReader((tmp_path / "table.csv").open())) == rows
    assert [row["variant"] for row in rows] == ["as trained", "two layers"]
    sizes = [sum(p.numel() for p in LRM(replace(TINY, transformer_layers=n)).parameters()) for n in (1, 2)]
    assert [int(row["parameters"]) for row in rows] == sizes
    assert {row["objects"] for row in rows} == {str(2 * SHORT.batch)}
    assert rows[0]["novel_psnr"] != rows[1]["novel_psnr"]


def test_finished_variants_are_not_trained_again(tmp_path, tiny, monkeypatch):
    first = ablate("tiny", tmp_path, tmp_path / "table.csv", ["as trained"], steps=2, processes=1)
    monkeypatch.setattr("lrm_core.training.pretrain.train_step", lambda *_: pytest.fail("trained again"))
    assert ablate("tiny", tmp_path, tmp_path / "table.csv", ["as trained"], steps=2, processes=1) == first


def test_a_table_in_the_data_is_in_its_manifest(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr("lrm_core.training.publish.data_dir", lambda: tmp_path / "data")
    ablate("tiny", tmp_path, tmp_path / "data/tiny/table.csv", ["as trained"], steps=2, processes=1)
    (entry,) = read_manifest(tmp_path / "data")
    assert (entry.path, entry.source) == ("tiny/table.csv", "lrm ablate --preset tiny")


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_changes_what_it_says_and_nothing_else(name):
    changed, kept = varied(name, *get_preset("mini-cpu")), get_preset("mini-cpu")
    differing = [
        {name for name in vars(new) if getattr(new, name) != getattr(old, name)}
        for new, old in zip(changed, kept, strict=True)
    ]
    assert differing == [set(changes) for changes in VARIANTS[name]]
    assert changed[0].vit.embed_dim % changed[0].vit.num_heads == 0


def test_rungs_are_the_averages_of_one_run_at_their_steps(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr(publish, "PRESET", "tiny")
    unbroken = pretrain(tmp_path / "unbroken", TINY, SHORT, until=2).averaged()
    first, second = publish.train_rungs(tmp_path, (1, 2), processes=1)
    monkeypatch.setattr("lrm_core.training.pretrain.train_step", lambda *_: pytest.fail("trained again"))
    assert publish.train_rungs(tmp_path, (2, 1), processes=1) == [first, second]
    for path, step in ((first, 1), (second, 2)):
        assert read_metadata(path)["steps"] == str(step)
    for mine, other in zip(load_model(second).parameters(), unbroken.parameters(), strict=True):
        torch.testing.assert_close(mine, other.half().float())
