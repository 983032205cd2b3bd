"""Chapters on the arms of fine-tuning: what they say with any part of the arms, and what their cells are given."""

import io

import numpy as np
import pandas as pd
import pytest
import torch
from finetuning_records import OBJECTS, STEPS, object_metrics, tidy
from PIL import Image

from lrm_core.findings import c10, c11, c12, c13, c14, prose
from lrm_core.findings.arm_claims import claim_columns, told_wrong
from lrm_core.findings.claims import published
from lrm_core.findings.figures import Pictures
from lrm_core.findings.finding import sections, told
from lrm_core.measure.finetuning import EVALUATION_VIEWS, object_folders
from lrm_core.objects.contact_sheets import SIDE, SheetStore, contact_sheet, picture_at
from lrm_core.page.chapter import cut_to_object
from lrm_core.page.elements import drawn
from lrm_core.page.repair.arm_page import ArmPage, open_arms
from lrm_core.page.repair.gallery import arms_gallery, before_and_after, signed
from lrm_core.profiles import get_profile
from lrm_core.records.arms import ARMS

COMPLETE = {arm.name: range(arm.seeds) for arm in ARMS.values()}
PARTIAL = {"lora_mse": [0], "lora_freq": [0, 1], "lora_freq_r8": [0]}
COVERAGES = {"complete": COMPLETE, "partial": PARTIAL, "one seed": {"lora_freq": [0]}}
FINDINGS = [module.FINDING for module in (c10, c11, c12, c13, c14)]


def table_of(arms, objects: int = len(OBJECTS)) -> pd.DataFrame:
    return told_wrong(claim_columns(tidy(arms, objects), None), "rehearsal")


@pytest.fixture(scope="module")
def page() -> ArmPage:
    return open_arms(c13.FINDING, "mini")


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding.rule.claim)
@pytest.mark.parametrize("arms", COVERAGES.values(), ids=COVERAGES)
def test_sentences_and_figures_stand_with_any_part_of_the_arms(finding, arms):
    table = table_of(arms)
    for section in sections(finding.rule.claim):
        text = told(finding, section, table)
        assert "{" not in text
        assert "nan" not in text
    for name, declared in finding.figures.items():
        if isinstance(declared, Pictures):
            continue
        alt = drawn.draw(declared, table, OBJECTS, {}, "It says so.").layout.meta["alt"]
        assert alt.startswith("It says so. "), name
        assert "nan" not in alt


def test_two_objects_have_means_and_no_intervals():
    figure = drawn.draw(c12.FINDING.figures["ranks"], table_of(PARTIAL, objects=2), OBJECTS, {}, "t")
    assert all(trace.error_y.array is None for trace in figure.data)


def test_lines_of_objects_end_where_the_objects_do():
    figure = drawn.draw(c10.FINDING.figures["slopes"], table_of(COMPLETE), OBJECTS, {}, "t")
    data = prose.figure_data(figure).query("series == 'FreqLoss' and label == 'lamp'")
    ends = [
        np.mean([object_metrics("lora_freq", 1, seed, step)["l1"] for seed in range(5)]) for step in (0, STEPS[-1])
    ]
    assert data["y"].tolist() == pytest.approx(ends)
    numbers = published("C10")
    there = prose.figure_data(figure).query("series == 'MSE, published mean'")
    assert there["y"].tolist() == [numbers["baseline"]["l1"], numbers["lora_std_r8"]["l1"]]


def test_objects_that_get_worse_are_counted_and_the_worst_is_named():
    runs = tidy(COMPLETE)
    hurt = (runs["arm"] == "lora_freq") & (runs["object"] == "lamp") & (runs["step"] == STEPS[-1])
    runs.loc[hurt, "l1"] = 1.5 * object_metrics("lora_freq", 1, 0, 0)["l1"]
    table = told_wrong(claim_columns(runs, None), "rehearsal")
    facts = {name: fact(table) for name, fact in c10.FINDING.facts.items()}
    assert (facts["worse"], facts["worst"]) == ("1 of 5", "lamp")
    assert facts["lost"].endswith(f" of {len(ARMS)}")
    assert [signed(change) for change in (0.5, -0.101)] == ["+50%", "−10%"]
    assert c13.harmed(table, OBJECTS)[0] in OBJECTS


