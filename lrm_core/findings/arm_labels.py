"""What the arms of fine-tuning are called."""

LABELS = {
    "lora_freq": "FreqLoss",
    "lora_mse": "MSE",
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
LOSSES = {"mse": "MSE", "freq": "FreqLoss"}
CONDITIONS = {"truth": "told nearly the truth", "wrong": "told wrong, as published"}


def label(arm: str) -> str:
    """What an arm is called in figures and tables.

    >>> label("lora_mse_r16")
    'MSE, rank 16'
    """
    if arm in LABELS:
        return LABELS[arm]
    _, loss, rank = arm.split("_")
    return f"{LOSSES[loss]}, rank {rank.removeprefix('r')}"
