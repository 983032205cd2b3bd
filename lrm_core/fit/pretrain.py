"""Training of a reconstruction model from scratch on procedural objects."""

import csv
import json
import math
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import relu
from tqdm import tqdm

from lrm_core.atomic import replacing
from lrm_core.fit.checkpoint import TrainingState
from lrm_core.fit.pretrain_data import RayBatch, ray_batch
from lrm_core.fit.pretrain_validation import Validation
from lrm_core.model.config import MINI, LRMConfig
from lrm_core.model.initialise import initialise
from lrm_core.model.lrm import LRM
from lrm_core.render import render_rays
from lrm_core.render.field import Field
from lrm_core.render.rays import box_span

RAW_FREE = -8.0


@dataclass(frozen=True)
class PretrainConfig:
    """One training run.

    Attributes:
        steps: length of the schedule.
        batch: objects a step.
        views, rays: cameras and target rays of each object.
        lr, warmup: peak of the learning rate, reached after `warmup` steps, then cosine to 1%.
        weight_decay: on matrices only (spec, section Training).
        ema: decay of the averaged weights, which are the ones that are kept.
        mask_weight, tv_weight: of the coverage error and of the planes' total variation.
        empty_weight: of raw density above -8 where the object is known not to be (`emptiness_loss`).
        precision: "bf16" autocasts the transformer, "float32" does not.
        checkpoint_every, validate_every: in steps.
        seed: of the initial weights.
    """

    steps: int = 2200
    batch: int = 4
    views: int = 4
    rays: int = 512
    lr: float = 1.2e-3
    warmup: int = 100
    weight_decay: float = 0.05
    clip: float = 1.0
    ema: float = 0.995
    mask_weight: float = 0.5
    tv_weight: float = 5e-4
    empty_weight: float = 2e-3
    precision: str = "bf16"
    checkpoint_every: int = 50
    validate_every: int = 250
    seed: int = 0


PRESETS: dict[str, tuple[LRMConfig, PretrainConfig]] = {"mini": (MINI, PretrainConfig())}


def get_preset(name: str) -> tuple[LRMConfig, PretrainConfig]:
    """Architecture and recipe of that name.

    Raises:
        ValueError: if there is none.
    """
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}; expected one of {', '.join(PRESETS)}")
    return PRESETS[name]


def learning_rate(step: int, config: PretrainConfig) -> float:
    """Linear warm-up, then half a cosine down to 1% of the peak."""
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    progress = (step - config.warmup) / max(1, config.steps - config.warmup)
    return config.lr * (0.01 + 0.99 * (1 + math.cos(math.pi * min(progress, 1.0))) / 2)


def total_variation(planes: Float[Tensor, "N 3 C R R"]) -> Tensor:
    """Mean squared difference of neighbouring texels along both axes."""
    return planes.diff(dim=-1).square().mean() + planes.diff(dim=-2).square().mean()


def reconstruction_loss(
    model: LRM, batch: RayBatch, config: PretrainConfig, generator: torch.Generator
) -> Tensor:
    """Colour error on black, grey or white, coverage error, total variation, and density in free space."""
    planes = predict(model, batch, config.precision).float()
    shade = torch.randint(0, 3, (len(planes), 1, 1), generator=generator) / 2
    rendering = render_rays(
        planes,
        model.decoder,
        batch.origins,
        batch.directions,
        background=shade,
        samples_per_ray=model.config.rendering_samples_per_ray,
        jitter=generator,
    )
    target = batch.rgb + shade * (1 - batch.alpha)
    colour = (rendering.rgb - target).square().mean()
    mask = (rendering.weight - batch.alpha).square().mean()
    empty = emptiness_loss(planes, model.decoder, batch, generator)
    smooth = total_variation(planes)
    return colour + config.mask_weight * mask + config.tv_weight * smooth + config.empty_weight * empty


def emptiness_loss(
    planes: Float[Tensor, "B 3 C R R"], decoder: nn.Module, batch: RayBatch, generator: torch.Generator
) -> Tensor:
    """How far raw density rises above `RAW_FREE` at one random point of each ray that meets nothing.

    The colour error alone leaves a haze of density about 0.003, too thin to see and too thick to skip.
    """
    span = box_span(batch.origins, batch.directions)
    draw = torch.rand(span.near.shape, generator=generator)
    points = batch.origins + (span.near + draw * (span.far - span.near))[..., None] * batch.directions
    free = span.hit & (batch.alpha[..., 0] == 0)
    raw = [Field(p, decoder).raw(x[f])[:, 0] for p, x, f in zip(planes, points, free, strict=True)]
    return relu(torch.cat(raw) - RAW_FREE).sum() / free.sum().clamp(min=1)


