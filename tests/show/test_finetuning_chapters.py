"""The chapters on fine-tuning: figures, tables and sentences on made-up runs."""

import io
import re
from dataclasses import replace

import pandas as pd
import pytest
import torch
from finetuning_cases import FINETUNING_CASES
from finetuning_records import OBJECTS, STEPS, object_metrics, record, tidy
from PIL import Image

from lrm_core.evidence.arm_statistics import crossed_bootstrap, grand_mean
from lrm_core.evidence.arms import ARMS, RANKS, rank_arm
from lrm_core.evidence.claims import published
from lrm_core.evidence.rulebook import RULES
from lrm_core.evidence.verdicts import judge
from lrm_core.model.config import BASE
from lrm_core.objects.contact_sheets import SIDE, SheetStore, contact_sheet
from lrm_core.profiles import get_profile
from lrm_core.show.elements import prose
from lrm_core.show.findings import finding
from lrm_core.show.findings.finetuning import FEW_SEEDS, FINETUNING_MEANING
from lrm_core.show.repair import (
    arm_changes,
    arm_study,
    finetuning,
    finetuning_controls,
    finetuning_distance,
    finetuning_page,
    finetuning_published,
    full_finetuning,
    rank_ablation,
    trainable,
)
from lrm_core.show.repair.arm_labels import MAIN, arms_table, label
from lrm_core.show.repair.arm_study import ArmStudy

COMPLETE = {arm.name: range(arm.seeds) for arm in ARMS.values()}
PARTIAL = {"lora_mse": [0], "lora_freq": [0, 1], "lora_freq_r8": [0]}
COVERAGES = {"complete": COMPLETE, "partial": PARTIAL, "one seed": {"lora_freq": [0]}, "nothing": {}}
SHOWN = finetuning_controls.SHOWN
FIGURES = {
    "scale": lambda runs: finetuning.comparison_figure(runs, finetuning_controls.scale_comparisons(), SHOWN),
    "controls": lambda runs: finetuning.comparison_figure(
        runs, finetuning_controls.change_comparisons(), finetuning_controls.HELD_UP
    ),
    "distance": lambda runs: finetuning.comparison_figure(
        runs, finetuning_distance.distance_comparisons(), SHOWN
    ),
    "convergence": lambda runs: finetuning.convergence_figure(runs, MAIN, "lpips"),
    "objects": lambda runs: finetuning.objects_figure(runs, MAIN, ["l1", "lpips"]),
    "ranks": lambda runs: rank_ablation.rank_figure(runs, "lpips"),
    "ranks in dB": lambda runs: rank_ablation.rank_figure(runs, "psnr"),
    "losses by rank": lambda runs: finetuning.comparison_figure(
        runs, rank_ablation.rank_comparisons(), ["lpips"]
    ),
    "all weights": lambda runs: full_finetuning.objects_figure(runs, "l1"),
    "all weights less adapters": full_finetuning.difference_figure,
}
TABLES = {
    "main": finetuning_controls.main_table,
    "controls": finetuning_controls.control_table,
    "worst": lambda runs: finetuning_controls.worst_table(runs, MAIN),
    "distance": finetuning_distance.distance_table,
    "ranks": rank_ablation.difference_table,
    "floor": rank_ablation.floor_table,
    "scale": rank_ablation.scale_table,
    "full": full_finetuning.difference_table,
    "full worst": full_finetuning.worst_table,
    "full objects": full_finetuning.object_table,
}


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    return tidy(COMPLETE)


def study_of(arms, objects: int = len(OBJECTS)) -> ArmStudy:
    found = [record(arm, seed) for arm, seeds in arms.items() for seed in seeds]
    return ArmStudy(get_profile("mini"), found, tidy(arms, objects))


def _loss_table(arms) -> pd.DataFrame:
    return finetuning_controls.first_loss_table(study_of(arms).first_losses(MAIN))


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
@pytest.mark.parametrize("arms", COVERAGES.values(), ids=COVERAGES)
def test_figures_stand_with_any_part_of_the_arms(draw, arms):
    figure = draw(tidy(arms))
    assert len(figure.layout.meta["alt"]) > 30
    assert "nan" not in figure.layout.meta["alt"].lower()
    data = prose.figure_data(figure)
    values = data["value"] if "value" in data else data.get("y", pd.Series(dtype=float))
    assert values.notna().all()
    if arms is COMPLETE:
        assert len(values) > 3 * len(STEPS)
        assert "not measured" not in figure.layout.meta["alt"]


