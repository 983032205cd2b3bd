"""The camera mismatch: what it carries, its records, and its scaling and spectra in JavaScript against Python."""

from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from torch.nn.functional import grid_sample

from lrm_core.measure.e05_residual_spectrum import shares_summary
from lrm_core.measure.e17_source_distance import told_planes
from lrm_core.measure.metrics import BANDS
from lrm_core.model.lrm import Decoder
from lrm_core.page import explorables
from lrm_core.page.explorables.mixes import SCALES, mismatch
from lrm_core.page.explorables.widget import Scene
from lrm_core.page.viewer import Packed, unpack
from lrm_core.spectral import PUBLISHED_EDGES

FACTORS = (0.8, 1.0, 1.25)
AREAS = [0.64, 1.0, 1.44]  # of objects 0.8, 1 and 1.2 times as large
SIDE, CHANNELS = 16, 4


def _row(factors=FACTORS, **changes) -> dict:
    made = [None if factor == 1 else factor for factor in factors]
    row = {"object": "disc0", "seed": 0, "factors": list(factors)}
    entries = ("relative_size", *(f"{kind}_{band}" for kind in ("published", "power") for band in ("low", "high")))
    row |= {f"residual.{entry}": [2 * factor for factor in factors] for entry in entries}
    row |= {f"manufactured.{entry}": made for entry in entries}
    row |= {"images.l1": [0.1] * len(factors), "images.psnr": [20.0] * len(factors)}
    return row | {"images.area": AREAS} | changes


