"""Recipes of training from scratch, by name."""

from dataclasses import dataclass

from lrm_core.model.config import MINI, LRMConfig


@dataclass(frozen=True)
class PretrainConfig:
    """One training run.

    Attributes:
        steps: length of a round.
        rounds: how often the schedule of learning rates is run through; each round after the first starts from the
            averaged weights of the one before, without the optimisers' moments.
        restart: peaks of the learning rates in later rounds, as a share of those in the first.
        batch: objects a step.
        group: objects rendered together; a step's groups are shared out among the processes.
        views, rays: cameras and target rays of each object.
        matrix_lr, lr: peaks of the learning rates of hidden matrices (Muon) and of all else (AdamW),
            reached after `warmup` steps, then cosine to 1%.
        weight_decay: on hidden matrices (spec, section Training).
        ema: decay of the averaged weights, which are the ones that are kept.
        mask_weight, tv_weight: of the coverage error and of the planes' total variation.
        empty_weight: of raw density above -8 where the object is known not to be (`emptiness_loss`).
        shape_weight: of the error of the shape at points (`shape_loss`), at the start.
        shape_until: share of the first round over which the shape weight falls to zero, and only what is rendered
            counts.
        precision: "bf16" autocasts the transformer, "float32" does not.
        checkpoint_every, validate_every: in steps.
        seed: of the initial weights.
    """

    steps: int = 3600
    rounds: int = 1
    restart: float = 0.5
    batch: int = 8
    group: int = 4
    views: int = 4
    rays: int = 512
    matrix_lr: float = 2e-3
    lr: float = 1e-3
    warmup: int = 100
    weight_decay: float = 0.05
    clip: float = 1.0
    ema: float = 0.997
    mask_weight: float = 0.5
    tv_weight: float = 5e-4
    empty_weight: float = 2e-3
    shape_weight: float = 0.1
    shape_until: float = 0.6
    precision: str = "bf16"
    checkpoint_every: int = 50
    validate_every: int = 250
    seed: int = 0


PRESETS: dict[str, tuple[LRMConfig, PretrainConfig]] = {"mini": (MINI, PretrainConfig(rounds=2))}


def get_preset(name: str) -> tuple[LRMConfig, PretrainConfig]:
    """Architecture and recipe of that name.

    Raises:
        ValueError: if there is none.
    """
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}; expected one of {', '.join(PRESETS)}")
    return PRESETS[name]
