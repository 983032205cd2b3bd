"""What a training run needs to go on as if it had never stopped."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lrm_core.atomic import save_tensors
from lrm_core.files import read_tensors
from lrm_core.model.lrm import LRM


@dataclass
class TrainingState:
    """Weights, their moving average, the optimisers' moments, and the number of steps done.

    Every parameter belongs to one of the optimisers or is frozen. Without `averaging` there is no average.
    """

    model: LRM
    optimisers: Sequence[torch.optim.Optimizer]
    averaging: bool = True

    def __post_init__(self):
        kept = self.model.named_parameters() if self.averaging else ()
        self.step, self.average = 0, {name: p.detach().clone() for name, p in kept}
        groups = [(part, group) for part in self.optimisers for group in part.param_groups]
        self._optimiser_of = {p: optimiser for optimiser, group in groups for p in group["params"]}

    @torch.no_grad()
    def advance(self, decay: float) -> None:
        """Count a step and move the average towards the weights by 1 - decay."""
        self.step += 1
        weights = dict(self.model.named_parameters())
        torch._foreach_lerp_(list(self.average.values()), [weights[name] for name in self.average], 1 - decay)

    @torch.no_grad()
    def restart(self) -> None:
        """Go on from the averaged weights, as if no step had led there."""
        for name, parameter in self.model.named_parameters():
            parameter.copy_(self.average[name])
        for optimiser in self.optimisers:
            optimiser.state.clear()

    def averaged(self) -> LRM:
        """A model with the averaged weights."""
        model = type(self.model)(self.model.config).eval().to(next(iter(self.average.values())).device)
        model.load_openlrm_state_dict(self.average)
        return model.requires_grad_(False)

    def tensors(self) -> dict[str, Tensor]:
        """Weights, their averages and the optimisers' moments, by name."""
        named = {f"weight.{name}": p.detach() for name, p in self.model.named_parameters()}
        named |= {f"average.{name}": value for name, value in self.average.items()}
        for name, parameter in self.model.named_parameters():
            optimiser = self._optimiser_of.get(parameter)
            for key, value in (optimiser.state.get(parameter, {}) if optimiser else {}).items():
                named[f"optimiser.{key}.{name}"] = value
        return {name: value.contiguous() for name, value in named.items()}

    def save(self, path: Path) -> None:
        """Write all of it, or leave the old file and raise OSError."""
        save_tensors(path, self.tensors(), {"step": str(self.step)})

    @torch.no_grad()
    def load(self, path: Path) -> None:
        """Go on from `path` if it exists; raises ValueError if the file is truncated or belongs to another model."""
        if not path.exists():
            return
        stored, step = read_training_checkpoint(path)
        shapes = {name: parameter.shape for name, parameter in self.model.named_parameters()}
        for name, value in stored.items():
            kind, parameter = name.split(".", 1)[0], _moment_of(name) or name.partition(".")[2]
            if value.ndim and value.shape != shapes.get(parameter) and kind in ("optimiser", "average"):
                raise ValueError(f"{path}: its {name} does not fit the model; delete it to start over")
        for name, parameter in self.model.named_parameters():
            for kind in ("weight", "average")[: 1 + self.averaging]:
                if f"{kind}.{name}" not in stored or stored[f"{kind}.{name}"].shape != parameter.shape:
                    wanted = f"{kind} {name} of shape {tuple(parameter.shape)}"
                    raise ValueError(f"{path}: has no {wanted}; choose another folder")
            parameter.copy_(stored[f"weight.{name}"])
            if self.averaging:
                self.average[name].copy_(stored[f"average.{name}"])
            mine = {key.split(".")[1]: value for key, value in stored.items() if _moment_of(key) == name}
            moments = {key: value.to(parameter.device) for key, value in mine.items()}
            if moments and parameter in self._optimiser_of:
                self._optimiser_of[parameter].state[parameter] = moments
        self.step = step


def read_training_checkpoint(path: Path) -> tuple[dict[str, Tensor], int]:
    """Tensors and step number of a checkpoint; ValueError naming it if it is damaged."""
    advice = "delete it to start over"
    stored, header = read_tensors(path, advice)
    step = header.get("step", "")
    if not step.isdecimal():
        raise ValueError(f"{path}: not a training checkpoint, its step is {step or 'missing'!r}; {advice}")
    return stored, int(step)


def _moment_of(key: str) -> str | None:
    """Name of the parameter whose moment is stored under `optimiser.<moment>.<parameter>`."""
    return key.split(".", 2)[2] if key.startswith("optimiser.") else None