def predict(model: LRM, batch: RayBatch, precision: str) -> Float[Tensor, "B 3 C R R"]:
    cast = torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else nullcontext()
    with cast:
        return model.predict_planes(batch.sources, batch.cameras)


def parameter_groups(model: LRM, weight_decay: float) -> list[dict]:
    """Weight decay on matrices, none on biases, norms and position embeddings."""
    decayed, plain = [], []
    for name, parameter in model.named_parameters():
        (decayed if parameter.ndim >= 2 and "embed" not in name else plain).append(parameter)
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]


def new_state(architecture: LRMConfig, config: PretrainConfig) -> TrainingState:
    """A model at its initial weights with its optimiser and average."""
    model = initialise(LRM(architecture), torch.Generator().manual_seed(config.seed))
    groups = parameter_groups(model, config.weight_decay)
    optimiser = torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, 0.95), fused=True)
    return TrainingState(model, optimiser)


def train_step(state: TrainingState, config: PretrainConfig) -> float:
    """One update of the weights and their average; returns the loss."""
    size = state.model.config.source_size
    batch = ray_batch(state.step, batch=config.batch, views=config.views, rays=config.rays, size=size)
    generator = torch.Generator().manual_seed(state.step)
    for group in state.optimiser.param_groups:
        group["lr"] = learning_rate(state.step, config)
    loss = reconstruction_loss(state.model, batch, config, generator)
    if not torch.isfinite(loss):
        raise ValueError(f"step {state.step}: the loss is {loss.item()}; resume with a lower learning rate")
    state.optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(state.model.parameters(), config.clip)
    state.optimiser.step()
    state.advance(min(config.ema, (1 + state.step) / (10 + state.step)))
    return loss.item()


class Curve:
    """The training curve as CSV: rows at or after the step of a resumed run are written again."""

    COLUMNS = ("step", "objects", "seconds", "loss", "source_psnr", "novel_psnr")

    def __init__(self, path: Path, step: int):
        rows = list(csv.DictReader(path.open())) if path.exists() else []
        self.rows = [row for row in rows if int(row["step"]) <= step]
        self.path = path

    @property
    def seconds(self) -> float:
        return float(self.rows[-1]["seconds"]) if self.rows else 0.0

    def add(self, **row: float) -> None:
        self.rows.append({key: f"{row[key]:.6g}" if key in row else "" for key in self.COLUMNS})
        with replacing(self.path) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows)


def pretrain(run: Path, architecture: LRMConfig, config: PretrainConfig) -> TrainingState:
    """Train in the folder `run`, from its last checkpoint where there is one.

    The folder holds config.json, state.safetensors (weights, average, optimiser), curve.csv and
    validation pictures. Killed at any moment it resumes from the last checkpoint; on one machine the resumed
    run equals an unbroken one bit by bit.

    Raises:
        ValueError: if the folder holds a run of another configuration.
    """
    run.mkdir(parents=True, exist_ok=True)
    _check_configuration(run / "config.json", {"model": architecture.to_dict(), "training": asdict(config)})
    state = new_state(architecture, config)
    state.load(run / "state.safetensors")
    curve = Curve(run / "curve.csv", state.step)
    validation = Validation.prepare(architecture.source_size)
    started = time.perf_counter() - curve.seconds
    for step, loss in _steps(state, config):
        if step % config.checkpoint_every and step != config.steps:
            continue
        scores = (
            validation.score(state, run) if step % config.validate_every == 0 or step == config.steps else {}
        )
        curve.add(
            step=step, objects=step * config.batch, seconds=time.perf_counter() - started, loss=loss, **scores
        )
        state.save(run / "state.safetensors")
    return state


def _steps(state: TrainingState, config: PretrainConfig) -> Iterator[tuple[int, float]]:
    """Train to the end of the schedule: (steps done, mean loss since the last checkpoint)."""
    mean = 0.0
    with tqdm(total=config.steps, initial=state.step, desc="pretrain", unit="step") as bar:
        while state.step < config.steps:
            loss = train_step(state, config)
            count = (state.step - 1) % config.checkpoint_every
            mean = (mean * count + loss) / (count + 1)
            bar.set_postfix(loss=f"{mean:.4f}")
            bar.update()
            yield state.step, mean


def _check_configuration(path: Path, configuration: dict) -> None:
    """Write the run's configuration, or raise ValueError if the folder has another one."""
    text = json.dumps(configuration, indent=1, sort_keys=True)
    if not path.exists():
        path.write_text(text)
    elif json.loads(path.read_text()) != json.loads(text):
        raise ValueError(f"{path}: this folder holds a run of another configuration; choose another folder")
