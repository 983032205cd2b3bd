"""Where a training step of the mini model spends its time: `python benchmarks/pretraining.py`.

One thread, as each process of `lrm pretrain` has. First the parts of one group of objects, a quarter or half of a
batch; then whole steps, and which share of each goes into making its data: at the start of a training, and late, with
the weights that ship, where empty space is skipped and only what is rendered counts.
"""

import time
from collections import Counter
from collections.abc import Callable
from statistics import median
from types import ModuleType

import torch
from accelerate import Accelerator
from keep import keep

from lrm_core import load_model
from lrm_core.fit.runs import TrainingState
from lrm_core.training import pretrain, pretrain_batch, pretrain_data
from lrm_core.training.pretrain import new_state, train_step
from lrm_core.training.pretrain_batch import cast_scene, draw_scene, scenes
from lrm_core.training.pretrain_config import PretrainConfig, get_preset
from lrm_core.training.pretrain_loss import predict, reconstruction_loss

STEPS, LATE = 9, 0.8  # steps that are timed; share of the round at which the late ones lie
PARTS = {
    "scenes": (pretrain_batch, "draw_scene"),
    "rays": (pretrain, "cast_scene"),
    "caster": (pretrain_data, "cast"),
}


def seconds(call: Callable[[], object], repeats: int = 7) -> float:
    """Median wall time of a call, after one that warms up."""
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return median(times[1:])


def watch(spent: Counter, part: str, module: ModuleType, name: str) -> None:
    """Have a function of a module add the wall time of its calls to `spent[part]`."""
    function = getattr(module, name)

    def timed(*arguments, **options):
        started = time.perf_counter()
        result = function(*arguments, **options)
        spent[part] += time.perf_counter() - started
        return result

    setattr(module, name, timed)


def whole_steps(state: TrainingState, config: PretrainConfig, spent: Counter) -> dict[str, float]:
    """Medians over `STEPS` steps, after one that warms up: seconds of a step, share of each part in its own step."""
    team, steps = Accelerator(cpu=True), []
    first, groups = state.step, config.batch // config.group
    numbers = range(first * groups, (first + STEPS + 1) * groups)
    coming = scenes(numbers, config, state.model.config.source_size, ahead=False)
    for _ in range(STEPS + 1):
        spent.clear()
        started = time.perf_counter()
        train_step(state, config, team, coming)
        steps.append({"step": time.perf_counter() - started} | spent)
    shares = {f"share of {part}": median(step[part] / step["step"] for step in steps[1:]) for part in PARTS}
    return {"seconds": median(step["step"] for step in steps[1:])} | shares


def parts_of_a_group(state: TrainingState, config: PretrainConfig) -> dict[str, float]:
    """Seconds an object of making data, of the planes in both precisions, and of the loss."""
    numbers, size = iter(range(1_000_000)), state.model.config.source_size

    def draw():
        return cast_scene(draw_scene(next(numbers), config, size, 0.0))

    batch = draw()

    def planes(precision: str) -> None:
        predict(state.model, batch.sources, batch.cameras, precision).square().mean().backward()

    def loss() -> None:
        generator = torch.Generator().manual_seed(0)
        reconstruction_loss(state.model, batch, config, generator, 0.0).backward()

    figures = {
        "data": seconds(draw),
        "planes, forward and backward, bf16": seconds(lambda: planes("bf16")),
        "planes, forward and backward, float32": seconds(lambda: planes("float32")),
        "loss, forward and backward": seconds(loss),
    }
    return {f"{name}, seconds an object": value / config.group for name, value in figures.items()}


def main() -> None:
    torch.set_num_threads(1)
    architecture, config = get_preset("mini")
    state = new_state(architecture, config)
    figures = parts_of_a_group(state, config)
    spent = Counter()
    for part, (module, name) in PARTS.items():
        watch(spent, part, module, name)
    early = whole_steps(state, config, spent)
    state = new_state(architecture, config)
    state.model.load_openlrm_state_dict(load_model("mini").state_dict())
    state.step = int(LATE * config.steps)
    late = whole_steps(state, config, spent)
    for when, found in (("early", early), ("late", late)):
        figures |= {f"whole steps, {when}: {name}": value for name, value in found.items()}
    keep("pretraining", figures)


if __name__ == "__main__":
    main()
