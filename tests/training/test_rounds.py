"""Training in rounds: warm restarts, and going on from published weights."""

from dataclasses import replace

import pytest
import torch
from test_pretrain import SHORT, TINY, killed_and_unbroken

from lrm_core.fit.run_folder import Rows
from lrm_core.model.checkpoints import load_model
from lrm_core.training.optimisers import rate
from lrm_core.training.pretrain import COLUMNS, new_state, pretrain, take_over
from lrm_core.training.pretrain_config import PretrainConfig
from lrm_core.training.publish import publish

TWO = replace(SHORT, rounds=2)


def test_later_rounds_repeat_the_schedule_lower():
    config = PretrainConfig(steps=400, warmup=20, restart=0.25)
    first, second = ([rate(step, config) for step in range(k * 400, (k + 1) * 400)] for k in (0, 1))
    assert second == pytest.approx([0.25 * value for value in first])
    assert max(first) == 1.0


def test_a_run_killed_between_two_rounds_resumes_bit_by_bit(tmp_path, monkeypatch):
    ours, theirs = killed_and_unbroken(tmp_path, monkeypatch, TWO, killed_at=SHORT.steps)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_published_weights_go_on_where_they_ended(tmp_path):
    pretrain(tmp_path / "first", TINY, SHORT)
    weights = tmp_path / "mini.safetensors"
    publish(tmp_path / "first", TINY, SHORT, weights)
    state = new_state(TINY, TWO)
    take_over(state, weights, TWO)
    assert state.step == SHORT.steps
    published = dict(load_model(weights).named_parameters())
    for name, parameter in state.model.named_parameters():
        assert torch.equal(parameter, published[name])
        assert torch.equal(state.average[name], published[name])
    assert pretrain(tmp_path / "second", TINY, TWO, start=weights).step == 2 * SHORT.steps
    steps = [int(row["step"]) for row in Rows(tmp_path / "second/curve.csv", COLUMNS, 2 * SHORT.steps).rows]
    assert steps == [2, 4, 6, 8]


def test_weights_of_an_unfinished_round_or_of_another_model_are_refused(tmp_path):
    pretrain(tmp_path / "run", TINY, SHORT)
    weights = tmp_path / "mini.safetensors"
    publish(tmp_path / "run", TINY, SHORT, weights)
    with pytest.raises(ValueError, match=r"mini\.safetensors: made in 4 steps; expected a multiple of 3"):
        take_over(new_state(TINY, SHORT), weights, replace(SHORT, steps=3))
    other = replace(TINY, transformer_layers=2)
    with pytest.raises(ValueError, match=r"mini\.safetensors: a model of another architecture"):
        take_over(new_state(other, SHORT), weights, SHORT)
