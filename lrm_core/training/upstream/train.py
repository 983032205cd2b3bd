"""Training of a model on rendered objects as OpenLRM does it, from a configuration in its layout."""

import math
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device
from jaxtyping import Float
from torch import Tensor, nn

from lrm_core.files import sha256
from lrm_core.fit.runs import STATE, Rows, TrainingState, claim_folder, in_order, share
from lrm_core.fit.scores import Metrics
from lrm_core.model.checkpoints import load_model, save_release
from lrm_core.model.initialise import initialise
from lrm_core.model.lrm import LRM
from lrm_core.training.upstream.config import TrainConfig
from lrm_core.training.upstream.samples import PARTS, Sample, Samples, object_places, sample_losses, validate

LOSSES, SCORES = "losses.csv", "validation.csv"
WITHOUT_EFFECT = (  # on the weights after a step: a later end, or the same batch on more processes
    *("ignored", "model", "subsets", "parent", "child", "checkpoint_root", "keep", "auto_resume"),
    *("batch_size", "accum_steps", "debug_global_steps", "val_batch_size", "debug_batches"),
    *("validate_every", "checkpoint_every"),
)


def rate(step: int, warmup: int, steps: int) -> float:
    """Share of the peak learning rate at a step, counted from 0: linear warm-up, then half a cosine to 0."""
    if step < warmup:
        return (step + 1) / warmup
    return (1 + math.cos(math.pi * min(1.0, (step + 1 - warmup) / max(1, steps - warmup)))) / 2


def build_optimiser(model: LRM, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW of what is not frozen; biases and layer norms do not decay."""
    norms = [module for module in model.modules() if isinstance(module, nn.LayerNorm)]
    spared = {p for module in norms for p in module.parameters()}
    spared |= {p for name, p in model.named_parameters() if name.endswith("bias")}
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p not in spared], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p in spared], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.lr, betas=(config.beta1, config.beta2), fused=True)


def new_state(config: TrainConfig, device: torch.device | str = "cpu") -> TrainingState:
    """A model at its start with its optimiser: the weights of `config.load_model`, or ours for training from scratch.

    ValueError or FileNotFoundError as `load_model`, or if those weights are of another architecture.
    """
    model = LRM(config.model)
    if config.load_model is None:
        initialise(model, torch.Generator().manual_seed(config.seed))
    else:
        try:
            model.load_openlrm_state_dict(load_model(config.load_model).state_dict())
        except ValueError as error:
            raise ValueError(f"saver.load_model: {config.load_model}: {error}") from error
    model = model.to(device)
    return TrainingState(model, [build_optimiser(model, config)], averaging=False)


def train(config: TrainConfig, metrics: Metrics) -> Rows:
    """Train in the folder `config.run`, from its last state where there is one; returns the table of validations.

    The folder holds config.json, losses.csv (step, the weighted loss, its parts, learning rate), validation.csv
    (step, metrics), state.safetensors (weights and moments), and a folder such as 000200 in the released format for
    each of the last `config.keep` checkpoints; OpenLRM thins them out by powers of that number instead. Every draw
    comes from the seed and the number of the step: killed at any moment, a run resumes from its last state, and on
    the CPU of one machine with one thread it equals an unbroken one bit by bit. Under `accelerate launch` every
    process adds `config.batch_size` objects to a step. FileNotFoundError if a list, an object or the weights to start
    from are missing. ValueError if the folder holds another run, there are fewer objects than a batch takes, or the
    loss becomes NaN or infinite.
    """
    team = Accelerator()
    batch = config.batch_size * config.accum_steps * team.num_processes
    samples = Samples(object_places(config.subsets, "train"), config, batch)
    if not samples.planned:
        found = f"found {len(samples.places)} to train on"
        raise ValueError(f"train.batch_size: a step takes {batch} objects, {found}; lower it")
    held_out = list(dict.fromkeys(object_places(config.subsets, "val")))
    held_out = held_out[: config.debug_batches and config.debug_batches * config.val_batch_size]
    state = new_state(config, team.device)
    if not config.auto_resume and (config.run / STATE).exists():
        raise ValueError(f"{config.run}: holds a run and saver.auto_resume is false; choose another child")
    team.wait_for_everyone()
    settings = {name: value for name, value in asdict(config).items() if name not in WITHOUT_EFFECT}
    objects = {"batch": batch, "objects": sha256("\n".join(place.name for place in samples.places))[:16]}
    claim_folder(config.run / "config.json", {"model": config.model.to_dict(), "training": settings, **objects})
    state.load(config.run / STATE, samples.planned)
    losses = Rows(config.run / LOSSES, ("step", *PARTS, "lr"), state.step)
    scores = Rows(config.run / SCORES, ("step", *metrics), state.step)
    team.wait_for_everyone()
    end = config.debug_global_steps or samples.planned
    numbers = chain.from_iterable(share(step, batch, team) for step in range(state.step, end))
    coming = in_order(samples, numbers, ahead=team.device.type == "cuda")

    def update() -> dict[str, float]:
        parts = dict(zip(PARTS, train_step(samples, state, coming, team).tolist(), strict=True))
        losses.add(step=state.step, **parts, lr=state.optimisers[0].param_groups[0]["lr"])
        return parts

    for step in chain([] if state.step else [0], state.updates(end, team, "train", update)):
        if not team.is_main_process:
            continue
        if (step == end or step % config.validate_every == 0) and not scores.has(step):
            scores.add(step=step, **validate(state.model, held_out, config, metrics))
            scores.write()
        if step and (step == end or step % config.checkpoint_every == 0):
            losses.write()
            _release(state, config)
            state.save(config.run / STATE)
    team.wait_for_everyone()
    return Rows(config.run / SCORES, scores.columns, end)


def train_step(run: Samples, state: TrainingState, coming: Iterator[Sample], team: Accelerator) -> Float[Tensor, "4"]:
    """One update of the weights by the next samples; returns the losses over the whole batch."""
    config, device = run.config, team.device
    for group in state.optimisers[0].param_groups:
        group["lr"] = config.lr * rate(state.step, config.warmup, run.planned)
    state.model.zero_grad()
    losses, numbers = torch.zeros(len(PARTS), device=device), share(state.step, run.batch, team)
    at_once = config.batch_size if device.type == "cuda" else 1
    for start in range(0, len(numbers), at_once):
        samples = [send_to_device(next(coming), device) for _ in numbers[start : start + at_once]]
        seed = np.random.SeedSequence((config.seed, numbers[start])).generate_state(1)[0]
        jitter = torch.Generator(device).manual_seed(int(seed))
        parts = sample_losses(state.model, samples, config, jitter) * len(samples) / run.batch
        parts[0].backward()
        losses += parts.detach()
    losses = state.sum_up(losses, team, config.clip_grad_norm, "lower train.optim.lr")
    state.advance()
    return losses


def _release(state: TrainingState, config: TrainConfig) -> None:
    """Write the model in the released format and remove what is older than the last `config.keep`."""
    folder = config.run / f"{state.step:06d}"
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed before its state was saved
    save_release(state.model, folder, {"steps": str(state.step), "seed": str(config.seed)})
    steps = [path for path in config.run.iterdir() if re.fullmatch(r"\d{6,}", path.name)]
    for old in sorted(steps, key=lambda path: int(path.name))[: -config.keep]:
        shutil.rmtree(old)
