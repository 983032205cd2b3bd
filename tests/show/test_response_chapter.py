"""The chapter on the decoder's response, on records of known curves and on a tiny model."""

from math import exp

import numpy as np
import pandas as pd
import pytest
import torch

from lrm_core.evidence import RecordKey, ResultStore
from lrm_core.evidence.claims import claim
from lrm_core.evidence.experiments import e06_response
from lrm_core.evidence.experiments.e06_response import DecoderResponse, response_summary
from lrm_core.evidence.oracles import Oracle, render_images
from lrm_core.evidence.provenance import Provenance
from lrm_core.evidence.rules_response import C3_OURS, C3_PREDICTED, C3_REFERENCE
from lrm_core.show.chapter import Chapter
from lrm_core.show.diagnosis import response
from lrm_core.show.diagnosis import response_readings as readings
from lrm_core.show.elements import prose
from lrm_core.show.elements.style import COLOURS
from lrm_core.spectral import band_noise, lookup_response
from lrm_core.spectral.bands import frequency_radius

CONFIG = DecoderResponse()
EDGES = CONFIG.edges
CENTRES = [(k + 0.5) / 10 for k in range(10)]
PUBLISHED = claim("C3").published


def curve(slope: float) -> list[float]:
    """H = exp(slope f)."""
    return [exp(slope * f) for f in CENTRES]


def summary(slope: float) -> dict:
    """Two draws that differ by a factor of 2: their mean is 1.5 times the curve."""
    h = torch.tensor([curve(slope), curve(slope)]) * torch.tensor([[1.0], [2.0]])
    return response_summary(h, EDGES)


def record(published: float, reference: float, predicted: float) -> dict:
    """What E6 keeps of renderers whose ln H has these slopes."""
    seen = {"touched": 0.4, "leakage": {"bins": [0.3] * 10, "bands": {"low": 0.1, "mid": 0.2, "high": 0.15}}}
    ratios = [response_summary(torch.tensor([curve(s)]), EDGES)["ratio"]["per_bin"] for s in (-2, -1, 0)]
    return {
        "published": summary(published),
        "audited": {"reference": summary(reference) | seen, "predicted": summary(predicted) | seen},
        "sweep": {"level": list(CONFIG.levels), "per_bin": ratios, "slope": [-2, -1, 0]},
        "lookup": response_summary(lookup_response(32, EDGES)[None], EDGES),
    }


@pytest.fixture
def make_page(make_chapter, tmp_path):
    """A chapter whose objects have renderers of these slopes, a little steeper from object to object."""

    def make(published=-1.0, reference=-1.5, predicted=-0.5, objects=4):
        store = ResultStore(tmp_path / "known")
        for k in range(objects):
            slopes = (slope * (1 + 0.01 * k) for slope in (published, reference, predicted))
            key = RecordKey("e06_response", f"disc{k}", 0, "m", "d", {})
            store.put(key, record(*slopes), Provenance("tiny", "a", {}, 1.0))
        return make_chapter("C3", store.table("e06_response"))

    return make


@pytest.mark.parametrize(
    "draw",
    [response.response_figure, response.sweep_figure, response.noise_maps, readings.readings_figure],
)
def test_figures_are_described_and_give_their_data(make_page, draw):
    figure = draw(make_page())
    alt = figure.layout.meta["alt"]
    assert len(alt) > 60
    assert any(letter.isdigit() for letter in alt)
    assert not {"nan", "–"} & set(alt.lower().split())
    data = prose.figure_data(figure)
    keys = [name for name in ("panel", "quantity", "group", "object", "series", "label", "x") if name in data]
    assert not data.duplicated([*keys, "y"] if "value" in data and "x" in data else keys).any()


def test_the_curves_are_those_of_the_records_over_their_means(make_page):
    page = make_page(published=-1.0)
    data = prose.figure_data(response.response_figure(page))
    label = response.SERIES["published"][0]
    lines = {name: rows["y"].to_numpy() for name, rows in data[data["series"] == label].groupby("label")}
    expected = np.array(curve(-1.0)) / np.mean(curve(-1.0))
    assert lines["disc0"] == pytest.approx(expected, rel=1e-4)
    mean = np.mean([lines[f"disc{k}"] for k in range(4)], axis=0)
    assert lines["mean of objects"] == pytest.approx(mean)
    # draws of 1 and 2 have a standard deviation of 1 / sqrt 2 around 1.5
    assert lines["mean, draws above"] / mean == pytest.approx(1 + 2**-0.5 / 1.5, rel=1e-4)
    assert lines["mean, draws below"] / mean == pytest.approx(1 - 2**-0.5 / 1.5, rel=1e-4)
    assert data[data["series"] == "level response"]["y"].tolist() == [1.0] * 10
    lookup = lookup_response(32, EDGES).numpy()
    found = data[data["series"] == "lookup alone"]["y"].to_numpy()
    assert found == pytest.approx(lookup / lookup.mean(), rel=1e-4)
    assert data[data["label"] == "disc0"]["x"].unique() == pytest.approx(CENTRES)


