"""The noise probe: what it carries, and its noise and its H in JavaScript against those of E6 in Python."""

import math
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from lrm_core.measure.e06_response import DecoderResponse, touched_response
from lrm_core.model.lrm import Decoder
from lrm_core.page import explorables
from lrm_core.page.explorables.spectra import PLACES, probe
from lrm_core.page.explorables.widget import Scene
from lrm_core.page.viewer import Packed, unpack
from lrm_core.spectral.response import band_noise

CONFIG = DecoderResponse()
SIDE, CHANNELS = 16, 4
MEAN = [0.02 - 0.001 * index for index in range(CONFIG.bins)]
SPREAD = [0.001] * CONFIG.bins


def _row(**changes) -> dict:
    row = {"object": "disc0", "seed": 0}
    for number, (column, _) in enumerate(PLACES.values()):
        row |= {f"{column}.response": [(1 + number) * h for h in MEAN], f"{column}.spread.response": SPREAD}
    return row | changes


@pytest.fixture
def planes() -> torch.Tensor:
    scale = 1 + torch.arange(CHANNELS)[:, None, None]
    return scale * torch.randn(3, CHANNELS, SIDE, SIDE, generator=torch.Generator().manual_seed(3)) + 2


@pytest.fixture
def mask() -> torch.Tensor:
    return torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(4)) < 0.3


@pytest.fixture
def make_probe(planes, mask, item):
    """The probe of two triplanes, one minus the other's half."""

    def make(row: dict | None = None, config: DecoderResponse = CONFIG):
        probed = {"predicted": (planes, mask), "reference": (-planes / 2, ~mask)}
        scene = Scene.of(SimpleNamespace(decoder=Decoder(CHANNELS)), item, 2)
        return probe(scene, probed, config, _row() if row is None else row)

    return make


def park_miller():
    """Box and Muller's normals from the stream of Park and Miller that begins at one."""
    seed = 1
    while True:
        uniform = []
        for _ in range(2):
            seed = seed * 16807 % (2**31 - 1)
            uniform.append(seed / (2**31 - 1))
        yield math.sqrt(-2 * math.log(uniform[0])) * math.cos(2 * math.pi * uniform[1])


def _white(draw: int) -> torch.Tensor:
    count = 3 * CHANNELS * SIDE**2
    values = islice(park_miller(), (draw - 1) * count, draw * count)
    return torch.tensor(list(values)).view(3, CHANNELS, SIDE, SIDE)


@pytest.fixture
def drawn(monkeypatch):
    """Has Python's noise filter the white field that the page draws."""

    def use(draw: int) -> None:
        white = _white(draw)
        monkeypatch.setattr(torch, "randn", lambda *arguments, **options: white.clone())

    return use


def test_it_carries_both_triplanes_and_their_masks_as_they_are(make_probe, planes, mask):
    figure = make_probe()
    back = unpack(Packed(figure.tensors, figure.data))
    step = float((planes.amax((-2, -1)) - planes.amin((-2, -1))).max()) / 255
    assert torch.allclose(back["predicted"], planes, atol=step)
    assert torch.allclose(back["reference"], -planes / 2, atol=step)
    assert torch.equal(back["predicted_mask"] > 0, mask)
    assert torch.equal(back["reference_mask"] > 0, ~mask)
    assert set(back) == {
        *("predicted", "reference", "predicted_mask", "reference_mask"),
        *Decoder(CHANNELS).state_dict(),
    }


def test_the_chapter_shows_its_object_in_the_views_of_the_record(make_chapter, quiet):
    chapter = make_chapter("C3", pd.DataFrame([_row(), _row(object="disc1")]))
    explorables.show_noise_probe(chapter)
    (figure,) = quiet
    back = unpack(Packed(figure.tensors, figure.data))
    for name, expected in (
        ("predicted", chapter.predicted),
        ("reference", chapter.oracle("predicted").planes),
    ):
        assert torch.allclose(back[name], expected, atol=float(expected.max() - expected.min()) / 255)
    views = Scene.of(chapter.model, chapter.item, chapter.configuration.views).views
    assert figure.content["views"]["cameras"] == views.cameras.tolist()
    assert figure.content["places"][0]["curves"][0]["values"] == pytest.approx(MEAN)


def test_the_curves_are_the_record_and_a_standard_deviation_to_both_sides(make_probe):
    content = make_probe().content
    assert [place["mask"] for place in content["places"]] == ["predicted_mask", "reference_mask", None]
    assert [place["planes"] for place in content["places"]] == ["predicted", "reference", "reference"]
    for number, place in enumerate(content["places"], start=1):
        mean, above, below = (np.array(curve["values"]) for curve in place["curves"])
        np.testing.assert_allclose(mean, number * np.array(MEAN))
        np.testing.assert_allclose(above - mean, SPREAD, atol=1e-8)
        np.testing.assert_allclose(mean - below, SPREAD, atol=1e-8)
    levels = [place["curves"][0]["name"] for place in content["places"]]
    assert f"at {CONFIG.level:g}" in levels[0]
    assert f"at {CONFIG.published_std:g}" in levels[2]


