"""Fine-tuning: what it changes and records, and that it goes on as if it had never stopped."""

import csv
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny_runs import METRICS, SHORT, tiny_examples, tiny_model, tiny_object

from lrm_core.fit import trainer
from lrm_core.fit.lora import Adapters, Tuning
from lrm_core.fit.losses import LOSSES, FinetuneConfig, ImageLoss
from lrm_core.fit.scores import Example, early_stop, render_example
from lrm_core.fit.trainer import Finetuned, batch_loss, finetune
from lrm_core.model.checkpoints import load_model


class Killed(Exception):
    pass


ALONE = SimpleNamespace(device=torch.device("cpu"), process_index=0, num_processes=1)


def run(folder, config: FinetuneConfig = SHORT, **others) -> Finetuned:
    model = tiny_model()
    train, validation = tiny_examples(model, (0, 1, 2), range(2)), tiny_examples(model, (3, 4), (1, 5))
    return finetune(folder, model, train, validation, config, METRICS, **others)


def planes(model, seed: int = 3) -> torch.Tensor:
    item = tiny_object(seed)
    return model.predict_planes(item.images[:1], item.source_camera())


def rows(path) -> list[dict[str, str]]:
    """Rows of a table without the time they took."""
    return [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(path.open())]


def dying(monkeypatch, at: int, error: type[BaseException]) -> None:
    """From now on a run ends in an error before it makes its update number `at` + 1."""

    def dies(tuning, *others):
        if tuning.step == at:
            raise error
        return batch_loss(tuning, *others)

    monkeypatch.setattr(trainer, "batch_loss", dies)


def same_runs(first, second) -> None:
    ours, theirs = (load_file(folder / "state.safetensors") for folder in (first, second))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    for table in ("losses.csv", "scores.csv", "curve.csv"):
        assert rows(first / table) == rows(second / table), table
    assert (first / "early_stop.json").read_text() == (second / "early_stop.json").read_text()


@pytest.mark.parametrize(
    ("changes", "error", "kept"),
    [({}, Killed, "2"), ({"rank": None}, Killed, "2"), ({"checkpoint_every": 100}, KeyboardInterrupt, "3")],
    ids=["adapters", "full", "Ctrl-C"],
)
def test_a_broken_run_resumes_bit_by_bit(tmp_path, monkeypatch, changes, error, kept):
    """A killed one from its last checkpoint, and one that was interrupted from its last whole step."""
    config = replace(SHORT, **changes)
    run(tmp_path / "unbroken", config)
    dying(monkeypatch, 3, error)
    with pytest.raises(error):
        run(tmp_path / "broken", config)
    with safe_open(tmp_path / "broken/state.safetensors", framework="pt") as file:
        assert file.metadata()["step"] == kept
    monkeypatch.undo()
    run(tmp_path / "broken", config)
    same_runs(tmp_path / "broken", tmp_path / "unbroken")
    assert [row["step"] for row in rows(tmp_path / "broken/curve.csv")] == ["0", "2", "4"]


def test_ctrl_c_within_an_update_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    def half(tuning):
        tuning.optimisers[0].step()
        raise KeyboardInterrupt

    monkeypatch.setattr(Tuning, "advance", half)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    monkeypatch.undo()
    assert not any(name.startswith("exp_avg") for name in load_file(tmp_path / "state.safetensors"))
    assert len(run(tmp_path).losses) == 4


