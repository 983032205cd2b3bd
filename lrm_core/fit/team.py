"""What the processes of one training run share."""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from accelerate import Accelerator
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import DataLoader, Dataset


def sum_over_processes(
    parameters: Sequence[Tensor], loss: Float[Tensor, "*parts"], team: Accelerator
) -> Float[Tensor, "*parts"]:
    """Sum the loss, or its parts, and every parameter's gradient over the processes, in place; returns the loss."""
    if team.num_processes == 1:
        return loss
    parts = [loss, *(parameter.grad for parameter in parameters)]
    total = team.reduce(torch.cat([part.reshape(-1) for part in parts]), reduction="sum")
    for part, summed in zip(parts, total.split([part.numel() for part in parts]), strict=True):
        part.copy_(summed.view_as(part))
    return loss


def in_order(items: Dataset, numbers: Iterable[int], ahead: bool) -> Iterator[Any]:
    """The items of these numbers; `ahead` has other processes make them ahead of time, one for each core but one."""
    workers = max(1, len(os.sched_getaffinity(0)) - 1) if ahead else 0
    how = {"multiprocessing_context": "spawn", "prefetch_factor": 4} if workers else {}
    return iter(DataLoader(items, batch_size=None, sampler=numbers, num_workers=workers, **how))
