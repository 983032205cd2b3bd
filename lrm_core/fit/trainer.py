"""Fine-tuning on rendered objects, of adapters or of all weights of the transformer (experiments E13 to E15)."""

import json
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

from accelerate import Accelerator
from tqdm import tqdm

from lrm_core.atomic import alone, replacing
from lrm_core.fit.batch import batch_loss, numbered_pair
from lrm_core.fit.examples import Example
from lrm_core.fit.finetune_config import FinetuneConfig
from lrm_core.fit.losses import Perceptual
from lrm_core.fit.run_folder import REMOVE, STATE, Rows, claim_folder
from lrm_core.fit.scores import EarlyStop, Metrics, early_stop, score
from lrm_core.fit.tuning import Tuning
from lrm_core.model.hashing import model_hash
from lrm_core.model.lrm import LRM


@dataclass(frozen=True)
class Finetuned:
    """What a run of fine-tuning came to.

    Attributes:
        model: plain and frozen, the adapters merged.
        losses: of every step.
        scores: of every validated step, one row for each object: step, object, and the metrics.
        early_stop: where it would have come.
    """

    model: LRM
    losses: list[float]
    scores: list[dict[str, float | str]]
    early_stop: EarlyStop

    def means(self, step: int) -> dict[str, float]:
        """Each metric at a validated step, averaged over the objects."""
        rows = [row for row in self.scores if row["step"] == step]
        names = [name for name in self.scores[0] if name not in ("step", "object")]
        return {name: sum(row[name] for row in rows) / len(rows) for name in names}

    def summary(self) -> str:
        """The means before and after, such as "l1 0.032 -> 0.027"."""
        before, after = self.means(0), self.means(len(self.losses))
        return ", ".join(f"{name} {before[name]:.4g} -> {after[name]:.4g}" for name in before)


