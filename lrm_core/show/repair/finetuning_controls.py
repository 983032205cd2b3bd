"""Chapter on LoRA-FreqLoss: what each control is about, and what remains of the gain."""

from collections.abc import Mapping, Sequence
from math import isnan
from statistics import fmean

import pandas as pd

from lrm_core.evidence.arm_tables import worst, worst_name
from lrm_core.evidence.arms import ARMS, MAIN_RANK, recipe
from lrm_core.evidence.finetuning import TRAINING_VIEWS
from lrm_core.evidence.statistics import holm
from lrm_core.fit.examples import pair
from lrm_core.fit.finetune_config import FinetuneConfig
from lrm_core.show.elements.prose import number
from lrm_core.show.repair.arm_changes import METRICS, measured, worsened
from lrm_core.show.repair.arm_labels import label
from lrm_core.show.repair.arm_study import ArmStudy
from lrm_core.show.repair.finetuning import Comparison, compare, difference_cells, interval_text
from lrm_core.show.repair.finetuning_published import (
    FIRST_LOSS,
    change_text,
    inside_share,
    rank_change,
    rank_difference,
)

SHOWN = ("lpips", "l1", "psnr")
HELD_UP = ("lpips", "l1")
OBJECT_METRICS = ("l1", "lpips")
CLAIMS = ("C10", "C14")
LIVE_ARM = "lora_freq"
CONTROLS: Mapping[str, tuple[str, str]] = {
    "lora_mse_x25": ("lora_freq", "scale: every error counts 25-fold"),
    "lora_freq_nyquist": ("lora_freq", "unit: the cutoff means × Nyquist"),
    "lora_high": ("lora_freq", "sign: the other side of the cutoff counts more"),
    "lora_shuffled": ("lora_freq", "content: the views of another object"),
    "lora_mse_random": ("lora_mse", "order: every pair of object and view"),
    "lora_freq_random": ("lora_freq", "order: every pair of object and view"),
    "lora_freq_projections": ("lora_freq", "place: adapters on the projections"),
}


def scale_comparisons() -> list[Comparison]:
    """FreqLoss and its scale control, against MSE and against each other."""
    published = {metric: rank_difference(MAIN_RANK, metric) for metric in SHOWN}
    return [
        Comparison("FreqLoss − MSE", "lora_freq", "lora_mse", published),
        Comparison("MSE × 25 − MSE", "lora_mse_x25", "lora_mse"),
        Comparison("FreqLoss − MSE × 25", "lora_freq", "lora_mse_x25"),
    ]


def change_comparisons() -> list[Comparison]:
    """Every method against the untouched model, with its controls below it."""
    rows = []
    for loss in ("mse", "freq"):
        method = f"lora_{loss}"
        published = {metric: rank_change(loss, MAIN_RANK, metric) for metric in SHOWN}
        rows.append(Comparison(label(method), method, published=published))
        rows += [Comparison(f"↳ {label(arm)}", arm) for arm, (of, _) in CONTROLS.items() if of == method]
    return rows