def test_a_colour_is_a_triplane_and_a_dash_a_definition(make_page):
    looks = {
        trace.name: (trace.line.color, trace.line.dash)
        for trace in response.response_figure(make_page()).data
        if trace.text[0] == "mean of objects"
    }
    published, reference, predicted = (label for label, *_ in response.SERIES.values())
    assert looks[published] == (COLOURS["predinit"], "dash")
    assert looks[reference] == (COLOURS["predinit"], "solid")
    assert looks[predicted] == (COLOURS["pred"], "solid")


@pytest.mark.parametrize(
    ("panel", "quantity", "column"),
    [
        ("low over high, noise as published", "low band over high band", "published.ratio.bands"),
        ("low over high, noise as published", "the same, per bin", "published.ratio.per_bin"),
        ("low over high, noise as published", "first bin over last bin", C3_OURS),
        ("low over high per bin", "around the oracle", C3_REFERENCE),
        ("low over high per bin", "around the prediction", C3_PREDICTED),
    ],
)
def test_the_data_of_the_readings_is_that_of_the_records(make_page, panel, quantity, column):
    page = make_page()
    data = prose.figure_data(readings.readings_figure(page)).dropna(subset="object")
    chosen = data[data["panel"].str.startswith(panel) & (data["quantity"] == quantity)]
    assert chosen.set_index("object")["value"].to_dict() == page.table.set_index("object")[column].to_dict()


def test_published_readings_follow_from_the_published_shares():
    found = readings.published_ratios(PUBLISHED)
    bands = (0.406 / 0.273 + 0.417 / 0.287) / 2
    expected = {"bands": bands, "per_bin": bands * 4 / 3, "first_over_last": 2.4}
    assert found == pytest.approx(expected)
    assert readings.level_ratios(10) == pytest.approx({"bands": 0.75, "per_bin": 1, "first_over_last": 1})
    table = readings.published_table(PUBLISHED).set_index("object")
    assert table.loc["stone", "low (0 to 0.3)"] == "41%"
    assert table.loc["stone", ["low band over high band", "the same, per bin"]].tolist() == ["1.49", "1.98"]
    sentence = readings.published_sentence(PUBLISHED)
    assert all(part in sentence for part in ("The 2.4 of the claim", "1.47 on", "1.96 per bin", "score 0.75"))


def test_the_table_compares_each_reading_with_its_references(make_page):
    page = make_page(published=0.0, reference=0.0, predicted=0.0)
    table = readings.compared_table(page).set_index("reading")
    assert table["level response"].tolist() == ["0.75", "1.00", "1.00"]
    assert table["published"].tolist() == ["1.47", "1.96", "2.40"]
    for label, *_ in response.SERIES.values():
        assert table[label].str.split(" ").str[0].tolist() == ["0.75", "1.00", "1.00"]
    assert table.loc["the same, per bin", "lookup alone"].startswith("1.")


@pytest.mark.parametrize(
    ("slope", "high", "low"), [(-1.0, "0 to 0.1", "0.9 to 1"), (1.0, "0.9 to 1", "0 to 0.1")]
)
def test_the_sentence_on_the_peak_follows_the_curve(make_page, slope, high, low):
    text = response.peak_sentence(make_page(slope, slope, slope))
    assert text == f"All 3 mean curves are, in × Nyquist, highest at {high} and lowest at {low}."
    mixed = response.peak_sentence(make_page(slope, slope, -slope))
    assert mixed.count(f"highest at {high} and lowest at {low}") == 2
    assert mixed.count(f"highest at {low} and lowest at {high}") == 1


@pytest.mark.parametrize(
    ("slopes", "objects", "words"),
    [
        ((-3.0, -0.1), 4, ("around the oracle (more than", "around the prediction (less than")),
        ((-0.1, -3.0), 4, ("around the oracle (less than", "around the prediction (more than")),
        ((-3.0, -3.0), 2, ("around the oracle (too few", "around the prediction (too few")),
    ],
)
def test_the_sentence_on_lookup_follows_the_intervals(make_page, slopes, objects, words):
    text = readings.lookup_sentence(make_page(-1.0, *slopes, objects=objects))
    assert all(part in text for part in words)


def test_an_interval_across_the_reference_tells_nothing_apart(make_page):
    page = make_page()
    page.table[C3_REFERENCE] = [1.0, 2.2, 1.1, 2.0]
    assert "around the oracle (not told apart" in readings.lookup_sentence(page)


