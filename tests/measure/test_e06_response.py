"""E6 with renderers whose transfer function is known, on a tiny model, and the rule of C3."""

from dataclasses import replace
from itertools import pairwise
from math import exp, pi

import pytest
import torch
from tiny_measure import noise

from lrm_core.canonical import blank, plain
from lrm_core.fit.oracle import OracleFit
from lrm_core.measure import e06_response, geometry, oracles
from lrm_core.measure.e06_response import DecoderResponse, audited_summary, level_sweep, response_summary, run
from lrm_core.measure.oracles import OracleConfig
from lrm_core.spectral import lookup_response
from lrm_core.spectral.bands import frequency_radius
from lrm_core.spectral.response import mask_leakage

SHORT = OracleConfig(iterations=4, rays_per_step=64)
CONFIG = DecoderResponse(oracle=SHORT, views=1, levels=(0.05, 0.15), draws=2)
EDGES = CONFIG.edges
ALL = torch.ones(3, 16, 16, dtype=torch.bool)


def low_pass(planes: torch.Tensor) -> torch.Tensor:
    """A linear renderer with the gain exp(-2 f)."""
    gain = (-2 * frequency_radius(*planes.shape[-2:])).exp().to(planes)
    return torch.fft.ifft2(torch.fft.fft2(planes) * gain).real


def test_summary_of_a_low_pass():
    """H = exp(-2 f) at the centres of the bins, in two draws that differ by a factor of 3."""
    curve = [exp(-2 * (k + 0.5) / 10) for k in range(10)]
    found = response_summary(torch.tensor([curve, [3 * x for x in curve]]), EDGES)
    assert found["response"] == pytest.approx([2 * x for x in curve])
    assert found["bin_shares"] == pytest.approx([x / sum(curve) for x in curve])
    low, mid, high = sum(curve[:3]), sum(curve[3:6]), sum(curve[6:])
    whole = low + mid + high
    assert found["shares"] == pytest.approx({"low": low / whole, "mid": mid / whole, "high": high / whole})
    means = low / 3, mid / 3, high / 4
    expected = {"low": means[0], "mid": means[1], "high": means[2]}
    assert found["per_bin"] == pytest.approx({name: x / sum(means) for name, x in expected.items()})
    ratio = {"bands": low / high, "per_bin": means[0] / means[2], "first_over_last": exp(1.8)}
    assert found["ratio"] == pytest.approx(ratio, rel=1e-5)
    assert found["slope"] == pytest.approx(-2, abs=1e-5)
    assert found["spread"]["response"] == pytest.approx([x * 2**0.5 for x in curve])
    assert found["spread"]["slope"] == pytest.approx(0, abs=1e-5)
    assert max(found["spread"]["ratio"].values()) < 1e-5
    one = response_summary(torch.tensor([curve]), EDGES)
    assert one["spread"] == {"response": None, "slope": None, "ratio": dict.fromkeys(one["ratio"])}


def test_images_that_do_not_answer_and_thin_air_have_records_without_numbers():
    h = torch.ones(2, 10)
    h[1, 9] = 0
    assert response_summary(h, EDGES) == blank(response_summary(torch.ones(2, 10), EDGES))
    found = audited_summary(low_pass, noise(), ~ALL, CONFIG, 0)
    assert found["touched"] == 0
    assert set(found["ratio"].values()) == {found["leakage"]["bins"], *found["leakage"]["bands"].values()} == {None}
    assert level_sweep(low_pass, noise(), ~ALL, CONFIG, 0)["slope"] == [None] * 2


