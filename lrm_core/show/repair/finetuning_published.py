"""The published numbers on fine-tuning, put on the axes of our figures."""

from collections.abc import Mapping

import pandas as pd

from lrm_core.evidence.claims import published
from lrm_core.show.elements.prose import number

LOSSES: Mapping[str, str] = {"mse": "std", "freq": "freq"}  # ours, and as claims C10 and C11 name them
FIRST_LOSS: Mapping[str, float] = {"mse": 0.05694, "freq": 1.4047}  # of the fork's log, as audit A7 quotes it
TWICE = 8  # the one rank that was published twice, in C10 and in C11
IN_DB = "psnr"  # a difference in dB is a ratio already


def rank_value(loss: str, rank: int, metric: str) -> float:
    """A published value of the rank ablation (C11).

    Args:
        loss: "mse" or "freq".
        metric: "l1", "psnr" or "lpips".

    Raises:
        KeyError: if there is no such loss or metric.
        ValueError: if the rank was not published.
    """
    table = published("C11")
    return table[f"{metric}_{LOSSES[loss]}"][table["ranks"].index(rank)]


def rank_change(loss: str, rank: int, metric: str) -> float:
    """`rank_value` against the published baseline: relative, for PSNR in dB; raises as `rank_value`."""
    return relative(rank_value(loss, rank, metric), published("C11")["baseline"][metric], metric)


def rank_difference(rank: int, metric: str) -> float:
    """FreqLoss minus MSE on the axis of `rank_change`; raises as `rank_value`."""
    return rank_change("freq", rank, metric) - rank_change("mse", rank, metric)


def relative(after: float, before: float, metric: str) -> float:
    """Change relative to the value before; for PSNR in dB."""
    return after - before if metric == IN_DB else after / before - 1


def repeats(metric: str) -> dict[str, tuple[float, float]]:
    """What was published twice, of the same configuration: the baseline and both losses at one rank (audit A8)."""
    single, ablation = published("C10"), published("C11")
    pairs = {"untouched model": (single["baseline"][metric], ablation["baseline"][metric])}
    for loss, name in (("mse", "MSE"), ("freq", "FreqLoss")):
        once = single[f"lora_{LOSSES[loss]}_r{TWICE}"][metric]
        pairs[f"{name}, rank {TWICE}"] = (once, rank_value(loss, TWICE, metric))
    return pairs


def inside_share(ratio: float, low_weight: float = 5.0) -> float:
    """Share of the error's power that lies in the weighted band, from the loss over the mean squared error.

    With the share s the ratio is s w^2 + (1 - s), where w is the weight of the band.
    """
    return (ratio - 1) / (low_weight**2 - 1)


def method_table() -> pd.DataFrame:
    """What was published of adapters of one rank, in absolute numbers and against its own baseline, as text."""
    values = published("C10")
    labels = {"baseline": "untouched", "lora_std_r8": "MSE, rank 8", "lora_freq_r8": "FreqLoss, rank 8"}
    rows = [
        (label, *(_with_change(values, name, metric) for metric in ("l1", "psnr", "ssim", "lpips")))
        for name, label in labels.items()
    ]
    return pd.DataFrame(rows, columns=["as published", "L1", "PSNR (dB)", "SSIM", "LPIPS"])


def _with_change(values: Mapping[str, Mapping[str, float]], name: str, metric: str) -> str:
    value = number(values[name][metric], 2 if metric == IN_DB else 4)
    if name == "baseline":
        return value
    changed = relative(values[name][metric], values["baseline"][metric], metric)
    return f"{value} ({change_text(changed, metric)})"


def change_text(changed: float, metric: str, digits: int = 1) -> str:
    """A change with its sign: in percent, for PSNR in dB."""
    text = f"{number(changed, 2)} dB" if metric == IN_DB else f"{number(100 * changed, digits)}%"
    nothing = not any(digit in text for digit in "123456789")
    return text if changed < 0 or nothing else f"+{text}"
