"""Figures and tables of the chapters, on records of a tiny model."""

import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
import torch

from lrm_core.evidence.rules_isotropy import C8_BANDS
from lrm_core.findings import c02
from lrm_core.show import chapter
from lrm_core.show.diagnosis import (
    isotropy,
    neighbourhood,
    response,
    response_readings,
)
from lrm_core.show.elements import prose
from lrm_core.spectral import published_shares

FIGURES = [
    *[
        ("C3", draw)
        for draw in (response.noise_maps, response.response_figure, response_readings.readings_figure)
    ],
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
    ("C3", response.controls_table),
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
        ("C8", isotropy.spread_figure, "spread over mean", "of different frequency", C8_BANDS),
        ("C8", isotropy.ways_figure, "change of", "the residual", "audited.residual.over_random"),
    ],
)
def test_the_data_of_strips_is_that_of_the_records(make_chapter, claim, draw, panel, quantity, column):
    page = make_chapter(claim)
    data = prose.figure_data(draw(page)).dropna(subset="object")
    chosen = data[data["panel"].str.startswith(panel) & (data["quantity"] == quantity)]
    assert chosen.set_index("object")["value"].to_dict() == page.table.set_index("object")[column].to_dict()


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
    modules = {"C3": response, "C8": neighbourhood}
    for claim, module in modules.items():
        assert set(module.LIVE_ENTRIES) <= set(make_chapter(claim).table.columns)


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


def test_a_chapter_turns_to_another_claim_on_the_same_records_only(make_chapter):
    page = make_chapter("C4")
    other = page.on("C5")
    assert (other.claim.id, other.rule.claim) == ("C5", "C5")
    assert other.table is page.table
    with pytest.raises(ValueError, match=r"rests on e08_band_correction, found C6 \(e09_low_band\)"):
        page.on("C6")


def test_a_chapter_is_opened_with_the_records_of_the_chosen_objects(
    monkeypatch, tiny_model, tables, tmp_path
):
    asked = []
    monkeypatch.setattr(chapter, "record_all", lambda *a, **k: asked.append((a, k)))
    monkeypatch.setattr(chapter, "load_model", lambda *a, **k: tiny_model)
    monkeypatch.setattr(chapter, "stored_table", lambda *a: tables["C1"])
    monkeypatch.setattr(chapter, "load_item", lambda plan, folder: folder.name)
    folders = [tmp_path / "real" / "disc0", tmp_path / "procedural" / "disc2"]
    monkeypatch.setattr(chapter.Profile, "object_folders", lambda plan, every=False: folders)
    page = chapter.open_chapter("C1", "smoke", objects=["disc2"], refresh=True)
    assert asked == [(("smoke", ["e02_basins"], True), {"objects": ["disc2"], "device": "cpu"})]
    assert page.groups == {"disc2": "procedural"}
    assert page.table["object"].tolist() == ["disc2"]
    assert page.item == "disc2"
