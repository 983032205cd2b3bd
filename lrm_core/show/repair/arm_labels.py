"""What the arms of fine-tuning are called and drawn with."""

from collections.abc import Mapping, Sequence

import pandas as pd

from lrm_core.evidence.arms import ARMS
from lrm_core.show.elements.style import COLOURS

MAIN = ("lora_mse", "lora_freq", "lora_mse_x25")
LOSS_LABELS: Mapping[str, str] = {"mse": "MSE", "freq": "FreqLoss"}
LABELS: Mapping[str, str] = {
    "lora_mse": "MSE",
    "lora_freq": "FreqLoss",
    "lora_mse_x25": "MSE × 25",
    "lora_freq_nyquist": "FreqLoss, cutoff in × Nyquist",
    "lora_high": "high frequencies weighted",
    "lora_shuffled": "shuffled targets",
    "lora_mse_true_distance": "MSE, true distance",
    "lora_freq_true_distance": "FreqLoss, true distance",
    "lora_mse_random": "MSE, random pairs",
    "lora_freq_random": "FreqLoss, random pairs",
    "lora_freq_projections": "FreqLoss, adapters on projections",
    "lora_mse_told_0.8": "MSE, told × 0.8",
    "lora_mse_told_1.25": "MSE, told × 1.25",
    "full_mse": "all weights, MSE",
    "full_freq": "all weights, FreqLoss",
}
_COLOURS: Mapping[str, str] = {
    "lora_mse": COLOURS["procedural"],
    "lora_freq": COLOURS["real"],
    "lora_mse_x25": COLOURS["predinit"],
    "lora_freq_nyquist": COLOURS["random"],
    "lora_high": COLOURS["pred"],
    "lora_shuffled": COLOURS["null"],
    "full_mse": COLOURS["procedural"],
    "full_freq": COLOURS["real"],
}
_DASHES: Mapping[str, str] = {"lora_mse_x25": "dash", "full_mse": "dash", "full_freq": "dash"}


def label(arm: str) -> str:
    """What an arm is called in figures and tables."""
    if arm in LABELS:
        return LABELS[arm]
    loss = "freq" if arm.startswith("lora_freq") else "mse"
    return f"{LOSS_LABELS[loss]}, rank {ARMS[arm].config.rank}"


def arms_table(arms: Sequence[str]) -> pd.DataFrame:
    """What each arm trains, and what it is there for, as text."""
    rows = [(label(arm), ARMS[arm].words) for arm in arms]
    return pd.DataFrame(rows, columns=["arm", "what it is"])


def colour(arm: str) -> str:
    """Of the arm's lines."""
    return _COLOURS.get(arm, COLOURS["reference"])


def dash(arm: str) -> str:
    """Of the arm's lines."""
    return _DASHES.get(arm, "solid")
