"""Training of a reconstruction model from scratch on procedural objects, in one process or several.

On a CPU one process per core, each with one thread, beats one with many threads.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device

from lrm_core.atomic import replacing
from lrm_core.fit.runs import STATE, Rows, TrainingState, claim_folder, share
from lrm_core.model.checkpoints import load_model, read_metadata
from lrm_core.model.config import LRMConfig
from lrm_core.model.initialise import initialise
from lrm_core.model.lrm import LRM
from lrm_core.processes import side_by_side
from lrm_core.training.pretrain_batch import Scene, cast_scene, check_pool, open_pool, scenes
from lrm_core.training.pretrain_config import PretrainConfig, build_optimisers, set_rates
from lrm_core.training.pretrain_loss import Validation, reconstruction_loss

CURVE = "pretrain_curve.csv"  # beside published weights
COLUMNS = ("step", "objects", "seconds", "loss", "source_psnr", "novel_psnr")  # scores where a step is validated


def new_state(architecture: LRMConfig, config: PretrainConfig, device: torch.device | str = "cpu") -> TrainingState:
    """A model at its initial weights with its optimisers and average."""
    model = initialise(LRM(architecture), torch.Generator().manual_seed(config.seed)).to(device)
    return TrainingState(model, build_optimisers(model, config))


@torch.no_grad()
def take_over(state: TrainingState, start: Path, config: PretrainConfig) -> None:
    """Begin the next round from published weights; ValueError if they are of another model or an unfinished round."""
    model, steps = load_model(start), int(read_metadata(start).get("steps", 0))
    if model.config != state.model.config:
        raise ValueError(f"{start}: a model of another architecture; expected {state.model.config}")
    if not steps or steps % config.steps:
        raise ValueError(f"{start}: made in {steps} steps; expected a multiple of {config.steps}, a round")
    state.model.load_openlrm_state_dict(model.state_dict())
    for name, parameter in state.model.named_parameters():
        state.average[name].copy_(parameter)
    state.step = steps


def train_step(state: TrainingState, config: PretrainConfig, team: Accelerator, coming: Iterator[Scene]) -> float:
    """One update of the weights and their average by the next scenes; returns the loss over the whole batch."""
    done = state.step % config.steps
    if state.step and not done:
        state.restart()
    set_rates(state.optimisers, state.step, config)
    state.model.zero_grad()
    loss = torch.zeros((), device=team.device)
    progress = state.step / config.steps
    for number in share(state.step, config.batch // config.group, team):
        batch = cast_scene(next(coming), team.device)
        generator = torch.Generator(team.device).manual_seed(number)
        part = reconstruction_loss(state.model, batch, config, generator, progress) * config.group / config.batch
        part.backward()
        loss += part.detach()
    loss = state.sum_up(loss, team, config.clip, "resume with a lower learning rate")
    state.advance(min(config.ema, (1 + done) / (10 + done)))
    return loss.item()


def pretrain(
    run: Path, architecture: LRMConfig, config: PretrainConfig, start: Path | None = None, until: int | None = None
) -> TrainingState:
    """Train in the folder `run`, from its last checkpoint where there is one.

    The folder holds config.json, state.safetensors (weights, average, optimisers), curve.csv and validation pictures.
    Killed at any moment it resumes from the last checkpoint; on one machine the resumed run equals an unbroken one
    bit by bit. Under `accelerate launch` the processes share every batch. ValueError if the folder holds a run of
    another configuration or on another pool, or `start` or the pool does not fit this one.

    Args:
        start: published weights, with their curve beside them, from which a run without a checkpoint goes on; they
            must be those of a finished round.
        until: the step to stop at, with a checkpoint; the end of the last round if None.
    """
    team = Accelerator()
    run.mkdir(parents=True, exist_ok=True)
    claim_folder(run / "config.json", _configuration(architecture, config))
    state = new_state(architecture, config, team.device)
    if start and not (run / STATE).exists():
        take_over(state, start, config)
        if team.is_main_process:
            with replacing(run / "curve.csv") as temporary:
                shutil.copyfile(start.with_name(CURVE), temporary)
    state.load(run / STATE)
    team.wait_for_everyone()
    if team.device.type == "cuda":
        config = replace(config, group=config.batch // team.num_processes)
    curve = Rows(run / "curve.csv", COLUMNS, state.step)
    validation = send_to_device(Validation.prepare(architecture.source_size), team.device)
    started = time.perf_counter() - curve.last("seconds")
    end = min(until or config.rounds * config.steps, config.rounds * config.steps)
    groups = config.batch // config.group
    numbers = [number for step in range(state.step, end) for number in share(step, groups, team)]
    coming = scenes(numbers, config, architecture.source_size, ahead=team.device.type == "cuda")
    losses = []  # since the last checkpoint

    def update() -> dict[str, float]:
        if state.step % config.checkpoint_every == 0:
            losses.clear()
        losses.append(train_step(state, config, team, coming))
        return {"loss": fmean(losses)}

    for step in state.updates(end, team, "pretrain", update):
        last = step % config.steps == 0 or step == end
        if not team.is_main_process or (step % config.checkpoint_every and not last):
            continue
        scores = validation.score(state, run) if step % config.validate_every == 0 or last else {}
        measured = {"seconds": time.perf_counter() - started, "loss": fmean(losses)} | scores
        shown = {name: f"{value:.6g}" for name, value in measured.items()}
        curve.add(step=step, objects=step * config.batch, **shown)
        curve.write()
        state.save(run / STATE)
    team.wait_for_everyone()
    return state


def _configuration(architecture: LRMConfig, config: PretrainConfig) -> dict[str, Any]:
    """What a run folder belongs to; more rounds do not make it another, another pool does."""
    settings = {name: value for name, value in config.in_force().items() if name != "rounds"}
    claimed = {"model": architecture.to_dict(), "training": settings}
    if config.pool is None:
        return claimed
    pool = open_pool(config.pool)
    check_pool(pool, config.views, architecture.source_size)
    return claimed | {"pool": pool.digest}


def default_processes(at_most: int | None = None) -> int:
    """One process per core, at most so many; one where there is a GPU."""
    cores = 1 if torch.cuda.is_available() else len(os.sched_getaffinity(0))
    return min(cores, at_most or cores)


def pretrain_in_processes(
    run: Path,
    architecture: LRMConfig,
    config: PretrainConfig,
    start: Path | None = None,
    *,
    until: int | None = None,
    processes: int | None = None,
) -> None:
    """Run `pretrain` in this process, or in several on the CPU that share every batch and end together.

    There is one per core if `processes` is None, but no more than there are groups in a batch. OSError if one died.
    """
    processes = processes or default_processes(config.batch // config.group)
    if processes == 1:
        pretrain(run, architecture, config, start, until)
        return
    with tempfile.TemporaryDirectory() as folder:
        how = (processes, f"{folder}/meeting", run, architecture, config, start, until)
        list(side_by_side(_pretrain_in_team, [(rank, *how) for rank in range(processes)], processes))


def _pretrain_in_team(rank: int, processes: int, meeting: str, *training: Any) -> None:
    """In a process of its own: `pretrain` as one of a team, whose members meet in a file."""
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "LOCAL_WORLD_SIZE": processes}
    os.environ.update({name: str(value) for name, value in place.items()}, ACCELERATE_USE_CPU="true")
    torch.distributed.init_process_group("gloo", f"file://{meeting}", rank=rank, world_size=processes)
    pretrain(*training)
