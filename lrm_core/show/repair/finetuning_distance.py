"""What remains of the gain of adapters where the encoder is told the true source distance (audit A9)."""

import pandas as pd

from lrm_core.evidence.arm_tables import values
from lrm_core.evidence.statistics import Interval, bca_interval
from lrm_core.show.elements.prose import mean_and_interval, percent
from lrm_core.show.repair.arm_changes import METRICS, baseline, change, difference_of_changes, measured
from lrm_core.show.repair.arm_labels import label
from lrm_core.show.repair.finetuning import Comparison, compare, difference_cells
from lrm_core.show.repair.finetuning_controls import SHOWN

LOSSES = ("mse", "freq")
ARMS = tuple(f"lora_{loss}_true_distance" for loss in LOSSES)


def distance_comparisons() -> list[Comparison]:
    """Both losses, told the published distance and told the true one."""
    return [
        Comparison(label(arm), arm)
        for loss in LOSSES
        for arm in (f"lora_{loss}", f"lora_{loss}_true_distance")
    ]


def distance_table(runs: pd.DataFrame) -> pd.DataFrame:
    """The untouched model and both losses, told the published distance and told the true one."""
    rows = []
    for words, suffix in (("as published", ""), ("the true one", "_true_distance")):
        arms = {loss: f"lora_{loss}{suffix}" for loss in ("mse", "freq")}
        there = measured(runs, list(arms.values()))
        untouched = [_cell(baseline(runs, there[0], m), m) if there else "not measured yet" for m in SHOWN]
        rows.append((words, "untouched", *untouched))
        for arm in arms.values():
            cells = [difference_cells(compare(runs, Comparison(arm, arm), m), m)[0] for m in SHOWN]
            rows.append((words, f"{label(arm).partition(',')[0]}, change", *cells))
    return pd.DataFrame(rows, columns=["distance told", "model", *(METRICS[m] for m in SHOWN)])


def distance_sentence(runs: pd.DataFrame, metric: str = "l1") -> str:
    """How much of the gain of each loss remains where the model is told the true distance (audit A9)."""
    parts = []
    for loss in ("mse", "freq"):
        told, true = f"lora_{loss}", f"lora_{loss}_true_distance"
        if len(measured(runs, [told, true])) < 2:
            return "The arms at the true distance have not been measured yet."
        lost = difference_of_changes(runs, true, told, metric).interval
        kept = kept_words(runs, true, told, metric)
        parts.append(f"{label(told)} {kept} (the changes differ by {mean_and_interval(lost, 4)})")
    alone = _told_alone(runs, metric)
    return (
        f"Where the model is told the true distance, {' and '.join(parts)}. Telling it that, without any training, "
        f"changes {METRICS[metric]} by {mean_and_interval(alone, 4)}."
    )


def kept_words(runs: pd.DataFrame, arm: str, of: str, metric: str) -> str:
    """What an arm keeps of the gain of another in a metric of which less is better, where there is a gain to keep."""
    if change(runs, of, metric).objects.mean() >= 0:
        return f"has no gain in {METRICS[metric]} to keep"
    return f"keeps {percent(gain_ratio(runs, arm, of, metric))} of its gain in {METRICS[metric]}"


def gain_ratio(runs: pd.DataFrame, arm: str, of: str, metric: str) -> float:
    """Mean change by one arm over that by another; raises ValueError if one has no record."""
    return float(change(runs, arm, metric).objects.mean() / change(runs, of, metric).objects.mean())


def _told_alone(runs: pd.DataFrame, metric: str) -> Interval:
    """The untouched model told the truth less the same told the published distance."""
    true, told = (values(runs, arm, metric, 0).mean(axis=1) for arm in ("lora_mse_true_distance", "lora_mse"))
    return bca_interval((true - told).dropna().to_numpy())


def _cell(interval: Interval, metric: str) -> str:
    return mean_and_interval(interval, 2 if metric == "psnr" else 4)
