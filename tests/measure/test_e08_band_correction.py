"""E8 and E9 on renderers that are matrices, on residuals of known parts, and on a tiny model."""

from dataclasses import replace
from math import inf, sqrt

import pytest
import torch

from lrm_core.canonical import plain
from lrm_core.fit.oracle import OracleFit
from lrm_core.measure import e08_band_correction, oracles
from lrm_core.measure.correction_scores import Scene, make_scene
from lrm_core.measure.e08_band_correction import (
    BandCorrection,
    amplification,
    band_corrections,
    corrections,
    flat_improvement,
    low_band,
)
from lrm_core.measure.metrics import METRICS
from lrm_core.measure.oracles import predicted_planes
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
def pixels_alone(monkeypatch):
    """Leaves out SSIM and LPIPS, which take as long as all else."""
    for name in ("ssim", "lpips"):
        monkeypatch.setitem(METRICS, name, lambda images, target: torch.zeros(len(images)))


def wave(cycles: int, size: int = 32) -> torch.Tensor:
    """One cosine along the rows, (3, 2, size, size)."""
    angle = torch.arange(size) * (2 * torch.pi * cycles / size)
    return angle.cos().expand(3, 2, size, size)


def test_scores_are_those_of_a_matrix():
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


def test_correcting_everything_leaves_no_error_and_nothing_all_of_it():
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


def test_control_adds_the_power_of_its_band_and_none_elsewhere(pixels_alone):
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


def test_a_flat_renderer_scores_its_closed_form(pixels_alone):
    """There the error falls with the root of the power that is left, whatever the band that it was in."""
    steep = split_bands(noise(3, 40, 32, 32), [0, 0.3, inf]) * torch.tensor([3.0, 1.0]).view(2, 1, 1, 1, 1)
    record = band_corrections(picture_scene(steep.sum(0)), CONFIG, 0)
    power = record["share"]["power"]
    for band, share in power.items():
        improved = record["corrections"][f"random_{band}"]["reference"]["improvement"]
        assert improved == pytest.approx(1 - sqrt(1 - share), abs=0.02)
    assert record["margin"]["low_minus_random"]["reference"] == pytest.approx(0, abs=0.02)
    assert 0.3 < power["low"] < 0.5
    closed_form = (1 + sqrt(power["low"])) / (1 + sqrt(power["high"]))
    found = record["amplification"]
    assert found["flat_ratio"] == pytest.approx(closed_form, rel=1e-4)
    assert found["reference"]["ratio"] == pytest.approx(closed_form, rel=0.02)
    mixed = found["published_mixture"]
    assert mixed["ratio"] == pytest.approx(mixed["flat_ratio"], rel=0.04)
    assert mixed["ratio"] > 1.5 * closed_form  # audit A3: two cutoffs make an amplification of nothing


def test_the_published_mixture_takes_improvements_and_shares_at_different_cutoffs():
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


@pytest.mark.parametrize(
    ("improved", "low_share", "margin"),
    [((0.4, -0.1), 0.5, 1.2), ((-0.4, -0.1), 0.5, -0.4), ((-0.4, 0.1), 0.5, -1.2), ((0.4, 0.0), 1.0, None)],
)
def test_there_is_no_amplification_where_a_band_harms_or_is_empty(improved, low_share, margin):
    share = {"low": low_share, "high": 1 - low_share}
    found = amplification(dict(zip(share, improved, strict=True)), share)
    assert found == {"ratio": None, "low_minus_twice_high": pytest.approx(margin)}
    assert flat_improvement({"low": 1 + 1e-7, "high": 0.0}) == {"low": 1, "high": 0}  # a share, rounded


@pytest.mark.parametrize(
    ("reference", "truth", "said"),
    [
        (lambda x: x, noise(2, 3, 32, 32), "differ from reference, found equal ones"),
        (lambda x: 2 * x, pictures(noise(3, 2, 32, 32)), "differ from truth"),
        (lambda x: x[:, :1], noise(2, 3, 32, 32), r"T_ref of shape \(3, 2, 32, 32\), found \(3, 1, 32, 32\)"),
        (lambda x: 2 * x, noise(1, 3, 32, 32), r"ground truth of shape \(2, 3, .*, found \(1, 3, 32, 32\)"),
    ],
)
def test_scenes_of_other_shapes_or_without_an_error_are_refused(reference, truth, said):
    planes = noise(3, 2, 32, 32)
    with pytest.raises(ValueError, match=said):
        make_scene(pictures, planes, reference(planes), truth)


def test_record_of_a_known_oracle(model, item, cache, monkeypatch):
    residual = 20 * split_bands(noise(3, 4, 16, 16), [0, 0.3])[0]
    known = {"predicted": OracleFit(predicted_planes(model, item) - residual, {})}
    monkeypatch.setattr(oracles, "oracle", lambda model, item, start, *rest: known[start])
    record = plain(e08_band_correction.run(model, item, CONFIG, 0, cache))
    assert record["share"]["power"]["low"] == pytest.approx(1, abs=1e-5)
    improved = {name: scores["reference"]["improvement"] for name, scores in record["corrections"].items()}
    assert improved["low"] == pytest.approx(1, abs=1e-3)
    assert improved["high"] == pytest.approx(0, abs=1e-3)
    assert improved["control_low"] < 0.5


def test_parts_of_the_low_band_add_up_and_so_do_their_numbers():
    residual = noise(3, 4, 16, 16) + 2
    dc, structured, low, high, everything = corrections(residual, 0.3).values()
    torch.testing.assert_close(dc[0] + structured[0], low[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(low[0] + high[0], residual, atol=1e-5, rtol=0)
    torch.testing.assert_close(everything[0], residual)
    torch.testing.assert_close(dc[0], residual.mean((-2, -1), keepdim=True).expand_as(residual))
    assert dc[1] == 12
    assert low[1] == 12 * 21  # DFT indices inside a circle of 2.4 cycles
    assert dc[1] + structured[1] == low[1]
    assert low[1] + high[1] == everything[1] == residual.numel()


def test_scores_of_a_residual_of_known_parts():
    """Shift 1, low wave of amplitude 1, high wave of amplitude 2, seen texel by texel."""
    parts = {"dc": torch.ones(3, 2, 32, 32), "structured_low": wave(2)}
    parts |= {"low": sum(parts.values()), "high": 2 * wave(10)}
    residual = parts["low"] + parts["high"]
    parts["all"] = residual
    scene = picture_scene(residual)
    record, powers = low_band(scene, 0.3), {"dc": 1, "structured_low": 0.5, "low": 1.5, "high": 2, "all": 3.5}
    assert list(record["corrections"]) == list(parts)
    for name, found in record["corrections"].items():
        for target, image in scene.targets.items():
            left, before = (pictures(planes) - image for planes in (residual - parts[name], residual))
            expected = 1 - float(left.abs().mean() / before.abs().mean())
            assert found[target]["improvement"] == pytest.approx(expected, abs=1e-5)
            assert set(found[target]) == {"l1", "psnr", "ssim", "lpips", "improvement"}
        assert found["power_share"] == pytest.approx(powers[name] / 3.5, abs=1e-5)
    assert record["predicted"]["reference"]["improvement"] == 0
    for target, margin in record["margin"]["structured_minus_twice_dc"].items():
        of = {name: found[target]["improvement"] for name, found in record["corrections"].items()}
        assert margin == pytest.approx(of["structured_low"] - 2 * of["dc"])
