"""Figures and tables of the chapters, on records of a tiny model."""

import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
import torch

from lrm_core.evidence.experiments.e02_basins import latent_distance
from lrm_core.evidence.rules import C1_OURS
from lrm_core.evidence.rules_correction import C6_DC
from lrm_core.evidence.rules_isotropy import C8_BANDS
from lrm_core.findings import c02
from lrm_core.render import query_points
from lrm_core.show import chapter
from lrm_core.show.diagnosis import (
    basins,
    gauge,
    isotropy,
    low_band,
    neighbourhood,
    response,
    response_readings,
    visibility,
)
from lrm_core.show.elements import prose
from lrm_core.spectral import published_shares

FIGURES = [
    *[
        ("C1", draw)
        for draw in (basins.one_channel, basins.fitting, basins.alike_and_apart, basins.line_between)
    ],
    *[
        ("C3", draw)
        for draw in (response.noise_maps, response.response_figure, response_readings.readings_figure)
    ],
    ("C6", low_band.parts_figure),
    ("C6", low_band.improvement_figure),
    ("C6", low_band.margin_figure),
    *[
        ("C8", draw)
        for draw in (
            isotropy.ways_figure,
            isotropy.leading_figure,
            isotropy.jitter_figure,
            isotropy.spread_figure,
            isotropy.sweep_figure,
        )
    ],
]
# Columns that tell the rows of a figure's data apart, by all columns that there are: strips, maps, curves.
KEYS = {
    "panel quantity group object value low high": ["panel", "quantity", "group", "object"],
    "series x y value": ["series", "x", "y"],
    "series label x y": ["series", "label", "x"],
}
TABLES = [
    ("C1", basins.compared_table),
    ("C1", lambda page: gauge.invisible_table(gauge.invisible_distances(page))),
    ("C3", response.controls_table),
    ("C6", low_band.sizes_table),
    ("C6", lambda page: low_band.published_table(page.claim.published)),
    ("C7", visibility.controls_table),
    ("C8", isotropy.controls_table),
]


@pytest.mark.parametrize(("claim", "draw"), FIGURES)
def test_figures_are_described_and_give_their_data(make_chapter, claim, draw):
    figure = draw(make_chapter(claim))
    assert len(figure.layout.meta["alt"]) > 60
    assert "nan" not in figure.layout.meta["alt"].lower()
    data = prose.figure_data(figure)
    assert len(data) >= 4
    assert not data.duplicated(KEYS[" ".join(data)]).any()
    assert data.drop(columns=["label", "object", "low", "high"], errors="ignore").notna().all(axis=None)


@pytest.mark.parametrize(
    ("claim", "draw", "panel", "quantity", "column"),
    [
        ("C1", basins.alike_and_apart, "PSNR in held-out", "prediction, to the truth", "heldout.psnr.pred"),
        ("C1", basins.alike_and_apart, "correlation", "over all texels, as published", C1_OURS),
        ("C6", low_band.improvement_figure, "improvement, to renders", "channel means", C6_DC),
        ("C6", low_band.margin_figure, "share", "the high band", "corrections.high.power_share"),
        ("C8", isotropy.spread_figure, "spread over mean", "of different frequency", C8_BANDS),
        ("C8", isotropy.ways_figure, "change of", "the residual", "audited.residual.over_random"),
    ],
)
def test_the_data_of_strips_is_that_of_the_records(make_chapter, claim, draw, panel, quantity, column):
    page = make_chapter(claim)
    data = prose.figure_data(draw(page)).dropna(subset="object")
    chosen = data[data["panel"].str.startswith(panel) & (data["quantity"] == quantity)]
    assert chosen.set_index("object")["value"].to_dict() == page.table.set_index("object")[column].to_dict()


def test_the_data_of_one_channel_names_both_oracles(make_chapter):
    page = make_chapter("C1")
    data = prose.figure_data(basins.one_channel(page))
    assert list(data["series"].unique()) == ["from the prediction", "from noise"]
    for name, start in (("from the prediction", "predicted"), ("from noise", "random")):
        found = data[data["series"] == name].pivot(index="y", columns="x", values="value").to_numpy()
        channels = page.oracle(start).planes[0].numpy()
        assert np.abs(channels - found).max((1, 2)).min() < 1e-3


def test_the_fit_is_described_by_what_is_drawn(make_chapter):
    page = make_chapter("C1")
    figure = basins.fitting(page)
    assert list(figure.data[0].y) == page.oracle("predicted").history["train_psnr"]
    assert "training rays" in figure.layout.meta["alt"]
    assert "held-out" not in figure.layout.meta["alt"]


