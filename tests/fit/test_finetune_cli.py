"""`lrm finetune`: the published spellings, and the same run in two processes."""

import csv
import json
import re
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import load_file
from tiny_folder import launched
from tiny_runs import tiny_model, tiny_object

from lrm_core.cli import main
from lrm_core.model.checkpoints import save_checkpoint
from lrm_core.objects import save_object
from lrm_core.objects.files import write_splits


@pytest.fixture
def command(tmp_path):
    """`lrm finetune` with the published spellings, on a tiny model and four tiny objects."""
    save_checkpoint(tiny_model(), tmp_path / "tiny.safetensors", dtype=torch.float32)
    names = [f"square_{seed}" for seed in range(4)]
    for seed, name in enumerate(names):
        item = tiny_object(seed, views=24)
        rgba = torch.cat([item.images, item.masks], dim=1)
        save_object(tmp_path / "objects" / name, rgba, item.poses, item.intrinsics)
    write_splits(tmp_path / "objects", names, seed=0)
    published = ["--rank", "4", "--freq-weight", "5.0", "--freq-cutoff", "0.3", "--lr", "5e-4"]
    places = ["--data-dir", str(tmp_path / "objects"), "--model-name", str(tmp_path / "tiny.safetensors")]
    return ["finetune", *published, "--steps", "2", "--batch", "2", *places]


def _lrm(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def _losses(folder: Path) -> list[float]:
    return [float(row["loss"]) for row in csv.DictReader((folder / "losses.csv").open())]


def test_the_published_command_runs(command, tmp_path):
    result = _lrm(*command, "--output-dir", str(tmp_path / "run"))
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{tmp_path}/run: l1 0.")
    stored = json.loads((tmp_path / "run/config.json").read_text())
    assert [name for name, _ in stored["train"]] == ["square_0", "square_1", "square_3"]
    assert stored["finetune"]["loss"] == {
        "low_weight": 5.0,
        "high_weight": 1.0,
        "cutoff": 0.3,
        "unit": "cycles_per_pixel",
        "perceptual_weight": 0.0,
    }
    header, *scores = csv.reader((tmp_path / "run/scores.csv").open())
    assert header == ["step", "object", "l1", "psnr", "ssim", "lpips"]
    assert [row[:2] for row in scores] == [["0", "square_2"], ["2", "square_2"]]
    assert load_file(tmp_path / "run/adapter.safetensors")


def test_two_processes_of_accelerate_launch_train_as_one_with_the_double_batch(command, tmp_path):
    """Each takes one of the two pairs of a step; Gloo between real processes."""
    printed = launched(tmp_path, *command, "--output-dir", str(tmp_path / "two"))
    assert sorted(re.findall(r"rank (\d)", printed)) == ["0", "1"]
    assert printed.count(f"{tmp_path}/two: l1 ") == 1
    assert _lrm(*command, "--output-dir", str(tmp_path / "one")).exit_code == 0
    assert _losses(tmp_path / "two") == pytest.approx(_losses(tmp_path / "one"), rel=1e-5)
    two, one = (load_file(tmp_path / folder / "adapter.safetensors") for folder in ("two", "one"))
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data-dir", "nowhere"], "nowhere/meta/train_uids.json: no such list of objects"),
        (["--rank", "0"], "expected a rank of at least 1"),
        (["--model-name", "tiny"], "unknown model 'tiny'"),
    ],
)
def test_bad_input_is_one_sentence(command, tmp_path, arguments, message):
    result = _lrm(*command, "--output-dir", str(tmp_path / "run"), *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
