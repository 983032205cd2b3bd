"""Recipes of fine-tuning (experiments E13 to E15)."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from lrm_core.fit.losses import LOSSES, ImageLoss

Form = Literal["output", "projections"]  # of adapters, as in `lrm_core.fit.lora`
Order = Literal["published", "random"]
Precision = Literal["float32", "bf16"]
ADAPTER_LR, FULL_LR = 5e-4, 1e-5  # as published


@dataclass(frozen=True)
class FinetuneConfig:
    """One run of fine-tuning; the defaults are LoRA-FreqLoss as published.

    Raises:
        ValueError: if a number is below its least value, or an order or a precision is unknown.
    """

    # of the adapters; None trains all weights of the transformer instead (with the rate `FULL_LR`)
    rank: int | None = 4
    form: Form = "output"  # of the adapters, as in `lrm_core.fit.lora`
    loss: ImageLoss = LOSSES["freq"]  # between a rendered view and the true one
    # "published" trains pair k on object k mod objects and on view k mod views (audit A10: where one number divides
    # the other, an object only ever sees some of its views); "random" draws each pair
    order: Order = "published"
    steps: int = 500  # updates of AdamW
    batch: int = 1  # pairs of object and view in a step, shared out among the processes
    # lr and weight_decay: of AdamW; the rate is constant
    lr: float = ADAPTER_LR
    weight_decay: float = 0.01
    # largest norm of the gradient; None does not clip. A clipped update forgets how large the loss was, and that is
    # what the control MSE x 25 is about.
    clip: float | None = None
    # "bf16" autocasts the transformer, "float32" does not; rendering and loss are always in float32
    precision: Precision = "float32"
    # validate_every and checkpoint_every: in steps; the start and the end are always validated
    validate_every: int = 50
    checkpoint_every: int = 50
    # stop_on and patience: after how many validations without a better value of which metric (less is better) an
    # early stop would come. It is recorded and nothing stops.
    stop_on: str = "lpips"
    patience: int = 3
    seed: int = 0  # of the adapters' A and of the random order

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "validate_every", "checkpoint_every", "patience"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, found {getattr(self, name)}")
        for name, kinds in (("order", Order), ("precision", Precision)):
            if (found := getattr(self, name)) not in get_args(kinds):
                raise ValueError(f"{name}: expected one of {', '.join(get_args(kinds))}; found {found!r}")

    def pair(self, number: int, objects: int, views: int) -> tuple[int, int]:
        """Object and view, of so many, of the pair with this number, counted from 0 over the whole run."""
        if self.order == "published":
            return number % objects, number % views
        draw = np.random.default_rng((self.seed, number))
        return int(draw.integers(objects)), int(draw.integers(views))
