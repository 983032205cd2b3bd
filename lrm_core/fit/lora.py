"""What fine-tuning changes: low-rank adapters in the attentions of the plane transformer, or all of its weights.

Adapters are PEFT's (Hu et al. 2022; experiment E14), in two forms. "projections" is LoRA as everybody knows it: W x
becomes W x + s B A x for the matrices of query, key, value and output, all of them with stock tuners of PEFT
(`lora.Linear` on the output, `target_parameters` on the bare matrices; where query, key and value are one packed
matrix they share one A). "output" is the published form: the *output* y of each attention becomes y + s B A y. No
stock tuner reads the output of a layer: `lora.Linear` on the output projection has the same number of parameters, but
its A sees the input of that projection. So the published form is a subclass of `lora.Linear` that is injected by
PEFT's mechanism for custom modules (`LoraConfig._register_custom_module`, developer guide "Custom models"); PEFT then
names, freezes, saves, disables and merges it as its own. Merged it is W + s B A W.

In both forms s = alpha / r with alpha = 2 r as published, so s = 2, and B = 0 at the start.
"""

import copy
import math
from pathlib import Path
from typing import get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lrm_core.atomic import save_tensors
from lrm_core.files import check_listed, read_tensors
from lrm_core.fit.losses import FinetuneConfig, Form
from lrm_core.fit.runs import TrainingState
from lrm_core.model.checkpoints import save_checkpoint
from lrm_core.model.lrm import LRM, check_state
from lrm_core.torchvision_guard import allow_torchvision_import

allow_torchvision_import()  # PEFT imports transformers, which imports torchvision

from peft import LoraConfig, PeftModel, get_peft_model_state_dict, set_peft_model_state_dict  # noqa: E402
from peft.tuners.lora import Linear, LoraLayer  # noqa: E402

SCALE = 2  # alpha / r as published
PUBLISHED_STD = 0.01  # of A in the published form
# those of either kind of attention
MATRICES = ["in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight"]
NAME = "default"  # of the one adapter in each place
ADAPTERS, WEIGHTS = "adapter.safetensors", "model.safetensors"  # that a finished run leaves


class OutputLora(Linear):
    """A linear layer whose output y becomes y + s B A y, with A (r, out) and B (out, r)."""

    def _get_in_out_features(self, module: nn.Linear) -> tuple[int, int]:
        return module.out_features, module.out_features

    def forward(self, x: Float[Tensor, "*batch in"]) -> Float[Tensor, "*batch out"]:
        """The layer's output y, plus sBAy."""
        y = self.base_layer(x)
        if self.disable_adapters or self.merged:
            return y
        return y + self.lora_B[NAME](self.lora_A[NAME](y)) * self.scaling[NAME]

    def get_delta_weight(self, adapter: str) -> Float[Tensor, "out in"]:
        """What merging adds to W: s B A W."""
        return super().get_delta_weight(adapter) @ self.get_base_layer().weight