def test_audited_noise_has_the_size_of_each_channel_where_matter_reads_it():
    mask = noise(5)[:, 0] > 0
    planes = noise() * torch.tensor([0.1, 1.0, 5.0, 0.0]).view(4, 1, 1) + 7
    planes = torch.where(mask[:, None], planes, 100 * noise(2))  # what lies outside does not count
    seen: list[torch.Tensor] = []

    def render(x: torch.Tensor) -> torch.Tensor:
        seen.append(x)
        return x

    found = audited_summary(render, planes, mask, replace(CONFIG, level=0.5, levels=(0.5,)), seed=3)
    assert len(seen) == 1 + 2 * 10
    for changed in seen[1:]:
        added = changed - planes
        assert not added[~mask[:, None].expand_as(added)].any()
        for plane in range(3):
            inside = added[plane][:, mask[plane]].square().mean(-1).sqrt()
            own = planes[plane][:, mask[plane]].std(-1, correction=0)
            torch.testing.assert_close(inside, 0.5 * own, rtol=1e-3, atol=1e-5)
    assert found["touched"] == pytest.approx(float(mask.float().mean()))
    assert found["leakage"]["bins"] == pytest.approx(mask_leakage(mask, EDGES).tolist())
    assert list(found["leakage"]["bands"].values()) == pytest.approx(mask_leakage(mask, (0, 0.3, 0.6, 1)).tolist())


def test_level_sweep_of_a_linear_and_of_a_saturating_renderer():
    config = DecoderResponse()
    straight = level_sweep(low_pass, noise(), ALL, config, 0)
    assert straight["level"] == [0.05, 0.15, 0.5]
    for slope, row in zip(straight["slope"], straight["response"], strict=True):
        assert slope == pytest.approx(straight["slope"][0], abs=1e-3)
        assert row == pytest.approx(straight["response"][0], rel=1e-3)
    bent = level_sweep(lambda x: torch.tanh(5 * low_pass(x)), 0.01 * noise() + 0.2, ALL, config, 0)
    assert bent["response"][0] == pytest.approx(bent["response"][2], rel=0.01)  # 0.01 is small for it
    bent = level_sweep(lambda x: torch.tanh(5 * low_pass(x)), noise(), ALL, config, 0)
    assert bent["response"][2][1] < 0.8 * bent["response"][0][1]
    assert bent["per_bin"][2] < bent["per_bin"][0]


def test_record_of_a_known_renderer(model, item, cache, monkeypatch):
    """A linear low-pass: the same steep H around every triplane and at every level.

    The first bin holds DC alone here, a shift by the std: H = 1. The others are Gaussian.
    """
    fitted = {"predicted": OracleFit(3 * noise(1), {})}  # no other start is asked for
    monkeypatch.setattr(oracles, "oracle", lambda model, item, start, *rest: fitted[start])
    monkeypatch.setattr(geometry, "MATTER", 0.0)
    monkeypatch.setattr(e06_response, "render_images", lambda model, planes, *rest: low_pass(planes))
    record = plain(run(model, item, CONFIG, 0, cache))
    radius = frequency_radius(16, 16)
    modes = [radius[(radius >= low) & (radius < high)] for low, high in pairwise(EDGES)]
    gains = [1.0, *(float((-4 * f).exp().mean().mul(2 / pi).sqrt()) for f in modes[1:])]
    expected = response_summary(torch.tensor([gains]), EDGES)
    assert record["published"]["response"] == pytest.approx(expected["response"], rel=0.1)
    for summary in (record["published"], *record["audited"].values()):
        assert summary["slope"] == pytest.approx(expected["slope"], abs=0.05)
        assert summary["ratio"] == pytest.approx(expected["ratio"], rel=0.05)
        assert summary["shares"] == pytest.approx(expected["shares"], rel=0.05)
    assert record["audited"]["reference"]["touched"] == record["audited"]["predicted"]["touched"] == 1
    assert max(record["audited"]["reference"]["leakage"]["bins"]) < 1e-6
    assert record["sweep"]["slope"] == pytest.approx([record["sweep"]["slope"][0]] * 2, abs=0.01)
    assert record["lookup"]["response"] == pytest.approx(lookup_response(16, EDGES).tolist(), rel=1e-4)
    assert 1.5 < record["lookup"]["ratio"]["per_bin"] < 1.7
