"""What the benches compute, against plain references, and how they follow what is set, without a browser."""

import re

import numpy as np
import pytest
import torch
from tiny_folder import SIZE

from lrm_core.evidence.experiments.e05_residual_spectrum import shares_summary
from lrm_core.evidence.metrics import BANDS
from lrm_core.evidence.oracles import oracle, predicted_planes
from lrm_core.objects import load_object
from lrm_core.render import render_views
from lrm_core.show.elements.prose import number, percent
from lrm_core.show.kernel import band_correction_bench, band_table, correct_band, residual_spectrum_bench
from lrm_core.show.kernel import residual_spectrum as spectrum_module
from lrm_core.spectral import PUBLISHED_EDGES, band_shares

MAKERS = pytest.mark.parametrize("make", [band_correction_bench, residual_spectrum_bench])


@pytest.fixture
def scene(fitted):
    return fitted.subject("", "", "bowl").scene


def _ref_part(residual, low, high):
    """A band of planes by numpy, one plane after the other."""
    radius = np.hypot(*np.meshgrid(*[2 * np.fft.fftfreq(residual.shape[-1])] * 2)).round(9)
    mask = (radius >= low) & (radius < high)
    planes = [
        np.fft.ifft2(np.fft.fft2(plane) * mask).real for plane in residual.flatten(0, 1).double().numpy()
    ]
    return torch.tensor(np.stack(planes)).reshape(residual.shape).float()


@pytest.mark.parametrize(("band", "edges"), [("low", (0, 0.3)), ("high", (0.3, np.inf))])
def test_a_band_is_corrected_as_by_a_plain_computation(fitted, disk, scene, band, edges):
    item = load_object(disk / "profile" / "bowl")
    predicted = predicted_planes(fitted.model, item)
    residual = predicted - oracle(fitted.model, item, "predicted", fitted.config, 0).planes
    part = _ref_part(residual, *edges)
    views = item.views([3, 7])
    with torch.no_grad():
        images = render_views(
            (predicted - part)[None], fitted.model.decoder, views.cameras[None], SIZE, samples_per_ray=8
        ).rgb[0]
    found = correct_band(scene, band, 0.3)
    torch.testing.assert_close(found.images, images, atol=1e-4, rtol=0)
    truth = found.after["truth"]
    assert truth["l1"] == pytest.approx(float((images - views.images).abs().mean()), rel=1e-3)
    mse = (images - views.images).square().mean((1, 2, 3))
    assert truth["psnr"] == pytest.approx(float((-10 * mse.log10()).mean()), abs=1e-2)
    assert found.share == pytest.approx(float(part.square().sum() / residual.square().sum()), rel=1e-4)
    assert 0.01 < found.share < 0.99
    assert found.before["truth"]["improvement"] == 0


def test_all_bands_together_are_the_oracle(scene):
    found = correct_band(scene, "low", 2.0)
    torch.testing.assert_close(found.images, scene.targets["reference"], atol=1e-4, rtol=0)
    assert found.share == pytest.approx(1)
    assert found.after["reference"]["improvement"] > 0.99


def test_shares_are_means_of_those_of_each_channel():
    residual = torch.randn(3, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    residual *= torch.linspace(0.1, 2, 12).reshape(3, 4, 1, 1)
    found = band_table(residual, 0.2, 0.6)
    power = band_shares(residual, (0, 0.2, 0.6, np.inf))
    weight = residual.square().sum((-2, -1), keepdim=True)[..., 0]
    expected = (power * weight).sum((0, 1)) / weight.sum()
    assert [found["power"][band] for band in BANDS] == pytest.approx(expected.tolist(), rel=1e-5)
    amplitude = band_shares(residual, (0, 0.2, 0.6, 1), "amplitude")
    weight = torch.fft.fft2(residual).abs().sum((-2, -1))[..., None]
    expected = ((amplitude * weight).sum(1) / weight.sum(1)).mean(0)
    assert [found["amplitude"][band] for band in BANDS] == pytest.approx(expected.tolist(), rel=1e-5)
    assert sum(found["amplitude"].values()) == pytest.approx(1)
    assert found["amplitude"][spectrum_module.CORNERS] > 0.1
    assert found["power"][spectrum_module.CORNERS] == pytest.approx(0, abs=1e-6)


def test_at_the_published_cutoffs_the_shares_are_those_of_the_records(fitted):
    residual = fitted.subject("", "", "cup").residual
    found, recorded = band_table(residual, *PUBLISHED_EDGES[1:3]), shares_summary(residual)
    for measure, name in (("power", "power"), ("amplitude", "published")):
        for band in BANDS:
            assert found[measure][band] == pytest.approx(recorded[name][band])


def test_moving_the_cutoff_draws_the_correction_at_it(fitted, scene):
    bench = band_correction_bench(fitted)
    bench.refresh()
    first = bench.result.value
    assert first.count("<img") == 2 * 4
    for band, cutoff in (("low", 0.6), ("high", 0.6)):
        bench.choose({"band": band, "cutoff": cutoff})
        found = correct_band(scene, band, cutoff)
        assert f"Corrected: {percent(found.share)} of the residual" in bench.result.value
        assert f"<td>{number(found.after['truth']['l1'], 4)}</td>" in bench.result.value
        assert f"bowl, held-out view 2: {band} band corrected" in bench.result.value
    bench.controls["band"].value = "low"
    bench.controls["cutoff"].value = 0.3
    assert bench.result.value == first
    assert bench.message.value == ""


def test_the_spectrum_follows_its_cutoffs(fitted):
    bench = residual_spectrum_bench(fitted)
    bench.refresh()
    bench.controls["cutoffs"].value = (0.3, 0.6)
    found = band_table(fitted.subject("", "", "bowl").residual, 0.3, 0.6)
    assert f"<td>{percent(found['power']['mid'])}</td>" in bench.result.value
    widths = [float(width) for width in re.findall(r"width:([\d.]+)%", bench.result.value)]
    assert widths[:3] == pytest.approx([100 * found["power"][band] for band in BANDS], abs=0.01)
    assert sum(widths) == pytest.approx(200, abs=0.1)


def test_cutoffs_that_meet_are_refused(fitted):
    bench = residual_spectrum_bench(fitted)
    bench.controls["cutoffs"].value = (0.5, 0.5)
    assert "expected at least two increasing radii" in bench.message.value
    assert bench.result.value == ""


@MAKERS
def test_every_button_of_published_values_sets_all_and_draws_once(fitted, make):
    bench, drawn = make(fitted), []
    bench._draw = lambda subject, **values: drawn.append(values) or "drawn"
    buttons = bench.children[len(bench.controls) + 3].children
    for button in buttons:
        button.click()
    assert len(drawn) == len(buttons)
    expected = {
        band_correction_bench: [("low", 0.3), ("high", 0.3), ("low", 0.15), ("high", 0.4)],
        residual_spectrum_bench: [((0.15, 0.4),)],
    }
    assert [tuple(values.values()) for values in drawn] == expected[make]


@MAKERS
def test_another_object_is_drawn_when_it_is_picked(fitted, make):
    bench = make(fitted)
    bench.refresh()
    first = bench.result.value
    assert bench.object_picker.options == ("bowl", "cup")
    bench.object_picker.value = "cup"
    assert bench.result.value not in ("", first)