@pytest.mark.parametrize(("claim", "make"), TABLES)
def test_tables_are_text_without_gaps(make_chapter, claim, make):
    table = make(make_chapter(claim))
    assert len(table) >= 4
    assert table.map(lambda cell: isinstance(cell, str) and "nan" not in cell).all(axis=None)


def test_the_csv_link_holds_the_table_itself():
    table = pd.DataFrame({"x": [1.5, None], "y": ["a", "b"]})
    link = prose.csv_link(table, "name", "Data <here>")
    content = base64.b64decode(re.search(r"base64,([^\"]+)", link).group(1)).decode()
    pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(content)), table)
    assert "Data &lt;here&gt;" in link


def test_every_number_of_the_live_table_is_in_the_records(make_chapter):
    modules = {"C1": basins, "C3": response, "C6": low_band}
    modules |= {"C7": visibility, "C8": neighbourhood}
    for claim, module in modules.items():
        assert set(module.LIVE_ENTRIES) <= set(make_chapter(claim).table.columns)


def test_constants_in_the_null_space_move_the_planes_and_not_the_field(tiny_model):
    planes = torch.randn(3, 24, 16, 16, generator=torch.Generator().manual_seed(1))
    shifted = gauge.invisible_shift(tiny_model, planes, 2.0)
    distance = latent_distance(planes, shifted)
    assert distance["l1"] == pytest.approx(2.0, rel=1e-4)
    assert distance["channel_correlation"] == pytest.approx(1.0, abs=1e-4)
    inside = 1 - 1 / 16  # beyond, lookups mix the planes with the zeros outside the box
    points = inside * (2 * torch.rand(1, 50, 3, generator=torch.Generator().manual_seed(2)) - 1)
    before, after = (query_points(p[None], tiny_model.decoder, points) for p in (planes, shifted))
    torch.testing.assert_close(after.density, before.density, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(after.rgb, before.rgb, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("psnr", "words"), [(70.0, "differ less than"), (30.0, "differ more than")])
def test_the_sentence_on_the_shift_follows_the_images(psnr, words):
    assert words in gauge.invisible_sentence({"psnr": psnr})
    rounded = torch.rand(100_000, generator=torch.Generator().manual_seed(0)).double()
    error = ((255 * rounded).round() / 255 - rounded).square().mean()
    assert pytest.approx(float(-10 * error.log10()), abs=0.1) == gauge.EIGHT_BITS


def test_a_first_layer_without_null_space_is_refused(tiny_model):
    class Wide:
        class decoder:
            net = (torch.nn.Linear(12, 64),)

    with pytest.raises(ValueError, match="reads 12 channels into 64"):
        gauge.invisible_shift(Wide(), torch.zeros(3, 4, 8, 8), 1.0)


def test_the_exponent_matches_the_published_share():
    expected = np.mean(c02.SHARES["high"])
    assert c02.law_shares(c02.matching_exponent())[0][2] == pytest.approx(expected, abs=1e-3)


def test_law_shares_are_those_of_noise_filtered_to_the_law():
    size, generator = 64, torch.Generator().manual_seed(0)
    noise = torch.randn(3, 16, size, size, generator=generator, dtype=torch.float64)
    frequency = torch.fft.fftfreq(size, dtype=torch.float64)
    radius = torch.hypot(frequency[:, None], frequency[None]).clamp(min=1 / size)
    planes = torch.fft.ifft2(torch.fft.fft2(noise) * radius**-1.0).real  # power f^-2
    expected = published_shares(planes).mean(0)
    found = torch.tensor(c02.law_shares(2.0)[0], dtype=torch.float64)
    torch.testing.assert_close(found, expected, atol=0.02, rtol=0)


def test_a_chapter_is_opened_with_the_records_of_the_chosen_objects(
    monkeypatch, tiny_model, tables, tmp_path
):
    asked = []
    monkeypatch.setattr(chapter, "record_all", lambda *a, **k: asked.append((a, k)))
    monkeypatch.setattr(chapter, "load_model", lambda *a, **k: tiny_model)
    monkeypatch.setattr(chapter, "experiment_table", lambda *a: tables["C1"])
    monkeypatch.setattr(chapter, "load_item", lambda plan, folder: folder.name)
    folders = [tmp_path / "real" / "disc0", tmp_path / "procedural" / "disc2"]
    monkeypatch.setattr(chapter.Profile, "object_folders", lambda plan, every=False: folders)
    page = chapter.open_chapter("C1", "smoke", objects=["disc2"], refresh=True)
    assert asked == [(("smoke", ["e02_basins"], True), {"objects": ["disc2"], "device": "cpu"})]
    assert page.groups == {"disc2": "procedural"}
    assert page.table["object"].tolist() == ["disc2"]
    assert page.item == "disc2"
