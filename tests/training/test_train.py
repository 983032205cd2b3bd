"""Training as OpenLRM does it: the schedule, what decays, what a run leaves, and that it goes on unbroken."""

import csv
import math
import re
import shutil

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file
from tiny_folder import launched
from tiny_training import changed, tiny_config, tiny_layout, write_layout

from lrm_core.cli import main
from lrm_core.measure.metrics import METRICS
from lrm_core.model.checkpoints import load_model
from lrm_core.objects import load_object
from lrm_core.render import render_views
from lrm_core.render.quality import mean_square
from lrm_core.training.publish import convert
from lrm_core.training.upstream import train as module
from lrm_core.training.upstream.samples import Samples, object_places, validate
from lrm_core.training.upstream.train import build_optimiser, new_state, rate, train

FAST = {  # of a run of ten steps
    "train__epochs": 5,
    "train__optim__lr": 1e-2,
    "train__loss__perceptual_weight": 0.0,
    "val__global_step_period": 100,
    "saver__checkpoint_global_steps": 100,
}
SCORES = {"mse": mean_square, **METRICS}


class Killed(Exception):
    pass


def dying(monkeypatch, at: int) -> None:
    """From now on a run ends before its update number `at` + 1."""

    def dies(samples, state, *others, true=module.train_step):
        if state.step == at:
            raise Killed
        return true(samples, state, *others)

    monkeypatch.setattr(module, "train_step", dies)


