"""E18: each length is the fit that all experiments share, and its spectrum is that of E5."""

from types import SimpleNamespace

import pytest
import torch

from lrm_core.measure import e01_oracle, e05_residual_spectrum
from lrm_core.measure.e01_oracle import OracleLength, quality, run_lengths
from lrm_core.measure.oracles import OracleConfig, predicted_planes
from lrm_core.spectral import split_bands

FIT = OracleConfig(iterations=4, lr=0.05, rays_per_step=64)


def test_the_usual_length_is_what_e5_measures(model, item, cache):
    found = run_lengths(model, item, OracleLength(FIT, factors=(0.5, 1, 2)), 0, cache)
    spectrum = e05_residual_spectrum.run(model, item, e05_residual_spectrum.ResidualSpectrum(FIT), 0, cache)
    assert found["steps"] == [2, 4, 8]
    for measure in ("published", "power"):
        assert found[measure]["high"][1] == spectrum["predicted"][measure]["high"]
    assert found["floor"]["all"][1] == spectrum["floor"]["all"]
    assert found["displacement"][0] < found["displacement"][2]


def test_lists_follow_the_oracles(model, item, monkeypatch):
    predicted = predicted_planes(model, item)
    noise = torch.randn(predicted.shape, generator=torch.Generator().manual_seed(1))
    low, _, high = split_bands(noise, [0, 0.15, 0.4, 2])

    def shifted(model, item, start, config, seed, cache):
        part = 0.1 * low if start == "null" else (low if config.iterations == 4 else high)
        return SimpleNamespace(planes=predicted - part)

    monkeypatch.setattr(e01_oracle, "oracle", shifted)
    found = run_lengths(model, item, OracleLength(FIT, factors=(1, 2)), 0, None)
    assert found["power"]["low"] == pytest.approx([1, 0], abs=1e-4)
    assert found["power"]["high"] == pytest.approx([0, 1], abs=1e-4)
    assert found["floor"]["low"][0] == pytest.approx(0.01, rel=1e-3)
    assert found["displacement"] == pytest.approx([float(low.norm()), float(high.norm())], rel=1e-4)
    assert found["null_displacement"] == pytest.approx([0.1 * float(low.norm())] * 2, rel=1e-4)
    assert found["published_rate"]["power"]["low"] == pytest.approx(1, abs=1e-4)  # of the usual length
    scores = [quality(model, predicted - part, item)["heldout_psnr"] for part in (low, high)]
    assert found["missing"] == pytest.approx([scores[1] - scores[0], 0], abs=1e-4)
