"""E5 on residuals of known spectrum."""

from math import inf

import pytest
import torch
from tiny_measure import noise

from lrm_core import LRM
from lrm_core.canonical import plain
from lrm_core.fit.oracle import OracleFit
from lrm_core.measure import e05_residual_spectrum
from lrm_core.measure.e05_residual_spectrum import ResidualSpectrum, invisible_dc_share, noise_floor, spectrum_summary
from lrm_core.measure.oracles import predicted_planes
from lrm_core.spectral import published_shares, split_bands


def band(index: int, seed: int = 0) -> torch.Tensor:
    """Noise in one of the published bands, corners in the last."""
    return split_bands(noise(seed), [0, 0.15, 0.4, inf])[index]


def test_summary_carries_both_definitions():
    parts = [weight * band(k) / band(k).norm() for k, weight in enumerate((0.8, 0.6, 0.0))]
    power = spectrum_summary(sum(parts))["power"]  # that was put in
    assert power == pytest.approx({"low": 0.64, "mid": 0.36, "high": 0, "high_minus_low": -0.64}, abs=1e-5)
    flat = torch.ones(3, 4, 16, 16) * noise()[:, :, :1, :1]
    assert spectrum_summary(flat + 1e-4 * noise(1))["dc"] == pytest.approx(1, abs=1e-4)
    coarse = noise()[..., :8, :8].repeat_interleave(2, -1).repeat_interleave(2, -2)
    assert spectrum_summary(coarse)["block_grid"] == pytest.approx(0, abs=1e-5)
    residual = noise(3)
    found = spectrum_summary(residual)
    expected = published_shares(residual).mean(0)
    assert [found["published"][name] for name in ("low", "mid", "high")] == pytest.approx(expected.tolist())
    assert found["published"]["sum"] < 0.9
    assert sum(found["power"][name] for name in ("low", "mid", "high")) == pytest.approx(1)
    assert found["density"]["high_over_low"] == pytest.approx(1, abs=0.4)
    assert abs(found["power_law"]["exponent"]) < 0.4
    assert found["block_grid"] == pytest.approx(0.75, abs=0.05)


def test_a_wave_lies_in_its_tenth_and_the_corners_in_none():
    residual = split_bands(noise(2, size=32), [0, 0.4, 0.5, 1.0, inf])
    (tenth,) = (spectrum_summary(residual[1])["bins"] > 1e-3).nonzero()
    assert tenth.tolist() == [4]
    assert float(spectrum_summary(residual[3])["bins"].sum()) == pytest.approx(0, abs=1e-4)
    whole = spectrum_summary(residual.sum(0))
    assert float(whole["bins"].sum()) == pytest.approx(whole["published"]["sum"], abs=1e-4)


def test_a_zero_residual_has_no_spectrum_but_a_record():
    found = plain(spectrum_summary(torch.zeros(3, 4, 16, 16)))
    assert found["rms"] == 0
    assert found["power"]["high"] is None
    assert found["power_law"] is None


def test_noise_floor_per_band():
    residual = sum(band(k) / band(k).norm() for k in range(3))
    null = 0.5 * band(2, seed=1) / band(2, seed=1).norm()
    floor = noise_floor(null, residual)
    assert [floor[name] for name in ("low", "mid", "high")] == pytest.approx([0, 0, 0.25], abs=1e-5)
    assert floor["all"] == pytest.approx(0.25 / 3, abs=1e-5)


def test_invisible_dc(model):
    seen = model.decoder.net[0].weight[0].view(3, 4, 1, 1).expand(3, 4, 16, 16)
    assert invisible_dc_share(seen, model) == pytest.approx(0, abs=1e-5)
    assert invisible_dc_share(torch.zeros(3, 4, 16, 16), model) is None
    blind = LRM(model.config).requires_grad_(False)
    blind.decoder.net[0].weight[:, 5] = 0
    unseen = torch.zeros(3, 4, 16, 16)
    unseen[1, 1], unseen[0, 0] = 2.0, 1.0  # number 5 of the 12 channel means, and number 0
    assert invisible_dc_share(unseen, blind) == pytest.approx(0.8, abs=1e-4)


def test_record_of_known_oracles(model, item, cache, monkeypatch):
    predicted = predicted_planes(model, item)
    half = torch.arange(16).expand(3, 16, 16) < 8
    fitted = {
        "predicted": OracleFit(predicted - band(0), {}),
        "random": OracleFit(predicted - torch.where(half[:, None], band(0), noise(7)), {}),
        "null": OracleFit(predicted, {}),
    }
    monkeypatch.setattr(e05_residual_spectrum, "matter_texels", lambda model, planes: half)
    monkeypatch.setattr(e05_residual_spectrum, "oracle", lambda model, item, start, *rest: fitted[start])
    record = plain(e05_residual_spectrum.run(model, item, ResidualSpectrum(), 0, cache))
    assert record["predicted"]["power"]["low"] == pytest.approx(1, abs=1e-4)
    assert record["random"]["matter"] == record["predicted"]["matter"]
    assert record["random"]["power"]["low"] < 0.5
    assert record["null"]["relative_size"] == 0
    assert record["floor"]["all"] == 0
    assert record["white_noise"]["power"]["high"] > 0.8
    assert record["white_noise"]["published"]["high"] == pytest.approx(
        float(published_shares(noise(0, channels=400))[..., 2].mean()), abs=0.01
    )
    assert len(record["predicted"]["profile"]) == 8
