"""One step's batch of fine-tuning: its loss and gradient, shared out among the processes."""

from collections.abc import Sequence

import torch
from accelerate import Accelerator

from lrm_core.fit.examples import Example, pair
from lrm_core.fit.finetune_config import FinetuneConfig
from lrm_core.fit.losses import Perceptual
from lrm_core.fit.scores import render_example
from lrm_core.fit.team import sum_over_processes
from lrm_core.fit.tuning import Tuning


def batch_loss(
    tuning: Tuning,
    train: Sequence[Example],
    config: FinetuneConfig,
    team: Accelerator,
    perceptual: Perceptual | None = None,
) -> float:
    """Mean loss of the pairs of the next step, whose gradient every process is left with."""
    tuning.optimiser.zero_grad()
    total = torch.zeros((), device=team.device)
    for member in range(team.process_index, config.batch, team.num_processes):
        example, view = numbered_pair(tuning.step * config.batch + member, train, config)
        images, cameras = (part[view : view + 1] for part in example.views)
        rendered = render_example(tuning.model, example, cameras, config.precision)
        loss = config.loss(rendered, images, perceptual) / config.batch
        loss.backward()
        total += loss.detach()
    trained = list(tuning.trained.values())
    total = sum_over_processes(trained, total, team)
    if not torch.isfinite(total):
        raise ValueError(f"step {tuning.step + 1}: the loss is {total.item()}; choose a lower learning rate")
    if config.clip is not None:
        torch.nn.utils.clip_grad_norm_(trained, config.clip)
    return total.item()


def numbered_pair(number: int, train: Sequence[Example], config: FinetuneConfig) -> tuple[Example, int]:
    """The pair of example and view with this number, counted from 0 over the whole run."""
    item, view = pair(number, len(train), len(train[0].views.images), config.order, config.seed)
    return train[item], view
