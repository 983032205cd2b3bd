"""Muon (Jordan et al. 2024) for many small matrices: PyTorch's, with all matrices of a shape in one product."""

from collections import defaultdict
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


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

    Args:
        coefficients: of X, of (X X^T) X and of (X X^T)^2 X.
        steps: of the iteration.
        least: norm below which a matrix counts as zero.
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
