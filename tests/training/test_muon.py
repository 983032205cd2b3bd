"""Muon by shapes against PyTorch's, one matrix after another."""

import torch

from lrm_core.training.optimisers import Muon

SHAPES = [(6, 4), (4, 6), (6, 4), (5, 5), (1, 7)]


def test_steps_are_those_of_pytorch():
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
