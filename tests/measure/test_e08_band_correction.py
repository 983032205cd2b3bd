"""E8 on renderers that are matrices, on residuals of known spectrum, and on a tiny model."""

from dataclasses import replace
from math import inf, sqrt

import pytest
import torch

from lrm_core import LRM
from lrm_core.canonical import plain
from lrm_core.measure import correction_scores, e08_band_correction
from lrm_core.measure.correction_scores import Scene, make_scene
from lrm_core.measure.e08_band_correction import (
    BandCorrection,
    amplification,
    band_corrections,
    flat_improvement,
    residual_shares,
)
from lrm_core.measure.oracles import Oracle, OracleCache, predicted_planes
from lrm_core.objects import RenderedObject
from lrm_core.spectral import published_shares, split_bands

CONFIG = BandCorrection(cutoffs=(0.15, 0.3, 1.0), control_draws=2)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def pictures(planes: torch.Tensor) -> torch.Tensor:
    """The renderer that shows every texel once: channel c of the three planes is the image of view c."""
    return planes.transpose(0, 1)


def picture_scene(residual: torch.Tensor) -> Scene:
    """T_pred = residual and T_ref = 0 under `pictures`; ground truth lies elsewhere."""
    truth = 0.5 * noise(*pictures(residual).shape, seed=9)
    return make_scene(pictures, residual, torch.zeros_like(residual), truth)