def control_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Each control minus the method that it controls, on the axis of the figures, with Holm-adjusted p values."""
    found = {
        arm: {metric: compare(runs, Comparison(arm, arm, of), metric) for metric in SHOWN}
        for arm, (of, _) in CONTROLS.items()
    }
    p = holm({arm: one["lpips"].p for arm, one in found.items() if one["lpips"]})
    rows = [
        (
            label(arm),
            label(CONTROLS[arm][0]),
            CONTROLS[arm][1],
            *(difference_cells(one[metric], metric)[0] for metric in SHOWN),
            number(p.get(arm), 3),
        )
        for arm, one in found.items()
    ]
    names = ("control", "minus", "what it asks", *(METRICS[metric] for metric in SHOWN), "p of LPIPS (Holm)")
    return pd.DataFrame(rows, columns=list(names))


def main_table(runs: pd.DataFrame, metrics: Sequence[str] = SHOWN) -> pd.DataFrame:
    """The comparisons of `scale_comparisons` in numbers, with the spread over seeds."""
    rows = []
    for comparison in scale_comparisons():
        for metric in metrics:
            found = compare(runs, comparison, metric)
            cell, spread = difference_cells(found, metric)
            there = comparison.published.get(metric)
            published = "–" if there is None else change_text(there, metric)
            p = "–" if found is None else number(found.p, 3)
            seeds = "–" if found is None else f"{found.agreeing} of {len(found.seeds)}"
            rows.append((comparison.label, METRICS[metric], published, cell, spread, p, seeds))
    names = [
        "difference",
        "metric",
        f"published, rank {MAIN_RANK}",
        "ours",
        "standard deviation over seeds",
        "p",
        "seeds of this sign",
    ]
    return pd.DataFrame(rows, columns=names)


def worst_table(runs: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    """For each arm the object that fares worst, and how many objects get worse, by L1 and by LPIPS."""
    rows = []
    for arm in measured(runs, arms):
        cells = []
        for metric in ("l1", "lpips"):
            worse, of = worsened(runs, arm, metric)
            name = worst_name(runs, arm, metric)
            cells += [f"{interval_text(worst(runs, arm, metric), metric)} ({name})", f"{worse} of {of}"]
        rows.append((label(arm), *cells))
    names = ["arm", "worst object, L1", "worse in L1", "worst object, LPIPS", "worse in LPIPS"]
    return pd.DataFrame(rows, columns=names)


def first_loss_table(first: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """The first training loss by FreqLoss and by MSE, and the share of the error's power that is weighted.

    Args:
        first: of "lora_mse" and "lora_freq", one for each seed; an arm that was not measured has none.
    """
    mse, freq = (fmean(first[arm]) if first.get(arm) else float("nan") for arm in ("lora_mse", "lora_freq"))
    columns = {"published": (FIRST_LOSS["mse"], FIRST_LOSS["freq"]), "ours": (mse, freq)}
    rows = {"MSE, first step": [], "FreqLoss, first step": [], "ratio": [], "share in the weighted band": []}
    for plain, weighted in columns.values():
        ratio = weighted / plain
        cells = (f"{plain:.4g}", f"{weighted:.4g}", number(ratio, 1), percent_precise(inside_share(ratio)))
        for name, cell in zip(rows, cells, strict=True):
            rows[name].append("–" if cell == "nan" else cell)
    table = pd.DataFrame([(name, *cells) for name, cells in rows.items()], columns=["", *columns])
    return table


def percent_precise(value: float) -> str:
    """A share in percent with one digit behind the point."""
    return "–" if isnan(value) else f"{number(100 * value, 1)}%"


def study_order_sentence(study: ArmStudy) -> str:
    """`order_sentence` for the objects and views of a study."""
    config = recipe(study.plan, ARMS[LIVE_ARM], 0)
    return order_sentence(len(study.recorder.train), len(TRAINING_VIEWS), config)


def order_sentence(train: int, views: int, config: FinetuneConfig) -> str:
    """How many views of each training object the published order shows, and the random one (audit A10).

    Args:
        train, views: numbers of training objects and of views of each.
        config: of a run, for its steps and its seed.
    """
    counts = {}
    for order in ("published", "random"):
        seen: dict[int, set[int]] = {item: set() for item in range(train)}
        for step in range(config.steps):
            item, view = pair(step, train, views, order, config.seed)
            seen[item].add(view)
        counts[order] = [len(some) for some in seen.values()]
    published, drawn = counts["published"], counts["random"]
    return (
        f"In {config.steps} steps over {train} objects and {views} views, the published order shows each object from "
        f"{_from_to(published)}; drawn at random, from {_from_to(drawn)}."
    )


def _from_to(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low} view{'s' if low > 1 else ''}" if low == high else f"{low} to {high} views"