class Adapters:
    """The adapters of a model, and the only parameters of it that gradients reach.

    The state of `model` has other names than OpenLRM's: for a plain one take `merged`.
    """

    def __init__(self, model: LRM, rank: int, form: Form = "output", seed: int = 0) -> None:
        """Put adapters into `model`, in place; it renders as before until they are trained.

        The seed is that of A: N(0, 0.01^2) as published, or PEFT's uniform distribution for "projections".
        ValueError if the rank is below 1, the form is unknown, or the model has adapters already.
        """
        if form not in get_args(Form) or rank < 1:
            raise ValueError(
                f"expected a rank of at least 1 and a form of {', '.join(get_args(Form))}; found {rank}, {form!r}"
            )
        if any(isinstance(module, LoraLayer) for module in model.modules()):
            raise ValueError("the model has adapters already; take `merged`, or a fresh copy of the model")
        self.model, self.rank, self.form = model.requires_grad_(False), rank, form
        matrices = MATRICES if form == "projections" else None
        config = LoraConfig(r=rank, lora_alpha=SCALE * rank, target_modules=["out_proj"], target_parameters=matrices)
        if form == "output":
            config._register_custom_module({nn.Linear: OutputLora})
        with torch.random.fork_rng(devices=[]):  # PEFT draws from the global generator; what it draws is replaced
            self._peft = PeftModel(model.transformer, config, NAME)
        self._initialise(torch.Generator().manual_seed(seed))

    @torch.no_grad()
    def _initialise(self, generator: torch.Generator) -> None:
        for layer in self._layers():
            matrix = layer.lora_A[NAME].weight
            noise = torch.empty(matrix.shape, device="cpu")  # the same draws for every device
            if self.form == "output":
                noise.normal_(0, PUBLISHED_STD, generator=generator)
            else:
                nn.init.kaiming_uniform_(noise, a=math.sqrt(5), generator=generator)
            matrix.copy_(noise)
            nn.init.zeros_(layer.lora_B[NAME].weight)

    def _layers(self) -> list[LoraLayer]:
        return [module for module in self.model.transformer.modules() if isinstance(module, LoraLayer)]

    def __len__(self) -> int:
        return len(self._layers())

    def state(self) -> dict[str, Tensor]:
        """Matrices A (r, in) and B (out, r) by PEFT's names."""
        state = get_peft_model_state_dict(self._peft)
        return {name: value.detach().contiguous() for name, value in state.items()}

    def merged(self) -> LRM:
        """A plain, frozen copy of the model with the adapters added into its weights."""
        copied = copy.deepcopy(self)
        while len(copied):  # PEFT unloads one layer of nested tuners at a time
            copied._peft.base_model.merge_and_unload()
        return copied.model.requires_grad_(False)

    def save(self, path: Path) -> None:
        """Write the matrices and how they are used, or leave the old file and raise OSError."""
        save_tensors(path, self.state(), {"format": "pt", "rank": str(self.rank), "form": self.form})

    @classmethod
    def load(cls, model: LRM, path: Path) -> "Adapters":
        """Put the adapters of a file into `model`, in place.

        FileNotFoundError if there is no such file. ValueError if the file is damaged, or its adapters are those of
        another architecture; the model is then of no use any more.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file; expected adapters that `lrm finetune` wrote")
        check_listed(path)
        stored, header = read_tensors(path, "finish the run of `lrm finetune` again, or copy it again")
        rank = header.get("rank", "")
        if not rank.isdecimal() or "form" not in header:
            raise ValueError(f"{path}: not a file of adapters; expected one that `lrm finetune` wrote")
        try:
            adapters = cls(model, int(rank), header["form"])
            check_state(stored, {name: value.shape for name, value in adapters.state().items()})
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        set_peft_model_state_dict(adapters._peft, stored)
        return adapters


class Tuning(TrainingState):
    """A copy of a model on its way, of which adapters or all weights of the transformer are trained by AdamW."""

    MOMENT, EVERY = "", ("exp_avg", "exp_avg_sq", "step")

    def __init__(self, model: LRM, config: FinetuneConfig, device: torch.device | str = "cpu") -> None:
        model = copy.deepcopy(model).to(device).eval().requires_grad_(False)
        self.adapters = None
        if config.rank is None:
            model.transformer.requires_grad_(True)
        else:
            self.adapters = Adapters(model, config.rank, config.form, config.seed)
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        optimiser = torch.optim.AdamW(trained, lr=config.lr, weight_decay=config.weight_decay)
        super().__init__(model, [optimiser], averaging=False, frozen=False)

    def tuned(self) -> LRM:
        """A plain, frozen model as it is now."""
        return self.adapters.merged() if self.adapters else copy.deepcopy(self.model).requires_grad_(False)

    def publish(self, run: Path) -> None:
        """Write what a reader of the run wants: the adapters, or the whole model in float32."""
        if self.adapters:
            self.adapters.save(run / ADAPTERS)
        else:
            save_checkpoint(self.model, run / WEIGHTS, dtype=torch.float32)
