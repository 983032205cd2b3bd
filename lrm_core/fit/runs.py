"""What every run of training needs: its folder and tables, its state, and the processes that share its work.

A run that was killed goes on from its last state as if it had never stopped.
"""

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import inf, isfinite
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from lrm_core.atomic import replacing, save_tensors
from lrm_core.files import read_json, read_tensors
from lrm_core.model.lrm import LRM, check_state

STATE = "state.safetensors"  # of a run: weights and moments
REMOVE = "remove the folder of the run to start over"


def claim_folder(path: Path, configuration: dict) -> None:
    """Write the configuration of a run to `path`; ValueError if a run of another, or a damaged one, lies there."""
    text = json.dumps(configuration, indent=1, sort_keys=True)
    if not path.exists():
        with replacing(path) as temporary:
            temporary.write_text(text)
    elif read_json(path) != json.loads(text):
        raise ValueError(f"{path}: this folder holds a run of another configuration; choose another folder")


class Rows:
    """A table by step, as CSV; a run that resumes writes what lies after its step again."""

    def __init__(self, path: Path, columns: Sequence[str], step: float, numbers: Sequence[str] = ()) -> None:
        """Read what is there up to and with `step`, a column, and check the columns that hold numbers.

        ValueError, naming the file, if it is no such table.
        """
        self.path, self.columns = path, tuple(columns)
        self.rows = []  # text by column, in order of step
        if not path.exists():
            return
        try:
            with path.open(newline="", encoding="utf-8") as file:
                table = csv.DictReader(file)
                rows = [row for row in table if int(row["step"]) <= step]
        except (KeyError, TypeError, ValueError, csv.Error) as error:
            raise ValueError(f"{path}: not a table of a run ({error!r}); {REMOVE}") from error
        if rows and any(row.keys() != set(self.columns) or None in row.values() for row in rows):
            raise ValueError(f"{path}: expected the columns {', '.join(self.columns)} in every row; {REMOVE}")
        self.rows = rows
        for column in numbers:
            self.numbers(column)

    def numbers(self, column: str) -> list[float]:
        """A column; ValueError naming the file, if an entry is no finite number."""
        try:
            values = [float(row[column]) for row in self.rows]
        except ValueError as error:
            raise ValueError(f"{self.path}: {column}: {error}; {REMOVE}") from error
        if not all(map(isfinite, values)):
            raise ValueError(f"{self.path}: {column}: expected finite numbers, found NaN or infinity; {REMOVE}")
        return values

    def has(self, step: int) -> bool:
        """Whether there is a row of that step."""
        return any(row["step"] == str(step) for row in self.rows)

    def last(self, column: str) -> float:
        """The number in the last row, 0 where there is none."""
        return float(self.rows[-1][column]) if self.rows else 0.0

    def add(self, **row: float | str) -> None:
        """One more row, empty where nothing is given; nine digits give a float32 back unchanged."""
        cells = {key: row.get(key, "") for key in self.columns}
        self.rows.append({k: f"{x:.9g}" if isinstance(x, float) else str(x) for k, x in cells.items()})

    def write(self) -> None:
        """Replace the file."""
        with replacing(self.path) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.columns)
            writer.writeheader()
            writer.writerows(self.rows)


