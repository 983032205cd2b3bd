"""E9 on residuals whose parts are known, and on a tiny model."""

import pytest
import torch

from lrm_core import LRM
from lrm_core.canonical import plain
from lrm_core.measure import correction_scores, e09_low_band
from lrm_core.measure.correction_scores import Scene, make_scene
from lrm_core.measure.e09_low_band import LowBand, corrections, low_band
from lrm_core.measure.oracles import Oracle, OracleCache, predicted_planes
from lrm_core.objects import RenderedObject

NAMES = ["dc", "structured_low", "low", "high", "all"]


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def picture_scene(residual: torch.Tensor) -> Scene:
    """T_pred = residual and T_ref = 0, rendered by showing every texel once; ground truth is constant."""
    truth = torch.full_like(residual.transpose(0, 1), 0.25)
    return make_scene(lambda planes: planes.transpose(0, 1), residual, torch.zeros_like(residual), truth)


def waves(cycles: int, size: int = 32) -> torch.Tensor:
    """One cosine along the rows, (3, 2, size, size)."""
    return (torch.arange(size) * (2 * torch.pi * cycles / size)).cos().expand(3, 2, size, size)


def test_parts_add_up_and_so_do_their_numbers() -> None:
    residual = noise(3, 4, 16, 16) + 2
    parts = corrections(residual, 0.3)
    assert list(parts) == NAMES
    dc, structured, low, high, everything = parts.values()
    torch.testing.assert_close(dc.part + structured.part, low.part, atol=1e-5, rtol=0)
    torch.testing.assert_close(low.part + high.part, residual, atol=1e-5, rtol=0)
    torch.testing.assert_close(everything.part, residual)
    torch.testing.assert_close(dc.part, residual.mean((-2, -1), keepdim=True).expand_as(residual))
    assert dc.numbers == 12
    assert low.numbers == 12 * 21  # DFT indices inside a circle of 2.4 cycles
    assert dc.numbers + structured.numbers == low.numbers
    assert low.numbers + high.numbers == everything.numbers == residual.numel()


def test_scores_of_a_residual_of_known_parts() -> None:
    """Shift 1, low wave of amplitude 1, high wave of amplitude 2, seen texel by texel."""
    parts = {"dc": torch.ones(3, 2, 32, 32), "structured_low": waves(2), "high": 2 * waves(10)}
    residual = sum(parts.values())
    parts |= {"low": parts["dc"] + parts["structured_low"], "all": residual}
    record = low_band(picture_scene(residual), 0.3)
    assert list(record["corrections"]) == NAMES
    powers = {"dc": 1, "structured_low": 0.5, "low": 1.5, "high": 2, "all": 3.5}
    for name, found in record["corrections"].items():
        left = residual - parts[name]
        expected = 1 - float(left.abs().mean() / residual.abs().mean())
        assert found["reference"]["improvement"] == pytest.approx(expected, abs=1e-5)
        expected = 1 - float((left - 0.25).abs().mean() / (residual - 0.25).abs().mean())
        assert found["truth"]["improvement"] == pytest.approx(expected, abs=1e-5)
        assert found["power_share"] == pytest.approx(powers[name] / 3.5, abs=1e-5)
        assert set(found["truth"]) == {"l1", "psnr", "ssim", "lpips", "improvement"}
    assert record["corrections"]["all"]["reference"]["improvement"] == pytest.approx(1, abs=1e-6)
    assert record["predicted"]["reference"]["improvement"] == 0
    for target, margin in record["margin"]["structured_minus_twice_dc"].items():
        of = {name: record["corrections"][name][target]["improvement"] for name in NAMES}
        assert margin == pytest.approx(of["structured_low"] - 2 * of["dc"])


def test_record_of_a_known_oracle(
    model: LRM, item: RenderedObject, cache: OracleCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    shift = noise(3, 4, 1, 1).expand(3, 4, 16, 16)
    known = {"predicted": Oracle(predicted_planes(model, item) - shift, {})}
    monkeypatch.setattr(correction_scores, "oracle", lambda model, item, start, *rest: known[start])
    record = plain(e09_low_band.run(model, item, LowBand(), 0, cache))
    improved = {name: scores["reference"]["improvement"] for name, scores in record["corrections"].items()}
    expected = {"dc": 1, "structured_low": 0, "low": 1, "high": 0, "all": 1}
    assert improved == pytest.approx(expected, abs=1e-3)
    assert record["corrections"]["dc"]["power_share"] == pytest.approx(1, abs=1e-5)
    assert record["corrections"]["low"]["numbers"] == 12 * 21