def test_the_sweep_shows_each_level_of_each_object(make_page):
    page = make_page()
    figure = response.sweep_figure(page)
    data = prose.figure_data(figure)
    lines = data[data["label"] == "disc2"]
    assert lines["x"].tolist() == list(CONFIG.levels)
    assert lines["y"].tolist() == page.table["sweep.per_bin"][2]
    assert "1.00 at 0.5" in figure.layout.meta["alt"]


def test_noise_keeps_to_its_bin_and_to_its_mask(make_page, monkeypatch):
    mask = torch.zeros(3, 16, 16, dtype=torch.bool)
    mask[:, 4:11, 3:9] = True
    monkeypatch.setattr(response, "matter_texels", lambda model, planes: mask)
    data = prose.figure_data(response.noise_maps(make_page()))
    images = {
        name: rows.pivot(index="y", columns="x", values="value").to_numpy()
        for name, rows in data.groupby("series")
    }
    radius = frequency_radius(16, 16).numpy()
    for name, inside in (("0 to 0.1", radius < 0.1), ("0.9 to 1", (radius >= 0.9) & (radius < 1))):
        power = np.abs(np.fft.fft2(images[name], norm="ortho")) ** 2
        assert power[inside].sum() > 0.99 * power.sum()
        assert np.mean(images[name] ** 2) == pytest.approx(1, rel=0.01)
    masked = images["0.9 to 1, object"]
    assert not masked[~mask[0].numpy()].any()
    assert np.mean(masked[mask[0].numpy()] ** 2) == pytest.approx(1, rel=0.02)


def test_pictures_say_the_response_of_their_view(make_page):
    page = make_page()
    html = response.pictures(page)
    assert html.count("<img") == 7
    planes = page.oracle("predicted").planes
    noise = band_noise(planes, EDGES, CONFIG.published_std, torch.Generator().manual_seed(0))
    camera = page.item.cameras()[[3]]  # the first that is held out
    before, after = (render_images(page.model, x, camera, 16) for x in (planes, planes + noise[0]))
    h = float((after - before).abs().mean()) / CONFIG.published_std
    assert f"change by 0 to 0.1: H = {h:.2g}<" in html


def test_the_size_of_the_noise_is_that_in_the_planes(make_page, monkeypatch):
    planes = torch.full((3, 24, 16, 16), 7.0)
    planes[:, :, 4:11, 3:9] += 2 * torch.randn(3, 24, 7, 6, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(Chapter, "oracle", lambda page, start: Oracle(planes, {}))
    monkeypatch.setattr(response, "matter_texels", lambda model, planes: planes[:, 0] != 7)
    sentence = response.size_sentence(make_page())
    assert "of 0.5 is, in the oracle of disc0, 0.25 times" in sentence
    assert "the rule uses 0.15 times" in sentence


def test_tables_are_text_without_gaps(make_page):
    for table in (response.controls_table(make_page()), readings.compared_table(make_page())):
        assert table.map(lambda cell: isinstance(cell, str) and cell not in {"nan", "–"}).all(axis=None)


def test_the_live_response_is_that_of_the_store(make_chapter, monkeypatch, tmp_path):
    page, store = make_chapter("C3"), ResultStore(tmp_path / "real")
    mask = torch.zeros(3, 16, 16, dtype=torch.bool)
    mask[:, 4:11, 3:9] = True
    for module in (response, e06_response):
        monkeypatch.setattr(module, "matter_texels", lambda model, planes: mask)
    result = e06_response.run(page.model, page.item, page.configuration, 0)
    key = RecordKey("e06_response", page.item.name, 0, "m", "d", {})
    store.put(key, result, Provenance("tiny", "a", {}, 1.0))
    compared = response.live(make_chapter("C3", store.table("e06_response"))).comparison()
    assert set(response.LIVE_ENTRIES) <= set(compared["entry"])
    torch.testing.assert_close(torch.tensor(compared["live"]), torch.tensor(compared["stored"]))


def test_thin_air_has_a_chapter_without_audited_numbers(make_chapter):
    page = make_chapter("C3")
    assert page.table[C3_REFERENCE].isna().all()
    published, reference, _ = (label for label, *_ in response.SERIES.values())
    text = response.peak_sentence(page)
    assert published in text
    assert reference not in text
    names = {trace.name for trace in response.response_figure(page).data}
    assert names == {published, "lookup alone", "level response"}
    assert {trace.name for trace in response.sweep_figure(page).data} == {"level response"}
    assert len(prose.figure_data(response.noise_maps(page))["series"].unique()) == 2
    assert "too few objects" in readings.lookup_sentence(page)
    assert set(readings.compared_table(page)[reference]) == {"–"}
    nothing = page.table.assign(**{"published.bin_shares": None})
    assert response.peak_sentence(make_chapter("C3", nothing)) == "No object has a response."
    assert isinstance(response.controls_table(page), pd.DataFrame)
