"""E11 on predictions whose calibration is known, and on a tiny model."""

from functools import partial

import pytest
import tiny_measure
import torch

from lrm_core.canonical import plain
from lrm_core.measure.correction_scores import Scene, calibrations, make_scene
from lrm_core.spectral.corrections import KINDS, Moments, calibrate, moments

EVERYWHERE = torch.ones(3, 16, 16, dtype=torch.bool)


noise = partial(tiny_measure.noise, channels=2)


def shown(predicted: torch.Tensor, reference: torch.Tensor) -> Scene:
    """Rendered by showing every texel once; ground truth is the reference a little brighter."""

    def render(planes: torch.Tensor) -> torch.Tensor:
        return planes.transpose(0, 1)

    return make_scene(render, predicted, reference, render(reference) + 0.01)


def test_a_scaled_prediction_is_repaired_by_its_scale():
    reference = noise()
    record = plain(calibrations(shown(2 * reference, reference), EVERYWHERE))
    for fit in ("everywhere", "matter"):
        for kind in KINDS:
            found = record[fit][kind]
            assert found["removed"] == pytest.approx(1)
            assert found["images"]["reference"]["improvement"] == pytest.approx(1, abs=1e-4)
            assert found["even"]["reference"]["improvement"] == pytest.approx(1, abs=1e-3)
            assert found["scale"]["mean"] == pytest.approx(0.5)
            assert found["scale"]["std"] == pytest.approx(0, abs=1e-6)
    assert [record["matter"][kind]["parameters"] for kind in KINDS] == [1, 6, 12]
    assert record["matter"]["touched"] == 1


def test_a_shift_needs_an_affine_calibration():
    reference = noise() - noise().mean((-2, -1), keepdim=True)
    record = calibrations(shown(reference + 2, reference), EVERYWHERE)["everywhere"]
    assert record["channel_affine"]["removed"] == pytest.approx(1)
    assert record["channel_affine"]["offset"] == pytest.approx(-2, abs=1e-5)
    # the best scale of r + 2 to r, with v = var r: v / (v + 4); it leaves v - v^2 / (v + 4) of 4
    v = reference.square().mean((-2, -1)).double()
    expected = 1 - float((v - v.square() / (v + 4)).sum() / (4 * v.numel()))
    assert record["channel_scale"]["removed"] == pytest.approx(expected, abs=1e-4)
    assert record["scale"]["removed"] < record["channel_affine"]["removed"]


def test_images_are_scored_as_they_are():
    reference, predicted = noise(), noise() + 0.5 * noise(1)
    scene = shown(predicted, reference)
    record = calibrations(scene, EVERYWHERE)["everywhere"]
    for kind in KINDS:
        repaired = calibrate(moments(predicted, reference), kind).apply(predicted)
        expected = 1 - float((repaired - reference).abs().mean() / (predicted - reference).abs().mean())
        assert record[kind]["images"]["reference"]["improvement"] == pytest.approx(expected, abs=1e-4)
        removed = record[kind]["removed"]
        even = 1 - (1 - removed) ** 0.5  # of a linear renderer the step towards the reference
        assert record[kind]["even"]["reference"]["improvement"] == pytest.approx(even, abs=1e-4)
        assert set(record[kind]["images"]) == {"reference", "truth"}


def test_the_mask_decides_what_is_fitted():
    mask = EVERYWHERE & (torch.arange(16) < 8)
    reference = noise()
    predicted = reference * torch.where(mask, 2.0, -1.0)[:, None]
    record = plain(calibrations(shown(predicted, reference), mask))
    assert record["matter"]["scale"]["removed"] == pytest.approx(1)
    assert record["matter"]["scale"]["scale"]["mean"] == pytest.approx(0.5)
    assert record["everywhere"]["scale"]["removed"] < 0.9
    assert record["matter"]["touched"] == 0.5
    kept = record["moments"]["matter"]
    again = Moments(**{name: torch.tensor(values, dtype=torch.float64) for name, values in kept.items()})
    assert calibrate(again, "scale").scale.unique().tolist() == pytest.approx([0.5], abs=1e-5)


@pytest.mark.parametrize("rows", [0, 1])
def test_without_texels_of_each_plane_there_is_nothing_to_fit_in_matter(rows):
    mask = torch.zeros_like(EVERYWHERE)
    mask[0, :rows] = True
    record = plain(calibrations(shown(noise(), noise(1)), mask))
    assert record["moments"] == {}
    assert record["matter"]["touched"] == pytest.approx(rows / 48, abs=1e-6)
    assert record["matter"]["scale"]["removed"] is None
    assert set(record["matter"]) == {*record["everywhere"], "touched"}