@pytest.fixture
def pixels_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out SSIM and LPIPS, which take as long as all else."""
    for name in ("ssim", "lpips"):
        monkeypatch.setattr(correction_scores, name, lambda images, target: torch.zeros(len(images)))


def wave(cycles: int, size: int = 32) -> torch.Tensor:
    """One cosine along the rows, (3, 2, size, size)."""
    angle = torch.arange(size) * (2 * torch.pi * cycles / size)
    return angle.cos().expand(3, 2, size, size)


def test_scores_are_those_of_a_matrix() -> None:
    matrix = noise(2 * 3 * 32 * 32, 3 * 2 * 8 * 8, seed=1)
    predicted, residual = noise(3, 2, 8, 8, seed=2), noise(3, 2, 8, 8, seed=3)
    truth = matrix @ predicted.flatten() + 10 * noise(len(matrix), seed=4)
    scene = make_scene(
        lambda planes: (matrix @ planes.flatten()).view(2, 3, 32, 32),
        predicted,
        predicted - residual,
        truth.view(2, 3, 32, 32),
    )
    record = band_corrections(scene, CONFIG, 0)
    truth_error = matrix @ predicted.flatten() - truth
    for k, cutoff in enumerate(CONFIG.cutoffs):
        low, high = split_bands(residual, [0, cutoff, inf])
        for name, removed, left in (("low", low, high), ("high", high, low)):
            found = record["sweep"][name]
            l1 = (matrix @ left.flatten()).abs().mean()
            before = (matrix @ residual.flatten()).abs().mean()
            assert found["reference"]["l1"][k] == pytest.approx(float(l1), abs=1e-4)
            assert found["reference"]["improvement"][k] == pytest.approx(1 - float(l1 / before), abs=1e-4)
            l1 = (truth_error - matrix @ removed.flatten()).abs().mean()
            assert found["truth"]["l1"][k] == pytest.approx(float(l1), abs=1e-4)
            expected = 1 - float(l1 / truth_error.abs().mean())
            assert found["truth"]["improvement"][k] == pytest.approx(expected, abs=1e-4)
    mean_square = (matrix @ split_bands(residual, [0.3, inf])[0].flatten()).square().view(2, -1).mean(1)
    expected = float((-10 * mean_square.log10()).mean())
    assert record["corrections"]["low"]["reference"]["psnr"] == pytest.approx(expected, abs=1e-3)


def test_correcting_everything_leaves_no_error_and_nothing_all_of_it() -> None:
    scene = picture_scene(noise(3, 2, 32, 32))
    record = band_corrections(scene, CONFIG, 0)
    everything, nothing = (scene.scores(scene.corrected(k * scene.residual)) for k in (1, 0))
    assert everything["reference"] == {"l1": 0, "psnr": 100, "improvement": 1}
    assert record["oracle"]["reference"] == everything["reference"] | {"ssim": 1, "lpips": 0}
    assert everything["truth"].items() <= record["oracle"]["truth"].items()
    assert everything["truth"]["improvement"] > 0.3
    for target in ("reference", "truth"):
        assert nothing[target]["improvement"] == 0
        assert nothing[target].items() <= record["predicted"][target].items()
    assert record["predicted"]["reference"]["lpips"] > 0.1
    assert record["predicted"]["reference"]["ssim"] < 0.5


def test_shares_of_two_waves() -> None:
    residual = 3 * wave(2) + 4 * wave(10)
    assert residual_shares(residual, 0.3)["power"] == pytest.approx({"low": 0.36, "high": 0.64}, abs=1e-5)
    expected = {"low": 3 / 7, "high": 4 / 7}
    assert residual_shares(residual, 0.3)["amplitude"] == pytest.approx(expected, abs=1e-4)
    assert residual_shares(residual, 0.7)["power"] == pytest.approx({"low": 1, "high": 0}, abs=1e-5)


def test_control_adds_the_power_of_its_band_and_none_elsewhere(pixels_alone) -> None:
    """A residual that is all low: noise of the same power makes the error sqrt 2 as large."""
    residual = split_bands(noise(3, 40, 32, 32), [0, 0.3])[0]
    record = band_corrections(picture_scene(residual), replace(CONFIG, cutoffs=(0.3,)), 1)
    found = {name: scores["reference"]["improvement"] for name, scores in record["corrections"].items()}
    assert found["low"] == pytest.approx(1, abs=1e-4)
    assert found["control_low"] == pytest.approx(1 - sqrt(2), abs=0.03)
    assert found["high"] == pytest.approx(0, abs=1e-4)
    assert found["control_high"] == pytest.approx(0, abs=1e-4)
    margin = record["margin"]
    assert margin["low_minus_high"]["reference"] == pytest.approx(1, abs=1e-4)
    assert margin["low_minus_control"]["reference"] == pytest.approx(sqrt(2), abs=0.03)


def test_a_random_part_improves_a_flat_renderer_by_its_power_alone(pixels_alone) -> None:
    """There the error falls with the root of the power that is left, whatever the band that it was in."""
    steep = split_bands(noise(3, 40, 32, 32), [0, 0.3, inf]) * torch.tensor([3.0, 1.0]).view(2, 1, 1, 1, 1)
    record = band_corrections(picture_scene(steep.sum(0)), replace(CONFIG, cutoffs=(0.3,)), 0)
    found = {name: scores["reference"]["improvement"] for name, scores in record["corrections"].items()}
    for band, share in record["share"]["power"].items():
        assert found[f"random_{band}"] == pytest.approx(1 - sqrt(1 - share), abs=0.02)
    assert record["margin"]["low_minus_random"]["reference"] == pytest.approx(0, abs=0.02)


def test_a_flat_renderer_scores_its_closed_form(pixels_alone) -> None:
    steep = split_bands(noise(3, 40, 32, 32), [0, 0.3, inf]) * torch.tensor([3.0, 1.0]).view(2, 1, 1, 1, 1)
    record = band_corrections(picture_scene(steep.sum(0)), CONFIG, 0)
    p = record["share"]["power"]["low"]
    assert 0.3 < p < 0.5
    closed_form = (1 + sqrt(p)) / (1 + sqrt(1 - p))
    found = record["amplification"]
    assert found["flat_ratio"] == pytest.approx(closed_form, rel=1e-4)
    assert found["reference"]["ratio"] == pytest.approx(closed_form, rel=0.02)
    mixed = found["published_mixture"]
    assert mixed["ratio"] == pytest.approx(mixed["flat_ratio"], rel=0.04)
    assert mixed["ratio"] > 1.5 * closed_form  # audit A3: two cutoffs make an amplification of nothing


def test_the_published_mixture_takes_improvements_and_shares_at_different_cutoffs() -> None:
    residual = noise(3, 2, 32, 32) + 2 * wave(3)
    record = band_corrections(picture_scene(residual), CONFIG, 0)
    low, _, high = published_shares(residual).mean(0).tolist()  # below 0.15, and 0.4 to 1
    improved = {band: record["corrections"][band]["reference"]["improvement"] for band in ("low", "high")}
    expected = (improved["low"] / low) / (improved["high"] / high)
    assert record["amplification"]["published_mixture"]["ratio"] == pytest.approx(expected)
    low, high = (float(part.square().sum()) for part in split_bands(residual, [0, 0.3, inf]))
    for target in ("reference", "truth"):
        improved = {band: record["corrections"][band][target]["improvement"] for band in ("low", "high")}
        expected = (improved["low"] / low) / (improved["high"] / high)
        assert record["amplification"][target]["ratio"] == pytest.approx(expected, rel=1e-4)


def test_amplification_where_a_band_harms_or_is_empty() -> None:
    half = {"low": 0.5, "high": 0.5}
    harmful = amplification({"low": 0.4, "high": -0.1}, half)
    assert harmful["ratio"] is None
    assert harmful["low_minus_twice_high"] == pytest.approx(1.2)
    assert amplification({"low": -0.4, "high": -0.1}, half)["ratio"] is None
    assert amplification({"low": -0.4, "high": 0.1}, half)["ratio"] is None
    empty = amplification({"low": 0.4, "high": 0.0}, {"low": 1.0, "high": 0.0})
    assert empty == {"ratio": None, "low_minus_twice_high": None}
    assert flat_improvement({"low": 1 + 1e-7, "high": 0.0}) == {"low": 1, "high": 0}  # a share, rounded


def test_scenes_of_other_shapes_or_without_an_error_are_refused() -> None:
    planes = noise(3, 2, 32, 32)
    with pytest.raises(ValueError, match="differ from reference, found equal ones"):
        make_scene(pictures, planes, planes, noise(2, 3, 32, 32))
    with pytest.raises(ValueError, match="differ from truth"):
        make_scene(pictures, planes, 2 * planes, pictures(planes))
    with pytest.raises(ValueError, match=r"T_ref of shape \(3, 2, 32, 32\), found \(3, 1, 32, 32\)"):
        make_scene(pictures, planes, planes[:, :1], noise(2, 3, 32, 32))
    with pytest.raises(ValueError, match=r"ground truth of shape \(2, 3, 32, 32\), found \(1, 3, 32, 32\)"):
        make_scene(pictures, planes, 2 * planes, noise(1, 3, 32, 32))


def test_record_of_a_known_oracle(
    model: LRM, item: RenderedObject, cache: OracleCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    residual = 20 * split_bands(noise(3, 4, 16, 16), [0, 0.3])[0]
    known = {"predicted": Oracle(predicted_planes(model, item) - residual, {})}
    monkeypatch.setattr(correction_scores, "oracle", lambda model, item, start, *rest: known[start])
    record = plain(e08_band_correction.run(model, item, CONFIG, 0, cache))
    assert record["share"]["power"]["low"] == pytest.approx(1, abs=1e-5)
    improved = {name: scores["reference"]["improvement"] for name, scores in record["corrections"].items()}
    assert improved["low"] == pytest.approx(1, abs=1e-3)
    assert improved["high"] == pytest.approx(0, abs=1e-3)
    assert improved["control_low"] < 0.5
