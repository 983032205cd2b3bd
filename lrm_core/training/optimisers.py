"""Optimisers of training from scratch and the schedule of their learning rates."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lrm_core.fit.oracle import cosine
from lrm_core.model.lrm import LRM
from lrm_core.training.muon import Muon
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