class TrainingState:
    """Weights, their moving average, the optimisers' moments, and the number of steps done."""

    MOMENT = "optimiser."  # begins the name of a moment in the file
    EVERY = ()  # moments that each parameter has after a step, where that is known

    def __init__(
        self, model: LRM, optimisers: Sequence[torch.optim.Optimizer], averaging: bool = True, frozen: bool = True
    ) -> None:
        """Begin at step 0; `averaging` keeps an average, and `frozen` parameters are saved too."""
        self.model, self.optimisers, self.step = model, optimisers, 0
        # the parameters that are saved, by name, and the average of each, if there is one
        self.kept = {name: p for name, p in model.named_parameters() if frozen or p.requires_grad}
        self.average = {name: p.detach().clone() for name, p in self.kept.items()} if averaging else {}

    def sum_up(self, loss: Float[Tensor, "*parts"], team: Accelerator, clip: float | None, advice: str) -> Tensor:
        """The loss, and in place every gradient, summed over the processes; the gradients clipped at a norm.

        ValueError with the advice, if the loss, the first of its parts, is NaN or infinite.
        """
        reached = [parameter for parameter in self.model.parameters() if parameter.grad is not None]
        if team.num_processes > 1:
            parts = [loss, *(parameter.grad for parameter in reached)]
            total = team.reduce(torch.cat([part.reshape(-1) for part in parts]), reduction="sum")
            for part, summed in zip(parts, total.split([part.numel() for part in parts]), strict=True):
                part.copy_(summed.view_as(part))
        if not isfinite(found := loss.flatten()[0].item()):
            raise ValueError(f"step {self.step + 1}: the loss is {found}; {advice}")
        if clip:
            nn.utils.clip_grad_norm_(reached, clip)
        return loss

    def updates(
        self, end: int, team: Accelerator, what: str, update: Callable[[], Mapping[str, float]]
    ) -> Iterator[int]:
        """Call `update` until step `end`, and yield the steps done after each; a bar shows what it returns."""
        silent = not team.is_main_process
        with tqdm(total=end, initial=self.step, desc=what, unit="step", disable=silent) as bar:
            while self.step < end:
                bar.set_postfix({name: f"{value:.4g}" for name, value in update().items()})
                bar.update()
                yield self.step

    @torch.no_grad()
    def advance(self, decay: float = 1.0) -> None:
        """Take the step that the gradients ask for, and move the average towards the weights by 1 - decay."""
        for optimiser in self.optimisers:
            optimiser.step()
        self.step += 1
        if self.average:
            torch._foreach_lerp_(list(self.average.values()), list(self.kept.values()), 1 - decay)

    @torch.no_grad()
    def restart(self) -> None:
        """Go on from the averaged weights, as if no step had led there."""
        for name, parameter in self.kept.items():
            parameter.copy_(self.average[name])
        for optimiser in self.optimisers:
            optimiser.state.clear()

    def averaged(self) -> LRM:
        """A model with the averaged weights."""
        model = type(self.model)(self.model.config).eval().to(next(self.model.parameters()).device)
        model.load_openlrm_state_dict(self.average)
        return model.requires_grad_(False)

    def save(self, path: Path) -> None:
        """Write weights, averages and moments, or leave the old file and raise OSError."""
        tensors = {f"weight.{name}": parameter for name, parameter in self.kept.items()}
        tensors |= {f"average.{name}": value for name, value in self.average.items()}
        for name, parameter in self.kept.items():
            for optimiser in self.optimisers:
                moments = optimiser.state.get(parameter, {})
                tensors |= {f"{self.MOMENT}{key}.{name}": value for key, value in moments.items()}
        tensors = {name: value.detach().contiguous() for name, value in tensors.items()}
        save_tensors(path, tensors, {"step": str(self.step)})

    @torch.no_grad()
    def load(self, path: Path, steps: float = inf) -> None:
        """Go on from `path` if it exists.

        ValueError if the file is damaged, belongs to another model, or was made in more than `steps` steps.
        """
        if not path.exists():
            return
        stored, step = read_training_checkpoint(path)
        parts = {"weight": self.kept} | ({"average": self.average} if self.average else {})
        places = {f"{part}.{name}": value for part, values in parts.items() for name, value in values.items()}
        shapes, moments = {name: value.shape for name, value in places.items()}, {p: {} for p in self.kept.values()}
        for name in stored.keys() - places.keys():
            moment, _, owner = name.removeprefix(self.MOMENT).partition(".")
            if name.startswith(self.MOMENT) and (parameter := self.kept.get(owner)) is not None:
                moments[parameter][moment] = stored[name]
                shapes[name] = parameter.shape if stored[name].ndim else ()
        for moment in self.EVERY if step else ():
            shapes |= {
                f"{self.MOMENT}{moment}.{n}": () if moment == "step" else p.shape for n, p in self.kept.items()
            }
        try:
            check_state(stored, shapes)
        except ValueError as error:
            raise ValueError(f"{path}: {error}; choose another folder") from error
        if step > steps:
            raise ValueError(f"{path}: at step {step} of {steps}; delete it to restart")
        for name, value in places.items():
            value.copy_(stored[name])
        for optimiser in self.optimisers:
            parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
            state = {number: moments[p] for number, p in enumerate(parameters) if moments[p]}
            optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
        self.step = step


def read_training_checkpoint(path: Path) -> tuple[dict[str, Tensor], int]:
    """Tensors and step number of a checkpoint; ValueError naming it if it is damaged."""
    advice = "delete it to start over"
    stored, header = read_tensors(path, advice)
    step = header.get("step", "")
    if not step.isdecimal():
        raise ValueError(f"{path}: not a training checkpoint, its step is {step or 'missing'!r}; {advice}")
    return stored, int(step)


def share(step: int, count: int, team: Accelerator) -> range:
    """Which of the `count` items of a step this process works on, by numbers that count over the whole run."""
    return range(step * count + team.process_index, (step + 1) * count, team.num_processes)


def in_order(items: Dataset, numbers: Iterable[int], ahead: bool) -> Iterator[Any]:
    """The items of these numbers; `ahead` has other processes make them ahead of time, one for each core but one."""
    workers = max(1, len(os.sched_getaffinity(0)) - 1) if ahead else 0
    how = {"multiprocessing_context": "spawn", "prefetch_factor": 4} if workers else {}
    return iter(DataLoader(items, batch_size=None, sampler=numbers, num_workers=workers, **how))
