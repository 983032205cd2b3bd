"""The chapter on the model, on made-up records."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from lrm_core.evidence.oracles import predicted_planes
from lrm_core.model.config import BASE, MINI
from lrm_core.profiles import get_profile
from lrm_core.show.elements import prose
from lrm_core.show.model import model_live, model_study
from lrm_core.show.model.model_study import Study


@pytest.fixture
def study(tiny_model) -> Study:
    scores = {"psnr": 15.0, "ssim": 0.8, "lpips": 0.3, "iou": 0.5}
    rows = []
    for place, name in enumerate("abcd"):
        row = {"object": name, "seed": 0, "gain": 1.0 - place, "angles": [20.0, 70.0, 170.0]}
        for guess in model_study.GUESSES:
            for views in ("source", "novel"):
                more = place / 10 + (views == "source")
                row |= {f"{guess}.{views}.{key}": value + more for key, value in scores.items()}
            row[f"{guess}.novel_views"] = [17.0 - place, 15.0, 14.0]
        rows.append(row | {"white.novel.iou": None, "white.source.iou": None})
    groups = {name: "real" if name in "ab" else "procedural" for name in "abcd"}
    bounds = pd.DataFrame(
        {"object": list("abcd"), "seed": 0} | _psnr("predicted", 16.0) | _psnr("start_predicted", 23.0)
    )
    return Study(get_profile("smoke"), tiny_model, pd.DataFrame(rows), bounds, groups)


def _psnr(planes: str, lowest: float) -> dict[str, list[float]]:
    return {f"{planes}.heldout_psnr": [lowest + place for place in range(4)]}


def test_figures_are_described_and_give_their_data(study):
    for figure in (model_study.quality_figure(study), model_study.angle_figure(study)):
        assert "nan" not in figure.layout.meta["alt"]
        assert len(prose.figure_data(figure)) >= 4


def test_the_data_of_the_quality_figure_tells_novel_views_from_the_source_view(study):
    data = prose.figure_data(model_study.quality_figure(study)).dropna(subset="object")
    for panel, views in (("PSNR in novel views (dB)", "novel"), ("PSNR in the source view (dB)", "source")):
        chosen = data[(data["panel"] == panel) & (data["quantity"] == "the model")].set_index("object")
        assert chosen["value"].to_dict() == study.table.set_index("object")[f"model.{views}.psnr"].to_dict()


def test_quality_table_has_a_row_for_every_guess_of_every_group(study):
    novel, source = (model_study.quality_table(study, views) for views in ("novel", "source"))
    assert len(novel) == len(source) == 2 * len(model_study.GUESSES)
    assert set(novel.loc[novel["guess"] == "white image", "IoU"]) == {"–"}
    assert novel["PSNR"].tolist() != source["PSNR"].tolist()


def test_architecture_table_counts_parameters(study):
    sizes = model_study._sizes
    assert sizes(BASE)["parameters"] == "260,201,972"
    assert sizes(MINI)["plane tokens"] == "3 × 16 × 16"


def test_sentence_counts_the_objects_that_gain(study):
    text = model_study.verdict_sentence(study)
    assert "2 real objects" in text
    assert "better guess for 1 of 2" in text
    assert "better guess for 0 of 2" in text
    assert "by LPIPS better than the nearest training object for 0." in text
    better = replace(study, table=study.table.assign(**{"model.novel.lpips": 0.1}))
    assert "by LPIPS better than the nearest training object for 2." in model_study.verdict_sentence(better)


def test_views_fall_into_bins_of_angle(study):
    angles, values = model_study._by_angle(study.table, "model.novel_views")
    assert angles == [15.0, 75.0, 165.0]
    assert values == pytest.approx([15.5, 15.0, 14.0])


def test_the_oracle_bounds_the_prediction(study):
    text = model_study.oracle_sentence(study)
    assert "On 4 objects it reaches 24.5" in text
    assert "the prediction has 17.5" in text


def test_every_way_to_run_the_chapter_is_shown(study):
    text = model_study.reproduce(study, "00_model")
    assert "lrm reproduce --profile smoke --notebook 00\n" in text
    assert "papermill notebooks/00_model.ipynb 00_model.ipynb -p profile smoke" in text
    assert "lrm pretrain --preset mini" in text


def test_the_median_prediction_can_be_turned(study, tiny_item, monkeypatch):
    """With four objects by falling gain, the third is the median one."""
    shown = []
    monkeypatch.setattr(type(study.plan), "object_folders", lambda *_, **__: [Path(name) for name in "abcd"])
    monkeypatch.setattr(model_study, "load_item", lambda plan, folder: replace(tiny_item, name=folder.name))
    monkeypatch.setattr(model_study, "show_viewer", lambda *arguments, **_: shown.append(arguments))
    model_study.turn_by_hand(study)
    ((planes, decoder, words),) = shown
    torch.testing.assert_close(planes, predicted_planes(study.model, tiny_item))
    assert decoder is study.model.decoder
    assert "triplane of c," in words


def test_the_scores_of_the_median_object_are_compared_with_the_stored_ones(study, tiny_item, monkeypatch):
    monkeypatch.setattr(model_live, "by_gain", lambda study: {"median": replace(tiny_item, name="c")})
    scores = dict.fromkeys(("psnr", "ssim", "lpips", "iou"), 0.5)
    now = {"source": scores, "novel": scores, "novel_views": [15.0, 14.5, 14.0]}
    monkeypatch.setattr(model_live, "model_scores", lambda model, item: now)
    found, record = model_live.live(study)
    assert record["object"].tolist() == ["c"]
    compared = found.comparison().set_index("entry")
    assert set(model_live.LIVE_ENTRIES) <= set(compared.index)
    assert compared.loc["model.novel.psnr", "stored"] == 15.2
    assert compared.loc["model.novel_views[1]", "difference"] == pytest.approx(-0.5)
