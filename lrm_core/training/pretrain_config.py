"""Recipes of training from scratch, by name, with the learning rates and optimisers that follow from them.

Muon (Jordan et al. 2024) is PyTorch's, with all matrices of a shape in one product.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.fit.oracle import cosine
from lrm_core.model.config import MINI, LRMConfig
from lrm_core.model.lrm import LRM

PATCH = 32  # pixels along a side; LPIPS needs as many
HIDDEN = ("encoder.", "transformer.", "camera_embedder.")


@dataclass(frozen=True)
class PretrainConfig:
    """One training run."""

    steps: int = 3600  # length of a round
    # how often the schedule of learning rates is run through; each round after the first starts from the averaged
    # weights of the one before, without the optimisers' moments
    rounds: int = 1
    restart: float = 0.5  # peaks of the learning rates in later rounds, as a share of those in the first
    batch: int = 8  # objects a step
    # objects rendered together on a CPU, where a step's groups are shared out among the processes; on a GPU a process
    # takes its whole share of the batch at once
    group: int = 4
    # views and rays: cameras and target rays of each object
    views: int = 4
    rays: int = 512
    # matrix_lr and lr: peaks of the learning rates of hidden matrices (Muon) and of all else (AdamW), reached after
    # `warmup` steps, then cosine to 1%
    matrix_lr: float = 2e-3
    lr: float = 1e-3
    warmup: int = 100
    weight_decay: float = 0.05  # on hidden matrices (spec, section Training)
    clip: float = 1.0
    ema: float = 0.997  # decay of the averaged weights, which are the ones that are kept
    # mask_weight and tv_weight: of the coverage error and of the planes' total variation
    mask_weight: float = 0.5
    tv_weight: float = 5e-4
    # of raw density above `RAW_FREE` where the object is known not to be (`emptiness_loss`)
    empty_weight: float = 2e-3
    shape_weight: float = 0.1  # of the error of the shape at points (`shape_loss`), at the start
    # share of the first round over which the shape weight falls to zero, and only what is rendered counts
    shape_until: float = 0.6
    # of LPIPS between rendered and true squares of `PATCH` pixels; 0 renders none. Its gradient repeats bit by bit
    # with one thread only, which is what a process of `lrm pretrain` has on a CPU.
    lpips_weight: float = 0.0
    # share of the first round after which squares are rendered. They take up to half of the rays of a group, at one
    # view for each object that has one.
    lpips_from: float = 0.7
    # folder of a rendered pool (`lrm pool`) that some of the objects come from; None for none
    pool: str | None = None
    pool_share: float = 0.25  # probability that an object of a batch comes from the pool
    precision: str = "bf16"  # "bf16" autocasts the transformer, "float32" does not
    # checkpoint_every and validate_every: in steps
    checkpoint_every: int = 50
    validate_every: int = 250
    seed: int = 0  # of the initial weights

    def __post_init__(self) -> None:
        """Raises ValueError where a share is none, or the rays do not suffice for one square."""
        for name in ("lpips_from", "pool_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected a share between 0 and 1, found {getattr(self, name)}")
        if self.lpips_weight and self.group * self.rays < 2 * PATCH**2:
            raise ValueError(
                f"lpips_weight: a square takes {PATCH**2} rays and half of a group's at most; expected at least "
                f"{2 * PATCH**2} rays a group, found {self.group} x {self.rays}; raise rays"
            )

    def progress(self, number: int) -> float:
        """Share of the first round that is done when a group of this number is trained on."""
        return number // (self.batch // self.group) / self.steps

    def patches(self, progress: float) -> int:
        """How many objects of a group have a square rendered, at this share of the first round."""
        if not self.lpips_weight or progress < self.lpips_from:
            return 0
        return min(self.group, self.group * self.rays // (2 * PATCH**2))

    def in_force(self) -> dict[str, Any]:
        """The fields that matter, by name: not those of a term that is off, and not where the pool lies.

        Runs and cards from before a term existed stay what they are.
        """
        off = {"pool"} | ({"lpips_weight", "lpips_from"} if not self.lpips_weight else set())
        off |= {"pool_share"} if self.pool is None else set()
        return {name: value for name, value in asdict(self).items() if name not in off}


NARROW = replace(
    MINI,
    transformer_dim=192,
    transformer_layers=4,
    transformer_heads=3,
    encoder_feat_dim=192,
    vit=replace(MINI.vit, embed_dim=192, num_heads=3),
)
LARGE_BATCH = PretrainConfig(
    steps=2250, batch=128, matrix_lr=3e-3, lr=1.5e-3, pool_share=0.2, checkpoint_every=250, validate_every=500
)
PRESETS: dict[str, tuple[LRMConfig, PretrainConfig]] = {
    "mini": (MINI, LARGE_BATCH),  # minutes on a GPU, days on a CPU
    "mini-cpu": (NARROW, PretrainConfig(rounds=2)),  # hours on two cores
}


def get_preset(name: str) -> tuple[LRMConfig, PretrainConfig]:
    """Architecture and recipe of that name; raises ValueError if there is none."""
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}; expected one of {', '.join(PRESETS)}")
    return PRESETS[name]


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
