"""What adapters learned: the rule on records whose answer is known."""

import pytest

from lrm_core.findings.repair import summary, training_factor
from lrm_core.measure.finetuning import object_folders
from lrm_core.profiles import get_profile


def record(seed, names, growth, wrong, truth):
    """Of objects that grow by `growth`, whose L1 changes by `wrong` told wrong and by `truth` told the truth."""
    objects = {
        name: {
            "l1": [0.1, 0.1 * (1 + wrong + 0.001 * k)],
            "psnr": [20.0, 21.0],
            "lpips": [0.2, 0.1],
            "truth": {"l1": [0.05, 0.05 * (1 + truth + 0.001 * k)]},
            "extent": {"told": [0.9, 0.9 * (growth + 0.001 * k)], "truth": [1.0, growth]},
        }
        for k, name in enumerate(names)
    }
    return {"seed": seed, "result": {"objects": objects}}


@pytest.mark.parametrize(
    ("arm", "growth", "truth", "scale", "rest"),
    [
        ("lora_mse", 1.11, 0.2, "learned the scale", "worse than before"),
        ("lora_freq", 1.04, -0.1, "learned a part of the scale", "better than before"),
        ("lora_mse", 0.99, -0.003, "learned no scale", "as good as before"),
        ("lora_mse_told_1.25", 0.81, -0.003, "learned the scale", "as good as before"),
        ("lora_mse_told_1.25", 0.9, -0.003, "learned a part of the scale", "as good as before"),
        ("lora_mse_told_0.8", 1.24, -0.003, "learned the scale", "as good as before"),
    ],
)
def test_what_was_learned(arm, growth, truth, scale, rest):
    names = [folder.name for folder in object_folders(get_profile("mini"))[1]][:6]
    found = summary(arm, [record(seed, names, growth, -0.3, truth) for seed in (0, 1)], "mini-published")
    assert (found.scale, found.object) == (scale, rest)
    assert found.only_told.estimate == pytest.approx(-0.5)
    assert found.grown.estimate == pytest.approx(growth, abs=0.01)


def test_the_one_factor_is_the_mean_of_true_over_told():
    assert training_factor("lora_mse_told_0.8", "mini-published") == 1.25
    plan = get_profile("mini-published")
    factors = [1 / plan.told(folder.name) for folder in object_folders(plan)[0]]
    assert training_factor("lora_freq", "mini-published") == pytest.approx(sum(factors) / 16)
