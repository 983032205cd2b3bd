"""Figures and tables of the chapters, on records of a tiny model."""

import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
import torch

from lrm_core.findings import c02, prose
from lrm_core.page import chapter
from lrm_core.spectral import published_shares


def test_the_csv_link_holds_the_table_itself():
    table = pd.DataFrame({"x": [1.5, None], "y": ["a", "b"]})
    link = prose.csv_link(table, "name", "Data <here>")
    content = base64.b64decode(re.search(r"base64,([^\"]+)", link).group(1)).decode()
    pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(content)), table)
    assert "Data &lt;here&gt;" in link


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
    monkeypatch.setattr(chapter, "experiment_table", lambda *a: tables["C1"])
    monkeypatch.setattr(chapter, "load_item", lambda plan, folder: folder.name)
    folders = [tmp_path / "real" / "disc0", tmp_path / "procedural" / "disc2"]
    monkeypatch.setattr(chapter.Profile, "object_folders", lambda plan, every=False: folders)
    page = chapter.open_chapter("C1", "smoke", objects=["disc2"], refresh=True)
    assert asked == [(("smoke", ["e02_basins"], True), {"objects": ["disc2"], "device": "cpu"})]
    assert page.groups == {"disc2": "procedural"}
    assert page.table["object"].tolist() == ["disc2"]
    assert page.item == "disc2"
