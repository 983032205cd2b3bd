"""Fine-tuning on rendered objects, of adapters or of all weights of the transformer (experiments E13 to E15)."""

import json
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

import torch
from accelerate import Accelerator

from lrm_core.atomic import alone, replacing
from lrm_core.fit.lora import Tuning
from lrm_core.fit.losses import FinetuneConfig, Perceptual
from lrm_core.fit.runs import REMOVE, STATE, Rows, claim_folder, share
from lrm_core.fit.scores import EarlyStop, Example, Metrics, early_stop, render_example, score
from lrm_core.model.lrm import LRM, model_hash


@dataclass(frozen=True)
class Finetuned:
    """What a run of fine-tuning came to."""

    model: LRM  # plain and frozen, the adapters merged
    losses: list[float]  # of every step
    # of every validated step, one row for each object: step, object, and the metrics
    scores: list[dict[str, float | str]]
    early_stop: EarlyStop  # where it would have come

    def means(self, step: int) -> dict[str, float]:
        """Each metric at a validated step, averaged over the objects."""
        rows = [row for row in self.scores if row["step"] == step]
        names = [name for name in self.scores[0] if name not in ("step", "object")]
        return {name: sum(row[name] for row in rows) / len(rows) for name in names}

    def summary(self) -> str:
        """The means before and after, such as "l1 0.032 -> 0.027"."""
        before, after = self.means(0), self.means(len(self.losses))
        return ", ".join(f"{name} {before[name]:.4g} -> {after[name]:.4g}" for name in before)


def finetune(
    run: Path,
    model: LRM,
    train: Sequence[Example],
    validation: Sequence[Example],
    config: FinetuneConfig,
    metrics: Metrics,
    perceptual: Perceptual | None = None,
) -> Finetuned:
    """Fine-tune a copy of a model in the folder `run`, from its last checkpoint where there is one.

    The folder holds config.json, losses.csv (step, object, view, loss; of the first pair of a batch the names, of the
    batch the loss), scores.csv (step, object, metrics), curve.csv (their means over the objects), early_stop.json,
    state.safetensors, and in the end adapter.safetensors or model.safetensors. Killed at any moment, or by Ctrl-C, a
    run resumes; on the CPU of one machine the resumed run equals an unbroken one bit by bit. Under
    `accelerate launch` the processes share every batch. ValueError if the folder holds another run, the examples or
    the metrics do not fit the configuration, or the loss becomes NaN or infinite.

    Every object of `train` has as many views to train on, those of `validation` are held out, with the views to
    score. `config.stop_on` is one of the metrics; the perceptual distance is differentiable, for a loss that has a
    weight for it.
    """
    team = Accelerator()
    splits = [train, validation]
    _check(splits, config, metrics, team.num_processes)
    run.mkdir(parents=True, exist_ok=True)
    with alone(run) if team.is_main_process else nullcontext():
        listed = ([[example.name, example.digest()] for example in part] for part in splits)
        data = dict(zip(("train", "validation"), listed, strict=True))
        claim_folder(run / "config.json", {"model": model_hash(model), "finetune": asdict(config), **data})
        tuning = Tuning(model, config, team.device)
        tuning.load(run / STATE, config.steps)
        team.wait_for_everyone()
        here = [[example.to(team.device) for example in part] for part in splits]
        return _Run(run, config, *here, metrics, perceptual, team, tuning).go_on()


