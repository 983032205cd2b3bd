"""The chapter on one wrong number: sentences with fields, the published pictures, and what adapters learned."""

import pytest

from lrm_core.findings import repair, wrong_number
from lrm_core.findings.cause import PATTERN, causes, dose
from lrm_core.findings.finding import say
from lrm_core.findings.prose import figure_data
from lrm_core.measure.finetuning import object_folders
from lrm_core.page.diagnosis import source_distance
from lrm_core.profiles import get_profile
from lrm_core.records.statistics import Interval


def test_a_section_or_a_field_that_is_missing_is_named():
    with pytest.raises(ValueError, match=r"one_wrong_number\.md: no section 'nowhere'; it has there"):
        say("one_wrong_number", "nowhere")
    with pytest.raises(ValueError, match="section 'told' has a field 'low' that nothing fills"):
        say("one_wrong_number", "told", condition="Told the truth")


@pytest.mark.parametrize(
    ("truth", "shift", "moved"),
    [
        (0.60, (-0.05, -0.01), True),
        (0.60, (-0.05, 0.01), False),
        (0.40, (0.01, 0.05), True),
        (0.40, (-0.05, -0.01), False),
    ],
)
def test_a_share_moves_towards_the_published_range_with_its_whole_interval(truth, shift, moved):
    change = Interval(sum(shift) / 2, *shift, 5)
    assert wrong_number._towards(truth, change, PATTERN["high_share"]) is moved


def test_the_figure_draws_every_share_and_every_published_range():
    figure = source_distance.pattern_figure(wrong_number.conditions("mini"), dose("mini"))
    stars = [trace for trace in figure.data if trace.marker.symbol == "star"]
    assert len(stars) == len(PATTERN)
    bands = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert len(bands) == len(PATTERN) + 2  # and what the published code told, in both panels
    for name, share in PATTERN.items():
        assert any((shape.y0, shape.y1) == (share.low, share.high) for shape in bands), name


def test_tables_and_sentences_hold_what_was_measured():
    said = wrong_number.causes_text(causes("mini"))
    assert all(found.claim in said for found in causes("mini") if found.towards.known)
    arms = repair.arms("mini")
    assert {arm.arm for arm in arms} >= {"lora_mse", "lora_freq"}
    assert len(repair.gains_table(arms)) == len(repair.IN_TABLE) + 2
    assert "1.125" in wrong_number.fork_text()


def test_an_untouched_render_belongs_to_the_experiment_that_shows_its_view(tmp_path, monkeypatch):
    lines = ["a,1,untouched,1,0.5", "a,5,untouched,1,0.7", "a,1,lora_mse_r8,1,0.9", "a,5,lora_mse_r8,1,0.9"]
    lines = ["object,view,arm,area_ratio,extent_ratio", *lines, "a,3,untouched,1,0.8", "a,3,full_mse,1,1.2"]
    (tmp_path / wrong_number.FILE).write_text("\n".join(lines))
    monkeypatch.setattr(wrong_number, "data_dir", lambda: tmp_path)
    table = wrong_number.published_extents()
    found, factors = table.set_index(["tuned", "arm"])["extent"], wrong_number.enlargement(table)
    for experiment, arm, before in (("LoRA", "lora_mse_r8", 0.6), ("all weights", "full_mse", 0.8)):
        assert found[experiment, "untouched"] == pytest.approx(before)
        assert factors[experiment, arm] == pytest.approx(1.5)


def test_the_figure_shows_every_object_before_and_after():
    table = wrong_number.published_extents()
    figure = source_distance.extent_figure(table)
    data = figure_data(figure)
    assert set(table["object"]) <= set(data["label"])
    shown = data[data["label"].isin(table["object"])]
    assert sorted(shown["y"]) == pytest.approx(sorted(table["extent"]))


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
    found = repair.summary(arm, [record(seed, names, growth, -0.3, truth) for seed in (0, 1)], "mini-published")
    assert (found.scale, found.object) == (scale, rest)
    assert found.only_told.estimate == pytest.approx(-0.5)
    assert found.grown.estimate == pytest.approx(growth, abs=0.01)


def test_the_one_factor_is_the_mean_of_true_over_told():
    assert repair.training_factor("lora_mse_told_0.8", "mini-published") == 1.25
    plan = get_profile("mini-published")
    factors = [1 / plan.told(folder.name) for folder in object_folders(plan)[0]]
    assert repair.training_factor("lora_freq", "mini-published") == pytest.approx(sum(factors) / 16)