def test_ctrl_c_within_a_validation_loses_no_row(tmp_path, monkeypatch):
    run(tmp_path / "unbroken")
    original = trainer.score

    def interrupted(model, examples, metrics):
        yield next(original(model, examples, metrics))
        if (tmp_path / "broken/curve.csv").exists():
            raise KeyboardInterrupt
        yield from list(original(model, examples, metrics))[1:]

    monkeypatch.setattr(trainer, "score", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken")
    monkeypatch.undo()
    run(tmp_path / "broken")
    same_runs(tmp_path / "broken", tmp_path / "unbroken")


@pytest.mark.parametrize("rank", [2, None], ids=["adapters", "full"])
def test_what_is_tuned_changes_and_nothing_else(tmp_path, rank):
    result, before = run(tmp_path, replace(SHORT, rank=rank, lr=0.05)), tiny_model()
    assert (planes(result.model) - planes(before)).abs().max() > 1e-3
    for (name, ours), theirs in zip(result.model.named_parameters(), before.parameters(), strict=True):
        tuned = name.endswith("attn.out_proj.weight") if rank else name.startswith("transformer.")
        assert torch.equal(ours, theirs) != tuned, name
        assert not ours.requires_grad
    if rank:
        loaded = Adapters.load(tiny_model(), tmp_path / "adapter.safetensors").merged()
    else:
        loaded = load_model(tmp_path / "model.safetensors")
    assert torch.equal(planes(loaded), planes(result.model))


def test_scores_are_those_of_the_tuned_model_and_losses_those_of_the_published_order(tmp_path):
    result = run(tmp_path)
    (example,) = tiny_examples(tiny_model(), [4], (1, 5))
    expected = render_example(result.model, example, example.views.cameras)
    truth = tiny_object(4).images[[1, 5]]
    last = result.scores[-1]
    assert (last["step"], last["object"]) == (4, "square_4")
    for name, metric in METRICS.items():
        assert last[name] == pytest.approx(metric(expected, truth).mean().item(), abs=1e-4)
    stored = rows(tmp_path / "scores.csv")
    assert [(row["step"], row["object"]) for row in stored] == [
        (step, name) for step in "024" for name in ("square_3", "square_4")
    ]
    curve = rows(tmp_path / "curve.csv")[-1]
    assert float(curve["l1"]) == pytest.approx(sum(float(row["l1"]) for row in stored[-2:]) / 2, rel=1e-6)
    assert float(curve["psnr"]) == pytest.approx(result.means(4)["psnr"], rel=1e-6)
    assert result.summary().startswith("l1 0.")
    seen = [(row["object"], row["view"]) for row in rows(tmp_path / "losses.csv")]
    assert seen == [("square_0", "0"), ("square_1", "1"), ("square_2", "0"), ("square_0", "1")]
    item = tiny_object(0)
    first = render_example(tiny_model(), Example.of(tiny_model(), item, [0]), item.cameras()[:1])
    assert result.losses[0] == pytest.approx(LOSSES["freq"](first, item.images[:1]).item(), rel=1e-5)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.0, 2.0, 1.0], (20, None)),
        ([3.0, 2.0, 2.0, 2.5, 1.0], (10, 30)),
        ([3.0, 4.0, 2.0, 5.0, 6.0], (20, 40)),
        ([1.0], (0, None)),
    ],
)
def test_early_stop(values, expected):
    found = early_stop(range(0, 10 * len(values), 10), values, patience=2)
    assert (found.best_step, found.would_stop_at) == expected