@dataclass
class _Run:
    """A run on its way: what it works on, what is tuned, and the tables that tell of it."""

    folder: Path
    config: FinetuneConfig
    train: list[Example]
    validation: list[Example]
    metrics: Metrics
    perceptual: Perceptual | None
    team: Accelerator
    tuning: Tuning

    def __post_init__(self) -> None:
        self._read_tables()
        self.began = time.perf_counter() - self.curve.last("seconds")
        self.whole = True  # False while an update is half made

    def _read_tables(self) -> None:
        run, step, metrics = self.folder, self.tuning.step, self.metrics
        self.losses = Rows(run / "losses.csv", ("step", "object", "view", "loss"), step, ("loss",))
        self.scores = Rows(run / "scores.csv", ("step", "object", *metrics), step, tuple(metrics))
        self.curve = Rows(run / "curve.csv", ("step", "seconds", *metrics), step, ("seconds", *metrics))
        if [int(row["step"]) for row in self.losses.rows] != list(range(1, step + 1)):
            found = f"expected the losses of steps 1 to {step}, found {len(self.losses.rows)}"
            raise ValueError(f"{self.losses.path}: {found}; {REMOVE}")

    def go_on(self) -> Finetuned:
        """Train to the end; Ctrl-C leaves a checkpoint of the last whole step."""
        config, tuning, main = self.config, self.tuning, self.team.is_main_process
        try:
            for _ in chain([tuning.step], tuning.updates(config.steps, self.team, "finetune", self._step)):
                if self._due(config.validate_every) and main:
                    self._validate()
                if self._due(config.checkpoint_every):
                    self._save()
            if main:
                tuning.publish(self.folder)
        except KeyboardInterrupt:
            if self.whole:
                self._save()
            raise
        self.team.wait_for_everyone()
        self._read_tables()  # only the main process wrote them
        scores = [
            {"step": int(row["step"]), "object": row["object"]} | {name: float(row[name]) for name in self.metrics}
            for row in self.scores.rows
        ]
        return Finetuned(tuning.tuned(), self.losses.numbers("loss"), scores, self._early_stop())

    def _due(self, every: int) -> bool:
        return self.tuning.step % every == 0 or self.tuning.step == self.config.steps

    def _step(self) -> dict[str, float]:
        """One update, and its row among the losses."""
        tuning, config = self.tuning, self.config
        loss = batch_loss(tuning, self.train, config, self.team, self.perceptual)
        item, view = numbered_pair(tuning.step * config.batch, self.train, config)
        self.whole = False
        tuning.advance()
        self.losses.add(step=tuning.step, object=item.name, view=view, loss=loss)
        self.whole = True
        return {"loss": loss}

    def _validate(self) -> None:
        """Score the held-out objects, unless the run was killed after that."""
        step, metrics = self.tuning.step, self.metrics
        if self.curve.has(step):
            return
        rows = list(score(self.tuning.model, self.validation, metrics))
        self.scores.rows = [row for row in self.scores.rows if row["step"] != str(step)]
        for row in rows:
            self.scores.add(step=step, **row)
        self.scores.write()
        means = {name: sum(row[name] for row in rows) / len(rows) for name in metrics}
        self.curve.add(step=step, seconds=time.perf_counter() - self.began, **means)
        self.curve.write()
        early = {"metric": self.config.stop_on, **self._early_stop()._asdict()}
        with replacing(self.folder / "early_stop.json") as temporary:
            temporary.write_text(json.dumps(early))

    def _save(self) -> None:
        """Write the losses and then the checkpoint: whoever resumes finds at least the rows up to it."""
        if self.team.is_main_process:
            self.losses.write()
            self.tuning.save(self.folder / STATE)

    def _early_stop(self) -> EarlyStop:
        steps, values = ([float(row[name]) for row in self.curve.rows] for name in ("step", self.config.stop_on))
        return early_stop(list(map(int, steps)), values, self.config.patience)


def batch_loss(
    tuning: Tuning,
    train: Sequence[Example],
    config: FinetuneConfig,
    team: Accelerator,
    perceptual: Perceptual | None = None,
) -> float:
    """Mean loss of the pairs of the next step, whose gradient every process is left with."""
    tuning.model.zero_grad()
    total = torch.zeros((), device=team.device)
    for number in share(tuning.step, config.batch, team):
        example, view = numbered_pair(number, train, config)
        images, cameras = (part[view : view + 1] for part in example.views)
        rendered = render_example(tuning.model, example, cameras, config.precision)
        loss = config.loss(rendered, images, perceptual) / config.batch
        loss.backward()
        total += loss.detach()
    return tuning.sum_up(total, team, config.clip, "choose a lower learning rate").item()


def numbered_pair(number: int, train: Sequence[Example], config: FinetuneConfig) -> tuple[Example, int]:
    """The pair of example and view with this number, counted from 0 over the whole run."""
    item, view = config.pair(number, len(train), len(train[0].views.images))
    return train[item], view


def _check(splits: list[Sequence[Example]], config: FinetuneConfig, metrics: Metrics, processes: int) -> None:
    if not all(splits):
        raise ValueError(f"expected objects of both splits, found {' and '.join(str(len(part)) for part in splits)}")
    counts = sorted({len(example.views.images) for example in splits[0]})
    if len(counts) > 1 or not counts[0]:
        raise ValueError(f"expected as many training views of every object, found {counts}")
    if config.stop_on not in metrics:
        raise ValueError(f"stop_on: expected one of the metrics {', '.join(metrics)}; found {config.stop_on!r}")
    if config.batch % processes:
        raise ValueError(f"batch: expected a multiple of the {processes} processes, found {config.batch}")
