"""Training in several processes: the same as in one, and they end together."""

import multiprocessing
from dataclasses import replace

import torch
from click.testing import CliRunner
from safetensors.torch import load_file
from test_pretrain import SHORT, TINY

from lrm_core.cli import main
from lrm_core.training.pretrain import default_processes, pretrain, pretrain_in_processes
from lrm_core.training.pretrain_config import PRESETS


def test_processes_are_at_most_the_groups_of_a_batch():
    assert default_processes(1) == 1
    assert 1 <= default_processes(64) <= 64


def test_two_processes_train_as_one_does(tmp_path, one_thread):
    """Gloo between real processes; the sum over two groups is the same to the last bit."""
    config = replace(SHORT, steps=2)
    pretrain_in_processes(tmp_path / "two", TINY, config, processes=2)
    pretrain(tmp_path / "one", TINY, config)
    one, two = (load_file(tmp_path / run / "state.safetensors") for run in ("one", "two"))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_ctrl_c_ends_the_processes_and_keeps_the_checkpoint(tmp_path, monkeypatch, capfd, interrupt):
    checkpoint = tmp_path / "state.safetensors"
    interrupt(checkpoint.exists)
    endless = replace(SHORT, steps=10**6, checkpoint_every=1, validate_every=10**6)
    monkeypatch.setitem(PRESETS, "tiny", (TINY, endless))
    command = ["pretrain", "--preset", "tiny", "--run", str(tmp_path), "--processes", "2"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 130
    assert result.stderr == "Interrupted; finished work is kept.\n"
    assert "Traceback" not in capfd.readouterr().err
    assert multiprocessing.active_children() == []
    assert load_file(checkpoint)