def test_a_batch_is_the_mean_of_its_pairs():
    model, config = tiny_model(), replace(SHORT, rank=None, batch=3, order="random")
    train = tiny_examples(model, (0, 1, 2), range(2))
    whole = Tuning(model, config)
    loss = batch_loss(whole, train, config, ALONE)
    single, parts = replace(config, batch=1), []
    alone = Tuning(model, single)
    gradients = [torch.zeros_like(p) for p in alone.kept.values()]
    for step in range(3):
        alone.step = step
        parts.append(batch_loss(alone, train, single, ALONE))
        gradients = [g + p.grad / 3 for g, p in zip(gradients, alone.kept.values(), strict=True)]
    assert loss == pytest.approx(sum(parts) / 3, rel=1e-5)
    for parameter, gradient in zip(whole.kept.values(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-6)


def test_clipping_bounds_the_gradient_and_is_off_by_default():
    model = tiny_model()
    train = tiny_examples(model, (0,), range(2))
    norms = []
    for clip in (None, 1e-3):
        tuning = Tuning(model, replace(SHORT, rank=None))
        batch_loss(tuning, train, replace(SHORT, rank=None, clip=clip), ALONE)
        norms.append(torch.stack([p.grad.norm() for p in tuning.kept.values()]).norm().item())
    assert norms[0] > 2e-3
    assert norms[1] == pytest.approx(1e-3, rel=1e-3)
    assert FinetuneConfig().clip is None


def test_bfloat16_is_close_to_float32(tmp_path):
    exact, rough = (run(tmp_path / p, replace(SHORT, precision=p)) for p in ("float32", "bf16"))
    assert exact.losses[0] != rough.losses[0]
    assert rough.losses == pytest.approx(exact.losses, rel=0.05)
    stored = load_file(tmp_path / "bf16/state.safetensors")
    assert {value.dtype for value in stored.values()} == {torch.float32}


def test_a_perceptual_distance_enters_the_loss_which_must_be_a_number(tmp_path):
    config = replace(SHORT, steps=1, loss=ImageLoss(perceptual_weight=2.0))
    plain = run(tmp_path / "plain", replace(config, loss=ImageLoss())).losses[0]
    seen = run(tmp_path / "seen", config, perceptual=lambda a, b: (a - b).abs().mean((1, 2, 3)) * 0 + 1)
    assert seen.losses[0] == pytest.approx(plain + 2, rel=1e-5)
    with pytest.raises(ValueError, match="step 1: the loss is nan; choose a lower learning rate"):
        run(tmp_path / "nan", config, perceptual=lambda a, b: (a - b).mean((1, 2, 3)) * math.nan)


def test_a_folder_of_another_run_or_with_a_damaged_checkpoint_is_named(tmp_path):
    config = replace(SHORT, steps=1)
    run(tmp_path, config)
    with pytest.raises(ValueError, match=r"config\.json: this folder holds a run of another configuration"):
        run(tmp_path, replace(config, seed=1))
    with pytest.raises(ValueError, match=r"state\.safetensors: .*; choose another folder"):
        Tuning(tiny_model(), replace(SHORT, rank=3)).load(tmp_path / "state.safetensors")
    lost = load_file(tmp_path / "state.safetensors")
    del lost[min(name for name in lost if name.startswith("exp_avg_sq"))]
    save_file(lost, tmp_path / "state.safetensors", {"step": "1"})
    with pytest.raises(ValueError, match=r"state\.safetensors: .*; choose another folder"):
        Tuning(tiny_model(), config).load(tmp_path / "state.safetensors")
    (tmp_path / "state.safetensors").write_bytes(b"cut")
    with pytest.raises(ValueError, match=r"state\.safetensors: not a whole safetensors file"):
        run(tmp_path, config)


def test_what_does_not_fit_is_said(tmp_path):
    model = tiny_model()
    two, three = tiny_examples(model, [0], range(2)), tiny_examples(model, [1], range(3))
    for train, validation, config, said in (
        (two + three, two, SHORT, r"as many training views of every object, found \[2, 3\]"),
        (two, [], SHORT, "found 1 and 0"),
        (two, two, replace(SHORT, stop_on="lpips"), "one of the metrics l1, psnr, ssim; found 'lpips'"),
    ):
        with pytest.raises(ValueError, match=said):
            finetune(tmp_path, model, train, validation, config, METRICS)
    with pytest.raises(ValueError, match="steps: expected at least 1, found 0"):
        FinetuneConfig(steps=0)
    with pytest.raises(ValueError, match="order: expected one of published, random; found 'reverse'"):
        FinetuneConfig(order="reverse")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_a_step_on_cuda_is_that_on_the_cpu():
    losses = {}
    for device in ("cpu", "cuda"):
        team = SimpleNamespace(device=torch.device(device), process_index=0, num_processes=1)
        tuning = Tuning(tiny_model(), SHORT, device)
        train = [e.to(team.device) for e in tiny_examples(tiny_model(), (0,), range(2))]
        losses[device] = [batch_loss(tuning, train, SHORT, team)]
        tuning.advance()
        losses[device].append(batch_loss(tuning, train, SHORT, team))
    assert losses["cuda"] == pytest.approx(losses["cpu"], rel=1e-3)
