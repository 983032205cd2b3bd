"""The arms of fine-tuning (experiments E13 to E15): what each trains, and what it controls for.

All but what its sentence names is the same in every arm: objects, views, order, steps, optimiser. So any two are
compared object by object and seed by seed.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from lrm_core.fit.losses import FULL_LR, LOSSES, FinetuneConfig
from lrm_core.measure.finetuning import EVALUATION_VIEWS, TRAINING_VIEWS
from lrm_core.objects import RenderedObject
from lrm_core.profiles import TOLD, Profile

EXPERIMENT = "e14_finetuning"
DEFINITION = 1  # raised whenever a run or its scores change by themselves: older records count as stale
RANKS = (2, 4, 8, 16, 32)  # as published
MAIN_RANK = 4
MAIN_SEEDS, OTHER_SEEDS = 5, 3
BOTH = {"mse": "MSE", "freq": "FreqLoss"}  # losses


@dataclass(frozen=True)
class Arm:
    """One way to fine-tune.

    In training and in evaluation the encoder is told the same source distance, as published (audit A9).
    """

    name: str
    label: str  # what figures and tables call it
    seeds: int  # how many, from 0 on
    config: FinetuneConfig  # of its run with seed 0
    told: float | None = TOLD  # source distance in world units; None tells each object's own
    shuffled: bool = False  # each object is trained on the true images and cameras of another one
    factor: float | None = None  # distance told over the object's own instead, for every object

    def distance(self, profile: Profile, item: RenderedObject) -> float | None:
        """Source distance that the encoder is told for an object, in world units; None is the object's own.

        In the published condition what tells every object the same tells it what the published code would have.
        """
        if self.told is None:
            return None
        if self.factor is None and profile.condition == "truth":
            return self.told
        return (self.factor or profile.told(item.name)) * float(item.poses[0, :, 3].norm())


def rank_arm(loss: str, rank: int) -> str:
    """Name of the arm of a loss ("mse" or "freq") and a rank.

    >>> rank_arm("freq", 4), rank_arm("mse", 16)
    ('lora_freq', 'lora_mse_r16')
    """
    return f"lora_{loss}" if rank == MAIN_RANK else f"lora_{loss}_r{rank}"


def _arm(name: str, label: str, loss: str, seeds: int = OTHER_SEEDS, **changes: Any) -> Arm:
    """An arm of rank 4, unless its changes, of fields of its own and of its recipe, say otherwise."""
    own = {field: changes.pop(field) for field in ("told", "shuffled", "factor") if field in changes}
    recipe = {"rank": MAIN_RANK, "validate_every": 100, "loss": LOSSES[loss]} | changes
    return Arm(name, label, seeds, FinetuneConfig(**recipe), **own)


ONCE = {"seeds": 1, "rank": None, "lr": FULL_LR}  # nothing is random in the published order
_ARMS = (
    _arm("lora_mse", "MSE", "mse", MAIN_SEEDS),  # what adapters gain with a plain loss (claim C11)
    _arm("lora_freq", "FreqLoss", "freq", MAIN_SEEDS),  # as published (claim C10)
    # The scale control: FreqLoss multiplies amplitudes by 5 before it squares them; the more of the error lies below
    # its cutoff, by the published losses nearly all, the more it is just this (audit A7).
    _arm("lora_mse_x25", "MSE × 25", "mse_x25", MAIN_SEEDS),
    # Its cutoff at 0.3 x Nyquist: the published 0.3 is in cycles per pixel, which is 0.6 x Nyquist (audit A7).
    _arm("lora_freq_nyquist", "FreqLoss, cutoff in × Nyquist", "freq_nyquist"),
    _arm("lora_high", "high frequencies weighted", "high"),  # the sign control: high frequencies weighted by 5
    # On the true images and cameras of another training object: the gain without ever seeing a right answer.
    _arm("lora_shuffled", "shuffled targets", "freq", shuffled=True),
    # Told each object's own distance: how much of the gain is the repair of a wrong scale (audit A9).
    *(_arm(f"lora_{loss}_true_distance", f"{said}, true distance", loss, told=None) for loss, said in BOTH.items()),
    # On random pairs of object and view: in the published order an object only ever sees one view (audit A10).
    *(_arm(f"lora_{loss}_random", f"{said}, random pairs", loss, order="random") for loss, said in BOTH.items()),
    # LoRA as it is known, on query, key, value and output: whether the published place of the adapters matters.
    _arm("lora_freq_projections", "FreqLoss, adapters on projections", "freq", form="projections"),
    # All weights of the transformer on the data of the adapters; published was a run on 3 objects (C13, audit A11).
    *(_arm(f"full_{loss}", f"all weights, {said}", loss, **ONCE) for loss, said in BOTH.items()),
    # Which rank is the best one (claims C11 and C12).
    *(
        _arm(rank_arm(loss, rank), f"{said}, rank {rank}", loss, rank=rank)
        for rank in RANKS
        if rank != MAIN_RANK
        for loss, said in BOTH.items()
    ),
    # One factor told for all, in the published condition only: whether adapters undo it.
    *(_arm(f"lora_mse_told_{factor:g}", f"MSE, told × {factor:g}", "mse", factor=factor) for factor in (0.8, 1.25)),
)
ARMS = {arm.name: arm for arm in _ARMS}


def plan_arms(profile: Profile, names: Sequence[str] | None = None) -> list[Arm]:
    """Those arms of a profile that are named, or all, in reading order; ValueError if it has none of a name."""
    there = [arm.name for arm in ARMS.values() if arm.factor is None or profile.condition == "published"]
    known = profile.finetuning.arms or tuple(there)
    for name in names or ():
        if name not in known:
            raise ValueError(f"profile {profile.name} has no arm {name!r}; it has {', '.join(known)}")
    return [arm for arm in ARMS.values() if arm.name in (names or known)]


def arm_seeds(profile: Profile, arm: Arm) -> range:
    """Seeds of an arm in a profile."""
    return range(min(arm.seeds, profile.finetuning.seeds or arm.seeds))


def recipe(profile: Profile, arm: Arm, seed: int) -> FinetuneConfig:
    """How an arm is trained in a profile."""
    plan = profile.finetuning
    return replace(arm.config, steps=plan.steps, validate_every=plan.validate_every, seed=seed)


def configuration(profile: Profile, arm: Arm, seed: int) -> dict[str, Any]:
    """All but the weights and the data that decides a record."""
    told = arm.told if arm.told is None or profile.condition == "truth" else profile.condition
    return {
        "finetune": asdict(recipe(profile, arm, seed)),
        "told": told if arm.factor is None else f"{arm.factor:g} x its own",
        "shuffled": arm.shuffled,
        "objects": profile.finetuning.objects,
        "training_views": list(TRAINING_VIEWS),
        "evaluation_views": EVALUATION_VIEWS,
        "definition": DEFINITION,
    }