def test_warm_up_then_cosine_to_zero():
    rates = [rate(step, 4, 12) for step in range(12)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[4:] == pytest.approx([(1 + math.cos(math.pi * k / 8)) / 2 for k in range(1, 9)])
    assert rate(0, 0, 1) == rate(40, 4, 12) == 0.0


def test_biases_and_norms_do_not_decay(tmp_path):
    config = tiny_config(tmp_path)
    model = new_state(config).model
    decaying, spared = build_optimiser(model, config).param_groups
    assert (decaying["weight_decay"], spared["weight_decay"]) == (0.05, 0.0)
    names = {p: name for name, p in model.named_parameters()}
    assert len(decaying["params"]) + len(spared["params"]) == len(names)
    assert all(re.search(r"bias$|norm", names[p]) for p in spared["params"])
    assert not any(re.search(r"bias$|norm\w*\.weight$", names[p]) for p in decaying["params"])
    assert {"pos_embed", "encoder.model.cls_token"} <= {names[p] for p in decaying["params"]}


@pytest.mark.parametrize("killed_at", [1, 3])
def test_a_killed_run_resumes_bit_by_bit(tmp_path, monkeypatch, one_thread, killed_at):
    config = tiny_config(tmp_path, saver__checkpoint_global_steps=2)
    train(config, SCORES)
    shutil.move(config.run, tmp_path / "unbroken")
    with monkeypatch.context() as patch:
        dying(patch, killed_at)
        with pytest.raises(Killed):
            train(config, SCORES)
    scores = train(config, SCORES)
    assert [row["step"] for row in scores.rows][-2:] == ["2", "4"]
    one, two = (load_file(place / "state.safetensors") for place in (config.run, tmp_path / "unbroken"))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    for table in ("losses.csv", "validation.csv"):
        assert (config.run / table).read_text() == (tmp_path / "unbroken" / table).read_text()


def test_what_a_run_leaves(tmp_path, one_thread):
    config = tiny_config(tmp_path)
    train(config, SCORES)
    kept = sorted(p.name for p in config.run.iterdir())
    assert kept == [*("000003", "000004", "config.json", "losses.csv", "state.safetensors"), "validation.csv"]
    header, *losses = csv.reader((config.run / "losses.csv").open())
    assert header == ["step", "loss", "pixel", "perceptual", "tv", "lr"]
    assert [row[0] for row in losses] == ["1", "2", "3", "4"]
    model = load_model(config.run / "000004")
    assert model.config == config.model
    stored = load_file(config.run / "state.safetensors")
    assert all(torch.equal(stored[f"weight.{name}"], p) for name, p in model.named_parameters())
    assert train(config, SCORES).rows[-1]["step"] == "4"  # a finished run is read back
    converted = convert(config.run, tmp_path / "released")
    assert all(torch.equal(a, b) for a, b in zip(converted.parameters(), model.parameters(), strict=True))


def test_training_lowers_the_loss_of_what_it_sees(tmp_path, monkeypatch):
    """On one sample, since the losses of a few steps differ more by object and background than by training."""
    config = tiny_config(tmp_path, **FAST)
    one = Samples(object_places(config.subsets, "train"), config, batch=2)[0]
    monkeypatch.setattr(Samples, "__getitem__", lambda samples, number: one)
    train(config, {"mse": mean_square})
    losses = [float(row["loss"]) for row in csv.DictReader((config.run / "losses.csv").open())]
    assert losses[-1] < 0.7 * losses[0]


def test_a_start_from_weights(tmp_path):
    first = tiny_config(tmp_path, train__debug_global_steps=1)
    train(first, {"mse": mean_square})
    start = {"saver__load_model": str(first.run / "000001"), "experiment__child": "second"}
    second = tiny_config(tmp_path, **start)
    assert torch.equal(new_state(second).model.pos_embed, load_model(second.load_model).pos_embed)
    with pytest.raises(ValueError, match=r"saver\.load_model: .*the parameters do not fit this model"):
        train(tiny_config(tmp_path, **start, model__triplane_dim=8), {"mse": mean_square})
    assert not second.run.exists()


def test_validation_scores_whole_pictures_from_fixed_views(tmp_path):
    config = tiny_config(tmp_path, dataset__render_image__high=32, dataset__sample_side_views=2)
    model = new_state(config).model.eval().requires_grad_(False)
    place = tmp_path / "objects/square_4"
    item = load_object(place)
    planes = model.predict_planes(item.images[:1], item.source_camera())
    images = render_views(planes, model.decoder, item.cameras()[None, ::2], 32, samples_per_ray=8).rgb[0]
    found = validate(model, [place], config, {"mse": mean_square})
    assert found["mse"] == pytest.approx(mean_square(images, item.images[::2]).mean().item(), rel=1e-4)


def test_a_folder_belongs_to_one_run(tmp_path):
    short = {"train__debug_global_steps": 1}
    train(tiny_config(tmp_path, **short), {"mse": mean_square})
    for changes, message in (
        ({"experiment__seed": 2}, "another configuration"),
        ({"train__batch_size": 4}, "another configuration"),
        ({"saver__auto_resume": False}, "auto_resume is false"),
        ({"train__batch_size": 5}, "a step takes 5 objects, found 4"),
    ):
        with pytest.raises(ValueError, match=message):
            train(tiny_config(tmp_path, **short, **changes), {"mse": mean_square})
    shared = tiny_config(tmp_path, **short, train__batch_size=1, train__accum_steps=2)
    train(shared, {"mse": mean_square})


def test_a_loss_that_is_no_number_ends_the_run(tmp_path, monkeypatch):
    config = tiny_config(tmp_path)
    broken = torch.full((4,), torch.nan, requires_grad=True)
    monkeypatch.setattr(module, "sample_losses", lambda *arguments: broken * 1)
    with pytest.raises(ValueError, match="step 1: the loss is nan"):
        train(config, {"mse": mean_square})


def test_two_processes_of_accelerate_launch_train_as_one(tmp_path):
    """Each takes one of the two objects of a step, as in `test_finetune_cli.py`; one process takes both."""
    layout = changed(tiny_layout(tmp_path), train__debug_global_steps=2)
    two = write_layout(tmp_path / "two.yaml", changed(layout, experiment__child="two", train__batch_size=1))
    printed = launched(tmp_path, "train", "--config", two)
    assert printed.count(f"{tmp_path}/runs/two\n") == 1
    one = write_layout(tmp_path / "one.yaml", changed(layout, experiment__child="one"))
    result = CliRunner().invoke(main, ["train", "--config", str(one)])
    assert result.exit_code == 0, result.output
    tables = [csv.DictReader((tmp_path / "runs" / run / "losses.csv").open()) for run in ("two", "one")]
    for a, b in zip(*tables, strict=True):
        assert list(map(float, a.values())) == pytest.approx(list(map(float, b.values())), rel=1e-4)
    two, one = ((tmp_path / "runs" / run / "config.json").read_text() for run in ("two", "one"))
    assert two == one


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train__batch_size": 9}, "train.batch_size: a step takes 9 objects, found 4"),
        ({"saver__load_model": "nowhere"}, "unknown model 'nowhere'"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(tmp_path, changes, message):
    path = write_layout(tmp_path / "a.yaml", changed(tiny_layout(tmp_path), **changes))
    result = CliRunner().invoke(main, ["train", "--config", str(path)])
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "runs").exists()
