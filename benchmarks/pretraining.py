"""Where a training step of the mini model spends its time: `python benchmarks/pretraining.py`.

One thread, as each process of `lrm pretrain` has; one group of objects, a quarter or half of a batch.
"""

import time
from collections.abc import Callable

import torch
from keep import keep

from lrm_core.fit.pretrain import new_state
from lrm_core.fit.pretrain_config import get_preset
from lrm_core.fit.pretrain_data import ray_batch
from lrm_core.fit.pretrain_loss import predict, reconstruction_loss


def seconds(call: Callable[[], object], repeats: int = 7) -> float:
    """Median wall time of a call, after one that warms up."""
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return sorted(times[1:])[repeats // 2]


def main() -> None:
    torch.set_num_threads(1)
    architecture, config = get_preset("mini")
    state = new_state(architecture, config)
    numbers = iter(range(1_000_000))

    def draw():
        size = architecture.source_size
        return ray_batch(next(numbers), batch=config.group, views=config.views, rays=config.rays, size=size)

    batch = draw()

    def planes(precision: str) -> None:
        predict(state.model, batch, precision).float().square().mean().backward()

    def loss() -> None:
        generator = torch.Generator().manual_seed(0)
        reconstruction_loss(state.model, batch, config, generator, 0.0).backward()

    data, whole = seconds(draw), seconds(loss)
    figures = {
        "data": data,
        "planes, forward and backward, bf16": seconds(lambda: planes("bf16")),
        "planes, forward and backward, float32": seconds(lambda: planes("float32")),
        "loss, forward and backward": whole,
        "all": data + whole,
    }
    per_object = {f"{name}, seconds an object": value / config.group for name, value in figures.items()}
    keep("pretraining", per_object | {"share of the data": data / (data + whole)})


if __name__ == "__main__":
    main()