@dataclass(frozen=True)
class _Task:
    """What a run works on: all that does not change while it goes on."""

    run: Path
    config: FinetuneConfig
    train: list[Example]
    validation: list[Example]
    metrics: Metrics
    perceptual: Perceptual | None
    team: Accelerator


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

    The folder holds config.json, losses.csv (step, object, view, loss; of the first pair of a batch the names, of
    the batch the loss), scores.csv (step, object, metrics), curve.csv (their means over the objects),
    early_stop.json, state.safetensors, and in the end adapter.safetensors or model.safetensors. Killed at any moment,
    or by Ctrl-C, a run resumes; on the CPU of one machine the resumed run equals an unbroken one bit by bit. Under
    `accelerate launch` the processes share every batch.

    Args:
        run: made where it is missing.
        model: not changed.
        train: objects with the views to train on, as many of each.
        validation: held-out objects with the views to score.
        config: of the run.
        metrics: by name, each from images (n, 3, H, W) twice to (n,); `config.stop_on` is one of them.
        perceptual: differentiable distance, for a loss that has a weight for it.

    Raises:
        ValueError: if the folder holds another run, the examples or the metrics do not fit the configuration, or the
            loss becomes NaN or infinite.
    """
    team = Accelerator()
    _check(train, validation, config, metrics, team)
    run.mkdir(parents=True, exist_ok=True)
    with alone(run) if team.is_main_process else nullcontext():
        claim_folder(run / "config.json", _description(model, train, validation, config))
        tuning = Tuning(model, config, team.device)
        tuning.load(run / STATE)
        if tuning.step > config.steps:
            raise ValueError(
                f"{run / STATE}: at step {tuning.step} of a run of {config.steps}; delete it to start over"
            )
        team.wait_for_everyone()
        here = [[example.to(team.device) for example in part] for part in (train, validation)]
        return _Run(_Task(run, config, *here, metrics, perceptual, team), tuning).go_on()


class _Run:
    """A run on its way: what is tuned, and the tables that tell of it."""

    def __init__(self, task: _Task, tuning: Tuning) -> None:
        self.task, self.tuning = task, tuning
        self._read_tables()
        self.began = time.perf_counter() - (float(self.curve.rows[-1]["seconds"]) if self.curve.rows else 0)
        self.whole = True  # False while an update is half made

    def _read_tables(self) -> None:
        run, step, metrics = self.task.run, self.tuning.step, self.task.metrics
        self.losses = Rows(run / "losses.csv", ("step", "object", "view", "loss"), step)
        self.scores = Rows(run / "scores.csv", ("step", "object", *metrics), step)
        self.curve = Rows(run / "curve.csv", ("step", "seconds", *metrics), step)
        for table in (self.scores, self.curve):
            for name in metrics:
                table.numbers(name)
        self.curve.numbers("seconds")
        self.losses.numbers("loss")
        if [int(row["step"]) for row in self.losses.rows] != list(range(1, step + 1)):
            raise ValueError(
                f"{self.losses.path}: expected the losses of steps 1 to {step}, found {len(self.losses.rows)}; "
                f"{REMOVE}"
            )

    def go_on(self) -> Finetuned:
        """Train to the end; Ctrl-C leaves a checkpoint of the last whole step."""
        try:
            self._to_the_end()
        except KeyboardInterrupt:
            if self.whole:
                self._save()
            raise
        self.task.team.wait_for_everyone()
        self._read_tables()  # only the main process wrote them
        return Finetuned(
            model=self.tuning.tuned(),
            losses=self.losses.numbers("loss"),
            scores=[self._numbers(row) for row in self.scores.rows],
            early_stop=self._early_stop(),
        )

    def _to_the_end(self) -> None:
        config, tuning, main = self.task.config, self.tuning, self.task.team.is_main_process
        with tqdm(
            total=config.steps, initial=tuning.step, desc="finetune", unit="step", disable=not main
        ) as bar:
            while True:
                if self._due(config.validate_every) and main:
                    self._validate()
                if self._due(config.checkpoint_every):
                    self._save()
                if tuning.step == config.steps:
                    break
                bar.set_postfix(loss=f"{self._step():.4g}")
                bar.update()
        if main:
            tuning.publish(self.task.run)

    def _due(self, every: int) -> bool:
        return self.tuning.step % every == 0 or self.tuning.step == self.task.config.steps

    def _step(self) -> float:
        """One update, and its row among the losses."""
        task, tuning = self.task, self.tuning
        loss = batch_loss(tuning, task.train, task.config, task.team, task.perceptual)
        item, view = numbered_pair(tuning.step * task.config.batch, task.train, task.config)
        self.whole = False
        tuning.advance()
        self.losses.add(step=tuning.step, object=item.name, view=view, loss=loss)
        self.whole = True
        return loss

    def _validate(self) -> None:
        """Score the held-out objects, unless the run was killed after that."""
        step, metrics = self.tuning.step, self.task.metrics
        if self.curve.has(step):
            return
        rows = list(score(self.tuning.model, self.task.validation, metrics))
        self.scores.rows = [row for row in self.scores.rows if row["step"] != str(step)]
        for row in rows:
            self.scores.add(step=step, **row)
        self.scores.write()
        means = {name: sum(row[name] for row in rows) / len(rows) for name in metrics}
        self.curve.add(step=step, seconds=time.perf_counter() - self.began, **means)
        self.curve.write()
        with replacing(self.task.run / "early_stop.json") as temporary:
            temporary.write_text(
                json.dumps({"metric": self.task.config.stop_on, **asdict(self._early_stop())})
            )

    def _save(self) -> None:
        """Write the losses and then the checkpoint: whoever resumes finds at least the rows up to it."""
        if self.task.team.is_main_process:
            self.losses.write()
            self.tuning.save(self.task.run / STATE)

    def _early_stop(self) -> EarlyStop:
        config, rows = self.task.config, self.curve.rows
        values = [float(row[config.stop_on]) for row in rows]
        return early_stop([int(row["step"]) for row in rows], values, config.patience)

    def _numbers(self, row: dict[str, str]) -> dict[str, float | str]:
        values = {name: float(row[name]) for name in self.task.metrics}
        return {"step": int(row["step"]), "object": row["object"], **values}


def _description(
    model: LRM, train: Sequence[Example], validation: Sequence[Example], config: FinetuneConfig
) -> dict:
    """All that decides a run."""
    data = {
        split: [[example.name, example.digest()] for example in part]
        for split, part in (("train", train), ("validation", validation))
    }
    return {"model": model_hash(model), "finetune": asdict(config), **data}


def _check(
    train: Sequence[Example],
    validation: Sequence[Example],
    config: FinetuneConfig,
    metrics: Metrics,
    team: Accelerator,
) -> None:
    if not train or not validation:
        raise ValueError(
            f"expected objects to train on and to validate, found {len(train)} and {len(validation)}"
        )
    counts = sorted({len(example.views.images) for example in train})
    if len(counts) > 1 or not counts[0]:
        raise ValueError(f"expected as many training views of every object, found {counts}")
    if config.stop_on not in metrics:
        raise ValueError(
            f"stop_on: expected one of the metrics {', '.join(metrics)}; found {config.stop_on!r}"
        )
    if config.batch % team.num_processes:
        raise ValueError(
            f"batch: expected a multiple of the {team.num_processes} processes, found {config.batch}"
        )
