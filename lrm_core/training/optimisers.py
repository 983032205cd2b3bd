"""Optimisers of training from scratch, the schedule of their learning rates, and Muon for many small matrices.

Muon (Jordan et al. 2024) is PyTorch's, with all matrices of a shape in one product.
"""

from collections import defaultdict
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.fit.oracle import cosine
from lrm_core.model.lrm import LRM
from lrm_core.training.pretrain_config import PretrainConfig

HIDDEN = ("encoder.", "transformer.", "camera_embedder.")


def rate(step: int, config: PretrainConfig) -> float:
    """Share of the peak learning rate: linear warm-up, then half a cosine down to 1%, in every round anew.

    Warm restarts (Loshchilov and Hutter 2017) let a finished training be taken further.
    """
    done, peak = step % config.steps, 1.0 if step < config.steps else config.restart
    if done < config.warmup:
        return peak * (done + 1) / config.warmup
    return peak * cosine((done - config.warmup) / max(1, config.steps - config.warmup))


def split_parameters(model: LRM) -> tuple[list[Tensor], list[Tensor]]:
    """Matrices between hidden layers of the network that makes the planes, and everything else."""
    hidden, rest = [], []
    for name, parameter in model.named_parameters():
        (hidden if name.startswith(HIDDEN) and parameter.ndim == 2 else rest).append(parameter)
    return hidden, rest


def build_optimisers(model: LRM, config: PretrainConfig) -> Sequence[torch.optim.Optimizer]:
    """Muon for hidden matrices, AdamW for the rest.

    Weight decay is on hidden matrices only: biases, norms, embeddings and the decoder have none.
    """
    hidden, rest = split_parameters(model)
    return (
        Muon(hidden, lr=config.matrix_lr, weight_decay=config.weight_decay),
        torch.optim.AdamW(rest, lr=config.lr, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    )


def set_rates(optimisers: Sequence[torch.optim.Optimizer], step: int, config: PretrainConfig) -> None:
    """Give every optimiser its learning rate at a step."""
    for optimiser, peak in zip(optimisers, (config.matrix_lr, config.lr), strict=True):
        for group in optimiser.param_groups:
            group["lr"] = peak * rate(step, config)


class Muon(torch.optim.Muon):
    """`torch.optim.Muon` with steps of the size of AdamW's (Liu et al. 2025, eq. 4).

    PyTorch's takes one matrix after another, some thirty operations each; on a GPU a step of a small model then
    waits for their launches more than for anything else.
    """

    def __init__(self, params: Sequence[Tensor], lr: float, weight_decay: float) -> None:
        super().__init__(params, lr=lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """One update of every matrix that has a gradient."""
        for group in self.param_groups:
            alike = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    alike[matrix.shape].append(matrix)
            for shape, matrices in alike.items():
                self._step(matrices, 0.2 * max(shape) ** 0.5, group)

    def _step(self, matrices: Sequence[Tensor], size: float, group: dict) -> None:
        """Momentum after Nesterov, orthogonalised, times `size`; weight decay apart from it."""
        gradients = [matrix.grad for matrix in matrices]
        for matrix in matrices:
            self.state[matrix].setdefault("momentum_buffer", torch.zeros_like(matrix))
        buffers = [self.state[matrix]["momentum_buffer"] for matrix in matrices]
        torch._foreach_lerp_(buffers, gradients, 1 - group["momentum"])
        update = torch.stack(torch._foreach_lerp(gradients, buffers, group["momentum"]))
        update = orthogonal(update, group["ns_coefficients"], group["ns_steps"], group["eps"]).float()
        torch._foreach_mul_(matrices, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(matrices, update.unbind(), alpha=-group["lr"] * size)


def orthogonal(
    matrices: Float[Tensor, "n rows columns"], coefficients: Sequence[float], steps: int, least: float
) -> Float[Tensor, "n rows columns"]:
    """Matrices with their singular values brought near 1 by Newton and Schulz's iteration, in bfloat16.

    Coefficients are those of X, of (X X^T) X and of (X X^T)^2 X; a matrix of a norm below `least` counts as zero.
    """
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.bfloat16()
    x = x.mT if tall else x
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=least)
    first, third, fifth = coefficients
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=third, alpha=fifth), x, beta=first)
    return x.mT if tall else x