def _planes(seed: int) -> torch.Tensor:
    return torch.randn(3, CHANNELS, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


RIGHT = 5 * _planes(0)
TOLD = {factor: RIGHT + (factor - 1) * _planes(1) for factor in FACTORS}
REFERENCE = RIGHT - _planes(2)


@pytest.fixture
def make_figure(item):
    """The figure of these predictions by a record."""
    scene = Scene.of(SimpleNamespace(decoder=Decoder(CHANNELS)), item)
    return lambda row: mismatch(scene, TOLD, REFERENCE, 0.25, row)


@pytest.fixture
def figure(make_figure):
    return make_figure(_row())


def _states(figure) -> dict[str, dict]:
    return {preset["label"]: preset["state"] for preset in figure.content["presets"]}


def test_wrong_predictions_are_carried_as_what_they_differ_by(figure):
    back = unpack(Packed(figure.tensors, figure.data))
    assert {name for name in back if name.startswith("mismatch")} == {"mismatch0", "mismatch2"}
    for index, factor in ((0, 0.8), (2, 1.25)):
        difference = TOLD[factor] - RIGHT
        step = float((difference.amax((-2, -1)) - difference.amin((-2, -1))).max()) / 255
        assert float((back[f"mismatch{index}"] - difference).abs().max()) <= 0.51 * step


def test_the_chapter_tells_every_distance_of_the_experiment(make_chapter, quiet):
    chapter = make_chapter("C4", pd.DataFrame({"object": ["disc0"], "seed": [0]}))
    factors = (0.8, 0.9, 1.0, 1.1, 1.25)
    table = pd.DataFrame([_row(factors, **{"images.area": [1.0] * 5}), _row(factors, object="disc1")])
    explorables.show_camera_mismatch(table, chapter)
    (figure,) = quiet
    back = unpack(Packed(figure.tensors, figure.data))
    for index, factor in enumerate(factors):
        planes = back["predicted"] + (back[f"mismatch{index}"] if factor != 1 else 0)
        expected = told_planes(chapter.model, chapter.item, factor)
        assert torch.allclose(planes, expected, atol=2 * float(expected.max() - expected.min()) / 255)
    assert torch.allclose(back["predicted"] + back["correction"], chapter.oracle("predicted").planes, atol=0.05)
    assert figure.content["area"] == pytest.approx(float(chapter.item.masks[0].mean()))  # the same in all views
    assert figure.content["sliders"][0]["texts"] == [f"× {factor:g}" for factor in factors]
    assert len(figure.content["records"]) == len(factors)


def test_the_record_of_a_distance_is_its_entry_in_every_list(figure):
    for index, factor in enumerate(FACTORS):
        record = figure.content["records"][index]
        assert record["residual"] == {
            "size": 2 * factor,
            "amplitude": [2 * factor, None, 2 * factor],  # E17 keeps the low and the high band
            "power": [2 * factor, None, 2 * factor],
        }
        assert record["manufactured"]["size"] == (None if factor == 1 else factor)
        assert record["images"] == {"l1": 0.1, "psnr": 20.0, "area": AREAS[index]}


def test_a_pure_error_of_scale_has_the_recorded_size(figure):
    states = _states(figure)
    assert states["Told the truth"] == figure.content["start"] == {"told": 1, "scale": 1.0}
    assert states["Told × 0.8, not scaled"] == {"told": 0, "scale": 1.0}
    assert states["Told × 1.25, not scaled"] == {"told": 2, "scale": 1.0}
    assert states["Told the truth, made as large as told × 0.8"] == {"told": 1, "scale": 0.8}
    assert states["Told the truth, made as large as told × 1.25"] == {"told": 1, "scale": 1.2}
    assert states["Told × 0.8, made as large as told the truth"] == {"told": 0, "scale": 1.25}
    assert states["Told × 1.25, made as large as told the truth"] == {"told": 2, "scale": 0.85}


@pytest.mark.parametrize("areas", [None, [1.0, 0.0, 1.0]])
def test_without_recorded_areas_the_size_is_what_was_told(make_figure, areas):
    states = _states(make_figure(_row(**{"images.area": areas})))
    assert states["Told the truth, made as large as told × 1.25"] == {"told": 1, "scale": 1.25}


def scaled(planes: torch.Tensor, scale: float) -> torch.Tensor:
    """T(p / scale) at the texel centres, the outermost texels repeated outside."""
    centres = ((torch.arange(SIDE) + 0.5) * 2 / SIDE - 1) / scale
    rows, columns = torch.meshgrid(centres, centres, indexing="ij")
    grid = torch.stack([columns, rows], dim=-1).expand(3, -1, -1, -1)
    return grid_sample(planes, grid, mode="bilinear", padding_mode="border", align_corners=False)


@pytest.mark.parametrize("scale", [*SCALES[:2], 0.95, 1.0])
def test_scaled_planes_are_those_of_python(script_page, scale):
    planes = _planes(5)
    call = "([shape, values, scale]) => [...scaledPlanes({ shape, values: Float32Array.from(values) }, scale).values]"
    found = script_page.evaluate(call, [list(planes.shape), planes.flatten().tolist(), scale])
    expected = scaled(planes, scale)
    difference = (torch.tensor(found).view_as(expected) - expected).abs().max()
    assert float(difference) < 1e-5 * float(planes.max() - planes.min())
    assert scale == 1 or float((expected - planes).abs().max()) > 0.1


def test_the_spectrum_of_a_residual_is_that_of_the_records(script_page):
    residual, right = TOLD[0.8] - REFERENCE, RIGHT + 3
    call = """([shape, residual, right, edges]) => {
      const planes = { shape, values: Float32Array.from(right) };
      return residualSpectrum(shape, Float32Array.from(residual), edges, deviation(planes));
    }"""
    arguments = [
        list(residual.shape),
        residual.flatten().tolist(),
        right.flatten().tolist(),
        list(PUBLISHED_EDGES),
    ]
    found = script_page.evaluate(call, arguments)
    expected = shares_summary(residual)
    for measure, column in (("amplitude", "published"), ("power", "power")):
        assert found[measure] == pytest.approx([expected[column][band] for band in BANDS], abs=1e-6)
    size = float(residual.norm() / (right - right.mean((-2, -1), keepdim=True)).norm())
    assert found["size"] == pytest.approx(size, rel=1e-5)
