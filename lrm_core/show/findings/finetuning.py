"""What the records say about claims C10 to C14, in the manner of `lrm_core.show.findings.sentences`."""

from lrm_core.evidence.arms import MAIN_RANK, RANKS
from lrm_core.evidence.claims import claim
from lrm_core.evidence.headlines import headline
from lrm_core.evidence.rules import Intervals
from lrm_core.evidence.rules_finetuning import (
    C10_OURS,
    C10_TRUE,
    C11_HOLM,
    C11_OURS,
    C11_OVER_X25,
    C11_RANKS,
    C12_OURS,
    C12_RANK,
    C13_FULL,
    C13_LORA,
    C13_OVER,
)
from lrm_core.evidence.rules_parameters import C14_MODEL, C14_OURS
from lrm_core.evidence.statistics import Interval
from lrm_core.show.elements.prose import mean_and_interval, spoken

FEW_SEEDS = "So there are too few seeds for a verdict."

# What each case of a rule amounts to, in the order of its cases.
FINETUNING_MEANING: dict[str, tuple[str, ...]] = {
    "C10": (
        FEW_SEEDS,
        "So most of the gain is the repair of a scale that the model was told wrongly, not of a frequency mismatch.",
        "So most of the gain is that of adapters with any loss of that size: no frequency needs a weight for it.",
        "So FreqLoss improves held-out renders by about the published amount, and harms no object.",
        "So FreqLoss improves held-out renders beyond its controls, but by another amount than published or not "
        "for every object.",
        "So the records do not show that FreqLoss improves held-out renders, or not beyond what its controls do.",
    ),
    "C11": (
        FEW_SEEDS,
        "So there are too few objects for a verdict at every rank.",
        "So FreqLoss beats MSE mostly by its scale: the plain loss times a constant does it too.",
        "So FreqLoss beats MSE at every rank, by about the published amount and not by its scale alone.",
        "So FreqLoss beats MSE at every rank and not by its scale alone, but by another amount than published.",
        "So the records do not show that FreqLoss beats MSE at every rank and MSE of the same scale as well.",
    ),
    "C12": (
        FEW_SEEDS,
        "So the published rank is the best one here too.",
        "So a low rank is the best one, if not for certain the published one.",
        "So one run had the published rank as its best one by chance: other objects or seeds choose other ranks.",
        "So the records do not show that a low rank is the best one.",
    ),
    "C13": (
        FEW_SEEDS,
        "So an object gets worse, but by adapters on the same data as well: harm to single objects is not peculiar "
        "to training all weights.",
        "So training all weights harms an object by about the published amount, where adapters on equal data do not.",
        "So training all weights harms an object where adapters on equal data do not, by another amount than "
        "published.",
        "So the records do not show that training all weights harms an object on equal data.",
    ),
    "C14": (
        "So the published share is that of all parameters.",
        "So the published share is one of the transformer; of the whole model the adapters are less.",
        "So the records bear out the published share neither of the model nor of the transformer.",
    ),
}


def lora_sentence(x: Intervals) -> str:
    """The numbers that decide claim C10."""
    ours, mse, x25 = (
        " and ".join(_percent(x(f"change.{metric}.{arm}")) for metric in ("l1", "lpips"))
        for arm in ("lora_freq", "lora_mse", "lora_mse_x25")
    )
    return (
        f"With FreqLoss at rank 8 the mean L1 of the held-out objects changes by {_percent(x(C10_OURS))} (published: "
        f"{_share(headline('C10'))}). At rank {MAIN_RANK}, with every object's change taken over its own value "
        f"before, L1 and LPIPS change on average by {ours} with FreqLoss, by {mse} with MSE, and by {x25} with MSE × "
        f"25. Told the true source distance, FreqLoss changes L1 by {_percent(x(C10_TRUE))}. For the object that "
        f"fares worst with FreqLoss, L1 changes by {_percent(x('worst.l1.lora_freq'))}."
    )


def ranks_sentence(x: Intervals) -> str:
    """The numbers that decide claim C11."""
    each = ", ".join(f"{_small(x(column))} at {rank}" for rank, column in zip(RANKS, C11_RANKS, strict=True))
    return (
        f"The LPIPS of FreqLoss less that of MSE is {_small(x(C11_OURS))} on average over ranks (published: "
        f"{spoken(headline('C11'), 4)}): {each}; the largest p value of the five after Holm is "
        f"{spoken(x(C11_HOLM).estimate, 3)}. Less that of MSE × 25 it is {_small(x(C11_OVER_X25))} at rank "
        f"{MAIN_RANK}."
    )


def best_rank_sentence(x: Intervals) -> str:
    """The numbers that decide claim C12."""
    best = x(C12_RANK)
    ends = f", with an interval from {_whole(best.low)} to {_whole(best.high)}" if best.known else ""
    return (
        f"Over objects and seeds the rank with the lowest LPIPS of FreqLoss is {_whole(best.estimate)}{ends}; in the "
        f"first run alone it is {_whole(x(C12_OURS).estimate)} (published: {claim('C12').published['best_rank']})."
    )


def full_sentence(x: Intervals) -> str:
    """The numbers that decide claim C13."""
    mse, freq = (_percent(x(column)) for column in C13_LORA)
    return (
        f"Training all weights with MSE changes the L1 of the object that fares worst by {_percent(x(C13_FULL))} "
        f"(published: {_share(headline('C13'))}); by adapters on the same objects and views, L1 of their worst "
        f"object changes by {mse} (MSE) and {freq} (FreqLoss). The change of an object by all "
        f"weights exceeds that by adapters by at most {_percent(x(C13_OVER))}."
    )


def parameters_sentence(x: Intervals) -> str:
    """The numbers that decide claim C14."""
    trained = claim("C10").published["trainable_r4"]
    own = [_fine(x(f"share.own.{whole}").estimate) for whole in ("transformer", "parameters")]
    return (
        f"The {trained:,} parameters of rank {MAIN_RANK} are {_fine(x(C14_OURS).estimate)} of the transformer of the "
        f"published architecture and {_fine(x(C14_MODEL).estimate)} of the whole of it (published: "
        f"{_fine(headline('C14'))}). In the model of these pages, adapters of that rank are {own[0]} of "
        f"the transformer and {own[1]} of the whole."
    )


def _percent(found: Interval) -> str:
    """A change in percent, with its interval where there is one."""
    if not found.known or found.low == found.high:
        return _share(found.estimate)
    return f"{_share(found.estimate)} [{_share(found.low)}, {_share(found.high)}]"


def _share(value: float) -> str:
    return f"{spoken(100 * value, 1)}%" if value == value else spoken(value)


def _small(found: Interval) -> str:
    if not found.known or found.low == found.high:
        return spoken(found.estimate, 4)
    return mean_and_interval(found, 4)


def _fine(value: float) -> str:
    return f"{spoken(100 * value, 3)}%" if value == value else spoken(value)


def _whole(value: float) -> str:
    return spoken(value, 0)
