"""`lrm rank-ablation`, and the spelling with underscores that the published scripts use."""

import json
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from click.testing import CliRunner, Result

from lrm_core.cli import main
from lrm_core.measure import finetuning
from lrm_core.model.checkpoints import save_checkpoint
from lrm_core.objects import save_object
from lrm_core.objects.files import write_splits


def lrm(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def data(model, make_object, tmp_path):
    """Two tiny objects, and a tiny model beside their folder."""
    save_checkpoint(model, tmp_path / "tiny.safetensors", dtype=torch.float32)
    for seed in (0, 1):
        item = make_object(seed, views=24)
        rgba = torch.cat([item.images, item.masks], dim=1)
        save_object(tmp_path / "objects" / item.name, rgba, item.poses, item.intrinsics)
    write_splits(tmp_path / "objects", ["disc0", "disc1"], seed=0)
    return tmp_path / "objects"


def test_every_rank_with_both_losses(data, tmp_path):
    output = tmp_path / "runs"
    given = {"--data_dir": data, "--output_dir": output, "--model_name": tmp_path / "tiny.safetensors"}
    places = [str(part) for option in given.items() for part in option]
    result = lrm("rank_ablation", "--ranks", "1,2", "--ranks", "3", "--steps", "2", "--lr", "0.01", *places)
    assert result.exit_code == 0, result.output
    table = pd.read_csv(output / "rank_ablation.csv", keep_default_na=False)
    expected = [(0, ""), *((rank, loss) for rank in (1, 2, 3) for loss in ("mse", "freq"))]
    assert list(zip(table["rank"], table["loss"], strict=True)) == expected
    assert list(table.columns) == ["rank", "loss", "l1", "psnr", "ssim", "lpips"]
    for rank, loss, step in ((2, "freq", 2), (3, "mse", 2), (0, "", 0)):
        run = output / (f"{loss}_r{rank}" if rank else "mse_r1")
        scores = pd.read_csv(run / "scores.csv")
        found = table.loc[(table["rank"] == rank) & (table["loss"] == loss), "l1"].item()
        assert found == pytest.approx(scores.loc[scores["step"] == step, "l1"].mean(), rel=1e-6)
    recipe = json.loads((output / "freq_r2/config.json").read_text())["finetune"]
    assert (recipe["rank"], recipe["loss"]["low_weight"], recipe["lr"]) == (2, 5.0, 0.01)
    assert len(result.stdout.strip().splitlines()) == 8
    again = lrm("rank-ablation", "--ranks", "3,2,1", "--steps", "2", "--lr", "0.01", *places)
    assert again.exit_code == 0  # read back from the folders of the runs
    assert set(pd.read_csv(output / "rank_ablation.csv")["l1"]) == set(table["l1"])


@pytest.mark.parametrize("spelling", [str, lambda option: option.replace("-", "_").replace("__", "--")])
@pytest.mark.parametrize("command", ["finetune", "rank-ablation"])
def test_options_are_spelled_with_dashes_or_underscores(command, spelling, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seen: list = []

    def remember(run, model, data, config):
        seen.append((str(run), model, str(data), config))
        return SimpleNamespace(summary=str, means=lambda step: {"l1": 1.0})

    monkeypatch.setattr(finetuning, "finetune_on_folder", remember)
    options = ["--model-name", "m", "--data-dir", "d", "--output-dir", "o"]
    options += ["--freq-weight", "3", "--freq-cutoff", "0.2", "--lr", "1e-3", "--steps", "7"]
    result = lrm(command, *(spelling(part) if part.startswith("--") else part for part in options))
    assert result.exit_code == 0, result.output
    run, model, data, config = seen[-1]
    assert (run.split("/")[0], model, data) == ("o", "m", "d")
    assert (config.loss.low_weight, config.loss.cutoff, config.lr, config.steps) == (3.0, 0.2, 1e-3, 7)
