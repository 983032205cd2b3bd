"""Training from scratch: a run resumes, goes on in rounds, shares its batches among processes, and is published."""

import csv
import multiprocessing
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file
from tiny_model import TINY

from lrm_core.cli import main
from lrm_core.fit.runs import Rows
from lrm_core.model.checkpoints import load_model
from lrm_core.model.lrm import LRM
from lrm_core.objects.build import read_manifest
from lrm_core.training import pretrain as module
from lrm_core.training.pretrain import (
    COLUMNS,
    default_processes,
    new_state,
    pretrain,
    pretrain_in_processes,
    take_over,
    train_step,
)
from lrm_core.training.pretrain_batch import cast_scene, draw_scene
from lrm_core.training.pretrain_config import PATCH, PRESETS, Muon, PretrainConfig, rate, split_parameters
from lrm_core.training.pretrain_loss import reconstruction_loss
from lrm_core.training.publish import publish

SHORT = PretrainConfig(
    steps=4, batch=4, group=2, views=2, rays=32, warmup=1, precision="float32", checkpoint_every=2, validate_every=2
)
TWO = replace(SHORT, rounds=2)
LATE = replace(SHORT, rays=PATCH**2, lpips_weight=0.5, lpips_from=0.5)
RESUMED = {
    "in a round": (SHORT, 3),
    "between two rounds": (TWO, SHORT.steps),
    "with squares from step 2 on": (replace(LATE, batch=2, views=1, checkpoint_every=1, validate_every=4), 3),
}
SHAPES = [(6, 4), (4, 6), (6, 4), (5, 5), (1, 7)]


class Killed(Exception):
    pass


def killed_and_unbroken(tmp_path, monkeypatch, config, killed_at):
    """Final states of a run that died before a step and went on, and of one that did not."""
    pretrain(tmp_path / "unbroken", TINY, config)

    def dies(state, *arguments):
        if state.step == killed_at:
            raise Killed
        return train_step(state, *arguments)

    monkeypatch.setattr(module, "train_step", dies)
    with pytest.raises(Killed):
        pretrain(tmp_path / "broken", TINY, config)
    monkeypatch.setattr(module, "train_step", train_step)
    pretrain(tmp_path / "broken", TINY, config)
    return [load_file(tmp_path / run / "state.safetensors") for run in ("broken", "unbroken")]


@pytest.mark.parametrize("kind", RESUMED)
def test_a_killed_run_resumes_bit_by_bit(tmp_path, monkeypatch, one_thread, kind):
    config, killed_at = RESUMED[kind]
    ours, theirs = killed_and_unbroken(tmp_path, monkeypatch, config, killed_at)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    rows = [list(csv.DictReader((tmp_path / run / "curve.csv").open())) for run in ("broken", "unbroken")]
    ours, theirs = ([(int(row["step"]), row["novel_psnr"]) for row in part] for part in rows)
    assert ours == theirs
    every = config.checkpoint_every
    assert [step for step, _ in ours] == list(range(every, config.rounds * config.steps + 1, every))