@pytest.mark.parametrize("row", [{}, _row(**{"audited.predicted.response": None})])
def test_without_a_record_there_is_no_curve(make_probe, row):
    assert make_probe(row).content["places"][0]["curves"] == []


@pytest.mark.parametrize("draw", [1, 2])
@pytest.mark.parametrize("band", [(0.0, 0.1), (0.2, 0.3), (0.9, 1.0)])
@pytest.mark.parametrize("masked", [True, False])
def test_the_noise_is_that_of_the_experiment(script_page, carry, make_probe, mask, drawn, draw, band, masked):
    figure = make_probe()
    carry("figure", figure)
    back = unpack(Packed(figure.tensors, figure.data))["predicted"]
    call = """([draw, band, masked]) => {
      const { predicted, predicted_mask } = figure.tensors, { shape, values } = predicted;
      const mask = masked ? predicted_mask.values : predicted_mask.values.map(() => 1);
      const spread = spreadInside(predicted, mask), std = spread.map((one) => (masked ? 0.15 * one : 0.5));
      const white = new Spectra({ shape, values: gaussian(values.length, (draw - 1) * values.length) });
      return [[...bandNoise(white, band, std, mask)], [...std]];
    }"""
    noise, std = script_page.evaluate(call, [draw, list(band), masked])
    own = torch.stack([plane[:, inside].std(-1, correction=0) for plane, inside in zip(back, mask, strict=True)])
    expected_std = 0.15 * own if masked else torch.full((3, CHANNELS), 0.5)
    np.testing.assert_allclose(np.reshape(std, (3, CHANNELS)), expected_std, rtol=1e-5)
    drawn(draw)
    (expected,) = band_noise(back, band, expected_std, torch.Generator(), mask if masked else None)
    found = torch.tensor(noise).view_as(expected)
    assert float((found - expected).abs().max()) < 1e-5 * float(back.max() - back.min())


def test_there_is_no_noise_where_nothing_is_read(script_page, carry, make_probe):
    carry("figure", make_probe())
    call = """() => {
      const { predicted } = figure.tensors, mask = figure.tensors.predicted_mask.values.map(() => 0);
      const std = spreadInside(predicted, mask), white = new Spectra(predicted);
      const noise = bandNoise(white, [0, 0.1], std, mask);
      return [[...std], [...noise], measuredResponse([], [], predicted.values, noise, std)];
    }"""
    std, noise, response = script_page.evaluate(call)
    assert not any(std)
    assert not any(noise)
    assert response is None


def test_h_is_that_of_the_experiment(script_page, carry, make_probe, mask, drawn):
    """With a renderer that adds up channels and bends the sums, in both languages."""
    figure = make_probe()
    carry("figure", figure)
    back = unpack(Packed(figure.tensors, figure.data))["predicted"]
    render = """(values) => [0, 1, 2].map((plane) => Float64Array.from({ length: 256 }, (_, texel) =>
      Math.tanh([0, 1, 2, 3].reduce((sum, channel) => sum + values[(4 * plane + channel) * 256 + texel], 0))))"""
    call = f"""(edges) => {{
      const {{ predicted, predicted_mask }} = figure.tensors, {{ shape, values }} = predicted, render = {render};
      const std = spreadInside(predicted, predicted_mask.values).map((one) => 0.15 * one);
      const white = new Spectra({{ shape, values: gaussian(values.length) }});
      return edges.slice(1).map((high, bin) => {{
        const noise = bandNoise(white, [edges[bin], high], std, predicted_mask.values);
        const after = values.map((value, at) => value + noise[at]);
        return measuredResponse(render(values), render(after), values, noise, std);
      }});
    }}"""
    found = script_page.evaluate(call, list(CONFIG.edges))
    drawn(1)
    expected = touched_response(lambda planes: planes.sum(1).tanh(), back, mask, CONFIG, 0.15, 1, 0)[0]
    np.testing.assert_allclose([each["h"] for each in found], expected, rtol=1e-4)
    size = float(
        (mask.sum((-2, -1))[:, None] * back.new_tensor(0.15).square() * _variances(back, mask)).sum().sqrt()
        / back.norm()
    )
    assert [each["planesChange"] for each in found] == pytest.approx([size] * CONFIG.bins, rel=1e-4)


def _variances(planes: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return torch.stack([plane[:, inside].var(-1, correction=0) for plane, inside in zip(planes, mask, strict=True)])