@pytest.mark.parametrize("make", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("arms", COVERAGES.values(), ids=COVERAGES)
def test_tables_say_what_is_missing_and_hold_no_nan(make, arms):
    cells = [str(cell) for cell in make(tidy(arms)).to_numpy().ravel()]
    assert not any("nan" in cell.lower() for cell in cells)
    assert arms is not COMPLETE or not any("not measured" in cell for cell in cells)


def test_two_objects_have_means_and_no_intervals():
    runs = tidy(PARTIAL, objects=2)
    figure = finetuning.convergence_figure(runs, MAIN, "l1")
    assert not [trace for trace in figure.data if trace.fill == "tonexty"]
    cell = finetuning_controls.main_table(runs)["ours"][0]
    assert re.fullmatch(r"−[\d.]+%", cell)


def test_comparisons_are_paired_by_object_and_shared_seed(runs):
    found = arm_changes.difference(runs, "lora_freq_nyquist", "lora_freq", "l1")  # 3 seeds against 5
    for place, name in enumerate(OBJECTS):
        each = [
            object_metrics("lora_freq_nyquist", place, seed, STEPS[-1])["l1"]
            - object_metrics("lora_freq", place, seed, STEPS[-1])["l1"]
            for seed in range(3)
        ]
        assert found.objects[name] == pytest.approx(sum(each) / 3)
    assert len(found.seeds) == 3
    assert found.interval == crossed_bootstrap(found.table.to_numpy()[None], grand_mean)
    assert found.interval.low < found.seeds.mean() < found.interval.high
    assert found.spread == pytest.approx(found.seeds.std(ddof=1))
    mixed = arm_changes.Difference(pd.DataFrame([[2.0, -1.0, 0.5, 0.0]]))
    assert mixed.agreeing == 2


def test_figures_draw_objects_mean_seeds_and_the_published_number(runs):
    figure = finetuning.comparison_figure(runs, finetuning_controls.scale_comparisons(), ["lpips"])
    data = prose.figure_data(figure)
    mine = data[data["quantity"] == "FreqLoss − MSE"]
    untouched = runs[(runs["step"] == 0) & (runs["arm"] == "lora_freq") & (runs["seed"] == 0)]["lpips"].mean()
    expected = arm_changes.difference(runs, "lora_freq", "lora_mse", "lpips")
    drawn = {name: part["value"].tolist() for name, part in mine.groupby("group")}
    assert drawn["mean, 95% interval"] == pytest.approx([expected.interval.estimate / untouched])
    assert drawn[finetuning.SEED_MARK] == pytest.approx((expected.seeds / untouched).tolist())
    objects = drawn["real object"] + drawn["procedural object"]
    assert sorted(objects) == pytest.approx(sorted(expected.objects / untouched))
    numbers = published("C11")
    place = numbers["ranks"].index(4)
    gap = numbers["lpips_freq"][place] - numbers["lpips_std"][place]
    assert drawn["published"] == pytest.approx([gap / numbers["baseline"]["lpips"]])


def test_published_points_are_those_of_the_claims(runs):
    data = prose.figure_data(rank_ablation.rank_figure(runs, "l1"))
    numbers = published("C11")
    for name, column in (("MSE", "l1_std"), ("FreqLoss", "l1_freq")):
        mine = data[data["series"] == f"{name}, published"]
        expected = [value / numbers["baseline"]["l1"] - 1 for value in numbers[column]]
        assert mine["x"].astype(int).tolist() == list(RANKS) == numbers["ranks"]
        assert mine["y"].astype(float).tolist() == pytest.approx(expected)
    assert finetuning_published.rank_change("freq", 4, "psnr") == pytest.approx(21.800 - 19.919)


def test_ranks_are_drawn_where_they_were_measured():
    data = prose.figure_data(rank_ablation.rank_figure(tidy(PARTIAL), "lpips"))
    ours = data[data["series"] == "FreqLoss"]
    assert ours["label"].tolist() == ["rank 4", "rank 8"]
    seeds = data[data["series"] == "FreqLoss, one seed"]["label"].tolist()
    assert seeds == ["rank 4, seed 0", "rank 4, seed 1", "rank 8, seed 0"]


def test_the_difference_at_every_rank_is_adjusted_for_five(runs):
    table = rank_ablation.difference_table(runs)
    assert len(table) == len(RANKS)
    assert set(table["p (Holm)"]) == {"0.312"}  # five times the smallest p of five objects, 2^-4
    assert table["published"][1] == "−7.5%"


def test_what_was_published_twice_is_told_apart():
    assert finetuning_published.repeats("lpips") == {
        "untouched model": (0.16040, 0.16122),
        "MSE, rank 8": (0.15368, 0.15189),
        "FreqLoss, rank 8": (0.14546, 0.14316),
    }
    apart = rank_ablation.floor_table(tidy({}))["apart"].tolist()
    assert apart[:4] == ["0.0008", "0.0018", "0.0023", "0.0003"]


def test_the_first_losses_give_the_share_inside_the_weighted_band():
    table = _loss_table(COMPLETE).set_index("")
    assert table.loc["ratio"].tolist() == ["24.7", "24.5"]
    assert table.loc["share in the weighted band"].tolist() == ["98.6%", "97.9%"]
    assert _loss_table({}).set_index("").loc["ratio", "ours"] == "–"


@pytest.mark.parametrize("share", [0.0, 0.5, 0.986, 1.0])
def test_the_share_inside_the_band_undoes_the_loss(share):
    assert finetuning_published.inside_share(25 * share + 1 - share) == pytest.approx(share)


def test_the_worst_object_is_named_and_counted():
    runs = tidy(COMPLETE)
    hurt = (runs["arm"] == "lora_freq") & (runs["object"] == "lamp") & (runs["step"] == STEPS[-1])
    runs.loc[hurt, "l1"] = 1.5 * object_metrics("lora_freq", 1, 0, 0)["l1"]
    table = finetuning_controls.worst_table(runs, MAIN).set_index("arm")
    assert table.loc["FreqLoss", "worst object, L1"].startswith("+50.00")
    assert "(lamp)" in table.loc["FreqLoss", "worst object, L1"]
    assert table.loc["FreqLoss", "worse in L1"] == "1 of 5"
    assert table.loc["MSE", "worse in L1"] == "0 of 5"


def test_what_remains_of_the_gain_is_a_ratio_of_means():
    runs = tidy(COMPLETE)
    true = runs["arm"].str.endswith("true_distance")
    plain = runs[runs["arm"].isin(["lora_mse", "lora_freq"]) & (runs["seed"] < 3)]
    half = plain.assign(arm=plain["arm"] + "_true_distance")
    start = half.groupby(["arm", "object", "seed"])["l1"].transform("first")
    half["l1"] = start - 0.01 + 0.5 * (half["l1"] - start)
    runs = pd.concat([runs[~true & (runs["seed"] < 3)], half], ignore_index=True)
    assert finetuning_distance.gain_ratio(
        runs, "lora_freq_true_distance", "lora_freq", "l1"
    ) == pytest.approx(0.5)
    text = finetuning_distance.distance_sentence(runs)
    assert "FreqLoss keeps 50% of its gain in L1" in text
    assert "without any training, changes L1 by −0.0100" in text


def test_adapters_that_lose_have_no_gain_to_keep():
    runs = tidy(COMPLETE)
    runs["l1"] = 1 - runs["l1"]
    text = finetuning_distance.distance_sentence(runs)
    assert "MSE has no gain in L1 to keep" in text
    assert "keeps" not in text


def test_the_published_order_shows_one_view_of_each_object():
    config = replace(ARMS["lora_freq"].config, steps=500)
    text = finetuning_controls.order_sentence(16, 4, config)
    assert "the published order shows each object from 1 view;" in text
    assert text.endswith("drawn at random, from 4 views.")
    assert "from 4 views; drawn" in finetuning_controls.order_sentence(15, 4, config)


def test_the_page_says_how_many_seeds_there_are():
    text = arm_study.measured_sentence(study_of(PARTIAL), [*MAIN, "lora_freq_r8"])
    assert "0 of 4 arms" in text
    assert "MSE: 1 of 5; FreqLoss: 2 of 5; FreqLoss, rank 8: 1 of 3" in text
    assert "**Not measured yet:** MSE × 25." in text
    assert arm_study.measured_sentence(study_of(COMPLETE), MAIN) == (
        "All 3 arms have all their seeds, on 5 validation objects. "
        "Adapters have rank 4 where their name gives no other."
    )
    small = replace(study_of({"lora_mse": [0], "lora_freq": [0]}), plan=get_profile("smoke"))
    assert arm_study.measured_sentence(small, MAIN).endswith(
        "The profile `smoke` has 2 of the 3 arms of this chapter."
    )


def test_the_budget_is_that_of_the_records():
    table = arm_study.budget_table(study_of(PARTIAL), MAIN).set_index("arm")
    assert table.loc["FreqLoss", "seeds measured"] == "2 of 5"
    assert table.loc["FreqLoss", "seconds a run"] == "105 (100 to 110)"
    assert table.loc["MSE × 25", "seconds a run"] == "–"
    assert "machine" not in table


def test_the_machine_stands_in_the_table_only_where_there_are_several():
    study = study_of(PARTIAL)
    assert finetuning_page.records_sentence(study, MAIN).endswith("were made on a processor, 2 cores.")
    assert finetuning_page.records_sentence(study, []).endswith("at every validated step.")
    study.of("lora_freq")[0]["provenance"]["machine"]["accelerator"] = "a GPU"
    table = arm_study.budget_table(study, MAIN).set_index("arm")
    assert table.loc["MSE", "machine"] == "a processor, 2 cores"
    assert table.loc["FreqLoss", "machine"] == "a GPU; a processor, 2 cores"
    assert "made on a processor, 2 cores and a GPU" in finetuning_page.records_sentence(study, MAIN)


def test_the_training_loss_is_drawn_in_blocks_of_ten():
    data = prose.figure_data(finetuning.loss_figure(study_of(PARTIAL).losses(MAIN)))
    mine = data[data["series"] == "FreqLoss"]
    assert mine["x"].astype(int).tolist() == [10, 20]
    assert mine["y"].astype(float).tolist() == pytest.approx([1.2, 1.1])
    assert set(data["series"]) == {"MSE", "FreqLoss"}


@pytest.mark.parametrize("claim", ["C10", "C11", "C12", "C13", "C14"])
@pytest.mark.parametrize("arms", COVERAGES.values(), ids=COVERAGES)
def test_there_is_a_verdict_and_a_finding_whatever_is_there(claim, arms):
    html = finetuning_page.verdict_html(study_of(arms), claim)
    assert f"{claim}: " in html
    assert "nan" not in html.lower().replace("finance", "")
    assert ("not measured yet" in html) == (not arms)
    assert html.count("<li>") == len(RULES[claim].cases)


@pytest.mark.parametrize(("claim", "case", "values"), FINETUNING_CASES)
def test_the_conclusion_is_that_of_the_case_that_decided(claim, case, values):
    objects = 4 if (claim, case) == ("C11", 1) else 12
    table = pd.DataFrame([{"object": str(place), "seed": 0} | values for place in range(objects)])
    assert judge(RULES[claim], table).case is RULES[claim].cases[case]
    text = finding(claim, table)
    assert text.endswith(FINETUNING_MEANING[claim][case])
    assert ("too few seeds" in text) == (FINETUNING_MEANING[claim][case] == FEW_SEEDS)
    assert not re.search("nan|–|no value", text)


def test_every_case_of_the_five_rules_has_a_meaning():
    found = {(claim, case) for claim, case, _ in FINETUNING_CASES}
    assert found == {
        (claim, case) for claim, texts in FINETUNING_MEANING.items() for case in range(len(texts))
    }
    assert {name: len(RULES[name].cases) for name in FINETUNING_MEANING} == {
        name: len(texts) for name, texts in FINETUNING_MEANING.items()
    }


def test_the_sentences_quote_the_numbers():
    values = {claim: numbers for claim, case, numbers in FINETUNING_CASES if case == 1}
    texts = {
        claim: finding(claim, pd.DataFrame([{"object": str(k), "seed": 0} | numbers for k in range(12)]))
        for claim, numbers in values.items()
    }
    assert "changes by −16.2% (published: −16.2%)" in texts["C10"]
    assert "by −11.0% and −6.0% with MSE × 25" in texts["C10"]
    assert "Told the true source distance, FreqLoss changes L1 by −12.0%" in texts["C10"]
    assert "−0.0080 at 2, −0.0080 at 4" in texts["C11"]
    assert "after Holm is 0.010" in texts["C11"]
    assert "is 4, with an interval from 4 to 4; in the first run alone it is 4 (published: 4)" in texts["C12"]
    assert "worst by 30.0% (published: 37.8%)" in texts["C13"]
    assert "0.087% of the transformer" in texts["C14"]
    assert "0.057% of the whole of it (published: 0.090%)" in texts["C14"]


def test_the_fraction_is_one_of_the_transformer():
    found = trainable.counts(BASE, 4)
    assert found.adapters == published("C10")["trainable_r4"]
    assert trainable.counts(BASE, 8).adapters == published("C10")["trainable_r8"]
    assert (
        "0.090% agrees with the fraction of the transformer alone, 0.087%; of the whole model it is 0.057%"
        in (trainable.fraction_sentence())
    )
    assert "of the transformer" in trainable.fraction_table(BASE)


def test_published_full_fine_tuning_is_labelled_and_its_own():
    table = full_finetuning.published_object_table()
    assert table.columns[0] == "object, as published"
    assert table.set_index("object, as published").loc["stairs", "full MSE"] == "0.0441 (+37.8%)"
    assert "−14.6%" in full_finetuning.published_sentence()
    assert len(table) == len(published("C13")["per_object_l1"])


def test_all_weights_are_compared_with_the_mean_of_the_seeds(runs):
    found = full_finetuning.against_lora(runs, "full_mse", "lora_mse", "l1")
    adapters = [object_metrics("lora_mse", 0, seed, STEPS[-1])["l1"] for seed in range(5)]
    untouched = runs[(runs["arm"] == "lora_mse") & (runs["step"] == 0) & (runs["seed"] == 0)]["l1"].mean()
    expected = (object_metrics("full_mse", 0, 0, STEPS[-1])["l1"] - sum(adapters) / 5) / untouched
    assert found.objects["chair"] == pytest.approx(expected)
    assert found.table.shape == (
        len(OBJECTS),
        5,
    )  # each seed of the adapters against the one run of all weights


def test_a_profile_without_an_arm_is_checked_live_on_another():
    mini = study_of(COMPLETE)
    smoke = replace(mini, plan=get_profile("smoke"))
    for module, arm in ((rank_ablation, "lora_freq_r8"), (full_finetuning, "full_freq")):
        assert module.live_arm(mini) == arm
        assert module.live_arm(smoke) == "lora_freq"


def test_every_arm_has_a_label_of_its_own():
    assert len({label(arm) for arm in ARMS}) == len(ARMS)
    assert label(rank_arm("freq", 16)) == "FreqLoss, rank 16"


def test_a_sheet_has_a_row_for_each_object_and_a_column_for_each_view():
    rows = [torch.full((3, 3, 16, 16), 0.1 + 0.8 * place) for place in range(2)]
    picture = Image.open(io.BytesIO(contact_sheet(rows))).convert("RGB")
    assert picture.size == (3 * 16, 2 * 16)
    assert picture.getpixel((20, 8))[0] == pytest.approx(0.1 * 255, abs=4)
    assert picture.getpixel((20, 24))[0] == pytest.approx(0.9 * 255, abs=4)
    large = Image.open(io.BytesIO(contact_sheet([torch.rand(2, 3, 2 * SIDE, 2 * SIDE)])))
    assert large.size == (2 * SIDE, SIDE)


def test_rows_of_different_shapes_and_none_are_refused():
    with pytest.raises(ValueError, match="rows of one shape"):
        contact_sheet([torch.rand(2, 3, 8, 8), torch.rand(3, 3, 8, 8)])
    with pytest.raises(ValueError, match="found none"):
        contact_sheet([])


def test_a_shipped_sheet_comes_before_a_cached_one(tmp_path):
    store = SheetStore(tmp_path / "cache", tmp_path / "shipped")
    assert store.find("a-s0-1") is None
    cached = store.keep("a-s0-1", b"cached")
    assert store.find("a-s0-1") == cached
    SheetStore(tmp_path / "shipped").keep("a-s0-1", b"shipped")
    assert store.find("a-s0-1").read_bytes() == b"shipped"


def test_the_table_of_arms_says_what_each_is_by_the_name_it_has_in_figures():
    table = arms_table(MAIN)
    assert table["arm"].tolist() == ["MSE", "FreqLoss", "MSE × 25"]
    assert table["what it is"].tolist() == [ARMS[arm].words for arm in MAIN]