def test_cells_train_on_what_the_arms_train_on(page):
    train, held_out = object_folders(get_profile("mini"))
    pairs = list(page.pairs(2))
    assert [example.name for example, *_ in pairs] == [folder.name for folder in train[:2]]
    for view, (example, image, camera) in enumerate(pairs):
        assert torch.equal(image[0], example.views.images[view])
        assert camera.shape == (1, 25)
    example = page.example(EVALUATION_VIEWS)
    assert example.name == page.item.name
    assert page.item.name in [folder.name for folder in held_out]
    assert len(example.views.images) == len(EVALUATION_VIEWS)
    assert page.record("lora_mse", 99) is None


def test_the_published_condition_stands_beside(page):
    mine = page.table.groupby("object")[["change.l1.lora_mse", "told_wrong.change.l1.lora_mse"]].mean()
    assert mine.notna().all(axis=None)
    assert (mine.iloc[:, 0] != mine.iloc[:, 1]).all()


def test_renders_that_came_with_the_repository_are_shown(page):
    html, data = before_and_after(page)
    assert data["object"].tolist() == ["cc0_couch", "cc0_chairWithCushion"]
    assert html.count("<img") == 2 * 4
    assert "adapters: L1 +36%" in html
    assert arms_gallery(page, ["lora_mse"]).count("data:image/webp") == 3


def test_a_profile_without_records_says_how_they_are_made(monkeypatch):
    monkeypatch.setattr("lrm_core.page.repair.arm_page.records", lambda profile: iter(()))
    with pytest.raises(ValueError, match=r"e14_finetuning: no records; run `lrm arms --profile mini`"):
        open_arms(c10.FINDING, "mini")


def test_a_sheet_has_a_row_for_each_object_and_a_column_for_each_view():
    rows = [torch.full((3, 3, 16, 16), 0.1 + 0.8 * place) for place in range(2)]
    sheet = contact_sheet(rows)
    assert Image.open(io.BytesIO(sheet)).size == (3 * 16, 2 * 16)
    for place in range(2):
        picture = picture_at(sheet, (place, 1), (2, 3))
        assert picture.shape == (3, 16, 16)
        assert picture.mean() == pytest.approx(0.1 + 0.8 * place, abs=0.02)
    large = Image.open(io.BytesIO(contact_sheet([torch.rand(2, 3, 2 * SIDE, 2 * SIDE)])))
    assert large.size == (2 * SIDE, SIDE)


def test_pictures_of_one_view_are_cut_alike():
    white, seen = torch.ones(3, 32, 32), torch.ones(3, 32, 32)
    seen[:, 10:14, 2:12] = 0.2
    first, second = cut_to_object({"white": white, "seen": seen}).values()
    assert first.shape == second.shape == (3, 17, 17)
    assert (second < 1).sum() == (seen < 1).sum()
    assert cut_to_object({"white": white})["white"].shape == white.shape


def test_rows_of_different_shapes_and_none_are_refused():
    with pytest.raises(ValueError, match="rows of one shape"):
        contact_sheet([torch.rand(2, 3, 8, 8), torch.rand(3, 3, 8, 8)])
    with pytest.raises(ValueError, match="found none"):
        contact_sheet([])


def test_a_shipped_sheet_comes_before_a_cached_one(tmp_path):
    store = SheetStore(tmp_path / "cache", tmp_path / "shipped")
    assert store.find("a-s0-1") is None
    assert store.sheet("a-s0-1", lambda: b"cached") == b"cached"
    assert store.sheet("a-s0-1", lambda: b"made again") == b"cached"
    SheetStore(tmp_path / "shipped").sheet("a-s0-1", lambda: b"shipped")
    assert store.find("a-s0-1").read_bytes() == b"shipped"
