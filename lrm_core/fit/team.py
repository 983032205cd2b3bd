"""What the processes of one training run share."""

from collections.abc import Sequence

import torch
from accelerate import Accelerator
from jaxtyping import Float
from torch import Tensor


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
