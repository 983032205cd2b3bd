"""Numbers that lead to each case of the rules of claims C10 to C14."""

from lrm_core.evidence.rules_finetuning import (
    C10_DISTANCE,
    C10_FREQ,
    C10_OURS,
    C10_OVER_X25,
    C10_PUBLISHED,
    C10_TRUE,
    C10_WORST,
    C10_X25,
    C11_HOLM,
    C11_OURS,
    C11_OVER_X25,
    C11_PUBLISHED,
    C11_RANKS,
    C11_X25,
    C12_OURS,
    C12_RANK,
    C13_FULL,
    C13_LORA,
    C13_OVER,
)
from lrm_core.evidence.rules_parameters import C14_MODEL, C14_OURS

LORA = {
    "seeds.C10": 5, C10_OURS: C10_PUBLISHED, C10_TRUE: -0.12, C10_X25: -0.02, C10_OVER_X25: -0.05,
    C10_DISTANCE: -0.04, **dict.fromkeys(C10_FREQ, -0.16),
    **dict.fromkeys(C10_WORST, -0.03), "change.l1.lora_mse": -0.1,
    "change.lpips.lora_mse": -0.05, "change.l1.lora_mse_x25": -0.11, "change.lpips.lora_mse_x25": -0.06,
}  # fmt: skip
OVER_MSE = {
    "seeds.C11": 3, C11_OURS: C11_PUBLISHED, C11_OVER_X25: -0.005, C11_X25: -0.004, C11_HOLM: 0.01,
    **dict.fromkeys(C11_RANKS, -0.008),
}  # fmt: skip
RANK = {
    "seeds.C12": 3, C12_OURS: 4.0, C12_RANK: 4.0, f"{C12_RANK}.low": 4.0, f"{C12_RANK}.high": 4.0,
}  # fmt: skip
FULL = {
    "seeds.C13": 5, C13_FULL: 0.3, C13_OVER: 0.35, **dict.fromkeys(C13_LORA, -0.02),
}  # fmt: skip
SHARES = {
    C14_OURS: 0.000867, C14_MODEL: 0.000567, "share.own.transformer": 0.0041, "share.own.parameters": 0.0021,
}  # fmt: skip
ANY_RANK = {f"{C12_RANK}.low": 2.0, f"{C12_RANK}.high": 32.0}
FINETUNING_CASES = [
    ("C10", 0, LORA | {"seeds.C10": 2}),
    ("C10", 1, LORA | {C10_DISTANCE: 0.05}),
    ("C10", 2, LORA | {C10_X25: 0.03}),
    ("C10", 3, LORA),
    ("C10", 4, LORA | {C10_OURS: -0.05}),
    ("C10", 5, LORA | {C10_TRUE: 0.01}),
    ("C11", 0, OVER_MSE | {"seeds.C11": 1}),
    ("C11", 1, OVER_MSE),  # on four objects
    ("C11", 2, OVER_MSE | {C11_X25: 0.002}),
    ("C11", 3, OVER_MSE),
    ("C11", 4, OVER_MSE | {C11_OURS: C11_PUBLISHED / 10}),
    ("C11", 5, OVER_MSE | {C11_HOLM: 0.2}),
    ("C12", 0, RANK | {"seeds.C12": 1}),
    ("C12", 1, RANK),
    ("C12", 2, RANK | {C12_RANK: 2.0, f"{C12_RANK}.low": 2.0}),
    ("C12", 3, RANK | ANY_RANK),
    ("C12", 4, RANK | ANY_RANK | {C12_OURS: 16.0}),
    ("C13", 0, FULL | {"seeds.C13": 1}),
    ("C13", 1, FULL | {C13_LORA[0]: 0.2}),
    ("C13", 2, FULL),
    ("C13", 3, FULL | {C13_FULL: 0.1}),
    ("C13", 4, FULL | {C13_FULL: 0.01}),
    ("C14", 0, SHARES | {C14_MODEL: 0.0009}),
    ("C14", 1, SHARES),
    ("C14", 2, SHARES | {C14_OURS: 0.002}),
]
