"""The part of a model that fine-tuning changes: adapters, or all weights of the transformer."""

import copy
from pathlib import Path

import torch

from lrm_core.atomic import save_tensors
from lrm_core.fit.checkpoint import read_training_checkpoint
from lrm_core.fit.finetune_config import FinetuneConfig
from lrm_core.fit.lora import Adapters
from lrm_core.model.checkpoints import save_checkpoint
from lrm_core.model.lrm import LRM, check_state

ADAPTERS, WEIGHTS = "adapter.safetensors", "model.safetensors"
MOMENTS = ("exp_avg", "exp_avg_sq", "step")  # what AdamW keeps for each parameter


class Tuning:
    """A copy of a model on its way, with its optimiser.

    Attributes:
        model: the copy; what is not trained is frozen.
        adapters: those in it, or None where all weights of the transformer are trained.
        trained: the parameters that change, by name.
        optimiser: AdamW over them.
        step: updates done.
    """

    def __init__(self, model: LRM, config: FinetuneConfig, device: torch.device | str = "cpu") -> None:
        self.model = copy.deepcopy(model).to(device).eval().requires_grad_(False)
        self.adapters = None
        if config.rank is None:
            self.model.transformer.requires_grad_(True)
        else:
            self.adapters = Adapters(self.model, config.rank, config.form, config.seed)
        self.trained = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        self.optimiser = torch.optim.AdamW(self.trained.values(), lr=config.lr, weight_decay=config.weight_decay)
        self.step = 0

    def advance(self) -> None:
        """Take the step that the gradients ask for."""
        self.optimiser.step()
        self.step += 1

    def tuned(self) -> LRM:
        """A plain, frozen model as it is now."""
        if self.adapters:
            return self.adapters.merged()
        return copy.deepcopy(self.model).requires_grad_(False)

    def publish(self, run: Path) -> None:
        """Write what a reader of the run wants: the adapters, or the whole model in float32."""
        if self.adapters:
            self.adapters.save(run / ADAPTERS)
        else:
            save_checkpoint(self.model, run / WEIGHTS, dtype=torch.float32)

    def save(self, path: Path) -> None:
        """Write trained parameters and their moments, or leave the old file and raise OSError."""
        named = {f"weight.{name}": parameter.detach() for name, parameter in self.trained.items()}
        for name, parameter in self.trained.items():
            moments = self.optimiser.state.get(parameter, {})
            named |= {f"{key}.{name}": value for key, value in moments.items()}
        tensors = {name: value.contiguous() for name, value in named.items()}
        save_tensors(path, tensors, {"step": str(self.step)})

    @torch.no_grad()
    def load(self, path: Path) -> None:
        """Go on from `path` if it exists; raises ValueError if the file is damaged or belongs to another model."""
        if not path.exists():
            return
        stored, step = read_training_checkpoint(path)
        shapes = {f"weight.{name}": parameter.shape for name, parameter in self.trained.items()}
        for key in MOMENTS if step else ():
            shapes |= {f"{key}.{n}": () if key == "step" else p.shape for n, p in self.trained.items()}
        try:
            check_state(stored, shapes)
        except ValueError as error:
            raise ValueError(f"{path}: {error}; choose another folder") from error
        for name, parameter in self.trained.items():
            parameter.copy_(stored[f"weight.{name}"])
        if step:
            moments = [{key: stored[f"{key}.{name}"] for key in MOMENTS} for name in self.trained]
            groups = self.optimiser.state_dict()["param_groups"]
            self.optimiser.load_state_dict({"state": dict(enumerate(moments)), "param_groups": groups})
        self.step = step