@pytest.mark.parametrize("content", [b"not a checkpoint", b""])
def test_a_damaged_checkpoint_is_named(tmp_path, content):
    pretrain(tmp_path, TINY, replace(SHORT, steps=2))
    (tmp_path / "state.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match=r"state\.safetensors: not a whole safetensors file"):
        pretrain(tmp_path, TINY, replace(SHORT, steps=2))


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A run that is done, and the place of its weights beside it."""
    folder = tmp_path_factory.mktemp("published")
    state = pretrain(folder / "run", TINY, SHORT)
    publish(folder / "run", TINY, SHORT, folder / "mini.safetensors")
    return state, folder / "mini.safetensors"


def test_published_weights_are_the_average_and_go_on_where_they_ended(published, tmp_path):
    done, weights = published
    card = weights.with_name("MODEL_CARD.md").read_text()
    assert "4 of batch 4" in card
    assert "{" not in card
    state = new_state(TINY, TWO)
    take_over(state, weights, TWO)
    assert state.step == SHORT.steps
    loaded = dict(load_model(str(weights)).named_parameters())
    for name, parameter in state.model.named_parameters():
        torch.testing.assert_close(parameter.detach(), done.average[name], rtol=2e-3, atol=1e-5)
        assert torch.equal(parameter, loaded[name])
        assert torch.equal(state.average[name], loaded[name])
    assert pretrain(tmp_path, TINY, TWO, start=weights).step == 2 * SHORT.steps
    steps = [int(row["step"]) for row in Rows(tmp_path / "curve.csv", COLUMNS, 2 * SHORT.steps).rows]
    assert steps == [2, 4, 6, 8]


def test_weights_of_an_unfinished_round_or_of_another_model_are_refused(published):
    _, weights = published
    with pytest.raises(ValueError, match=r"mini\.safetensors: made in 4 steps; expected a multiple of 3"):
        take_over(new_state(TINY, SHORT), weights, replace(SHORT, steps=3))
    other = replace(TINY, transformer_layers=2)
    with pytest.raises(ValueError, match=r"mini\.safetensors: a model of another architecture"):
        take_over(new_state(other, SHORT), weights, SHORT)


def test_weights_published_into_the_data_are_in_its_manifest(published, tmp_path, monkeypatch):
    run = published[1].with_name("run")
    monkeypatch.setattr("lrm_core.training.publish.data_dir", lambda: tmp_path / "data")
    publish(run, TINY, SHORT, tmp_path / "data/mini/mini.safetensors")
    listed = [entry.path for entry in read_manifest(tmp_path / "data")]
    assert listed == ["mini/MODEL_CARD.md", "mini/mini.safetensors", "mini/pretrain_curve.csv"]


def test_learning_rate_warms_up_ends_at_a_hundredth_and_begins_again_lower():
    config = PretrainConfig(steps=100, warmup=10, restart=0.25)
    rates, later = ([rate(step, config) for step in range(k * 100, (k + 1) * 100)] for k in (0, 1))
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == max(rates) == 1.0
    assert rates[99] == pytest.approx(0.01, rel=0.05)
    assert all(late <= early for early, late in pairwise(rates[10:]))
    assert later == pytest.approx([0.25 * value for value in rates])


def test_hidden_matrices_leave_out_norms_embeddings_and_the_decoder():
    model = LRM(TINY)
    names = {id(p): name for name, p in model.named_parameters()}
    hidden, rest = ({names[id(p)] for p in part} for part in split_parameters(model))
    assert hidden | rest == set(names.values())
    assert not hidden & rest
    assert {"transformer.layers.0.mlp.0.weight", "encoder.model.blocks.0.attn.qkv.weight"} <= hidden
    assert {"pos_embed", "encoder.model.pos_embed", "transformer.norm.weight", "upsampler.weight"} <= rest
    assert {name for name in names.values() if "decoder" in name} <= rest


def test_steps_of_muon_by_shapes_are_those_of_pytorch_one_by_one():
    torch.manual_seed(0)
    ours = [torch.nn.Parameter(torch.randn(shape)) for shape in SHAPES]
    theirs = [torch.nn.Parameter(matrix.detach().clone()) for matrix in ours]
    settings = {"lr": 0.05, "weight_decay": 0.1}
    optimisers = Muon(ours, **settings), torch.optim.Muon(theirs, adjust_lr_fn="match_rms_adamw", **settings)
    for step in range(4):
        for mine, reference in zip(ours, theirs, strict=True):
            mine.grad = torch.randn_like(mine) if step else torch.zeros_like(mine)
            reference.grad = mine.grad.clone()
        for optimiser in optimisers:
            optimiser.step()
    for mine, reference in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, reference, rtol=0, atol=2e-3)  # bfloat16 within a step of 0.05
        states = optimisers[0].state[mine], optimisers[1].state[reference]
        assert states[0].keys() == states[1].keys()
        assert torch.equal(states[0]["momentum_buffer"], states[1]["momentum_buffer"])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_a_step_on_cuda_lowers_the_loss_that_the_cpu_finds():
    """Its rays are the CPU's, their samples are not: there every object is rendered at once."""
    config = replace(SHORT, group=4)
    scene = draw_scene(0, config, TINY.source_size, 0.0)
    batches = [cast_scene(scene, device) for device in ("cpu", "cuda")]
    for here, there in zip(*batches, strict=True):
        if torch.is_tensor(here):
            torch.testing.assert_close(there.cpu(), here, atol=1e-4, rtol=1e-4)
    losses = {}
    for batch, device in zip(batches, ("cpu", "cuda"), strict=True):
        state = new_state(TINY, config, device)
        loss = reconstruction_loss(state.model, batch, config, torch.Generator().manual_seed(0), 0.0)
        losses[device] = loss.item()
    assert losses["cuda"] == pytest.approx(losses["cpu"], rel=0.02)
    team = SimpleNamespace(device=torch.device("cuda"), process_index=0, num_processes=1)
    again = iter([scene] * 20)
    found = [train_step(state, replace(config, steps=1000), team, again) for _ in range(20)]
    assert found[-1] < found[0]


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
