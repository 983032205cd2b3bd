"""E10 on linear renderers whose decomposition is known, and on a tiny model; the rule of C8."""

from dataclasses import replace
from functools import partial
from math import sqrt

import pytest
import tiny_measure
import torch

from lrm_core.canonical import plain
from lrm_core.measure.directions import Surroundings, object_surroundings
from lrm_core.measure.e10_isotropy import Isotropy, isotropy
from lrm_core.measure.oracles import OracleConfig, oracle, predicted_planes, render_images, split_views
from lrm_core.spectral.bands import frequency_radius
from lrm_core.spectral.jacobian import linearise, with_norm

NUMBERS = 3 * 2 * 16 * 16
FEW = {"directions": 6, "still_directions": 4, "jitter_draws": 2, "bin_draws": 2, "leading": 3}
QUICK = Isotropy(OracleConfig(iterations=2, rays_per_step=64), **FEW)


noise = partial(tiny_measure.noise, channels=2)


class Linear:
    """The renderer that shows every texel, filtered by gain(f), and one direction many times as strongly.

    With jitter every pixel is off by a number of that size.
    """

    def __init__(self, gain=torch.ones_like, peak: float = 0.0, jitter: float = 0.0) -> None:
        self.gain, self.peak, self.noise = gain, peak, jitter
        self.first = with_norm(noise(7), 1.0)

    def __call__(self, planes: torch.Tensor, jitter: torch.Generator | None = None) -> torch.Tensor:
        seen = torch.fft.ifft2(torch.fft.fft2(planes) * self.gain(frequency_radius(16, 16))).real.to(planes)
        images = (seen + self.peak * (planes * self.first).sum() * self.first).view(2, 3, 16, 16)
        return images if jitter is None else images + self.noise * torch.randn(images.shape, generator=jitter)


def place(render: Linear, residual: torch.Tensor | None = None) -> Surroundings:
    planes, mask = noise(1), torch.zeros(3, 16, 16, dtype=torch.bool)
    mask[:, 4:12, 4:12] = True
    return Surroundings(render, planes, noise(2) if residual is None else residual, mask, render(planes))


def measured(around: Surroundings, config: Isotropy, seed: int) -> dict:
    return isotropy(around, around, config, seed)


def test_an_isometry_answers_to_every_direction_alike():
    record = plain(measured(place(Linear()), replace(QUICK, iterations=1), 0))
    of_norm = 0.1 / sqrt(NUMBERS)
    for name in ("random", "matter", "bands"):
        assert record["audited"][name]["rms"]["mean"] == pytest.approx(of_norm, rel=1e-3)
        assert record["audited"][name]["rms"]["spread"] < 1e-3
    assert record["audited"]["bands"]["over_random"] == pytest.approx([1] * 10, abs=1e-3)
    assert record["audited"]["residual"]["over_random"] == pytest.approx(1, abs=1e-3)
    full = record["audited"]["residual"]["full"]
    assert full["extrapolated"] == pytest.approx(full["rms"], rel=1e-3)
    assert record["leading"]["gains"] == pytest.approx([1 / sqrt(NUMBERS)] * 3, rel=1e-4)
    assert record["leading"]["over_random"] == pytest.approx(1, abs=1e-3)
    assert record["linear"]["effective_dimension"] == pytest.approx(NUMBERS, rel=1e-3)
    assert record["linear"]["expected_spread"] < 1e-3
    assert record["linear"]["over_measured"] == pytest.approx(1, abs=0.05)
    assert record["random_map"]["ratio"] == pytest.approx(2)
    assert record["margin"]["leading_minus_random_map"] == pytest.approx(-1, abs=1e-3)


def test_one_strong_direction_is_found_although_random_ones_agree():
    render = Linear(peak=19.0)
    record = measured(place(render, 3 * render.first), QUICK, 0)
    gain = sqrt((NUMBERS - 1 + 400) / NUMBERS)  # of a random direction
    assert float(record["leading"]["gains"][0]) == pytest.approx(20 / sqrt(NUMBERS), rel=1e-3)
    assert record["leading"]["over_random"] == pytest.approx(20 / gain, rel=0.1)
    assert record["audited"]["random"]["l1"]["spread"] < 0.1
    assert record["linear"]["inputs"] == record["linear"]["outputs"] == NUMBERS
    assert record["margin"]["leading_minus_random_map"] == record["leading"]["over_random"] - 2
    # the residual lies along it
    assert record["audited"]["residual"]["full"]["norm"] == pytest.approx(3)
    assert record["audited"]["residual"]["rms"] == pytest.approx(0.1 * 20 / sqrt(NUMBERS), rel=1e-3)
    assert list(record["leading"]["captured"].values()) == pytest.approx([1, 1], abs=1e-3)
    flat = measured(place(Linear(), noise(3)), replace(QUICK, iterations=1), 0)
    assert flat["leading"]["captured"]["power"] < 0.05


def test_a_low_pass_answers_by_its_gain_in_every_bin_and_its_leading_directions_are_low():
    record = measured(place(Linear(lambda f: torch.where(f < 0.35, 1.0, 0.1))), QUICK, 0)
    found = torch.tensor(record["audited"]["bands"]["over_random"])
    assert found[1:3] / found[4:].mean() == pytest.approx(torch.full((2,), 10.0), rel=1e-3)
    assert record["audited"]["bands"]["rms"]["spread"] > 0.5
    assert record["audited"]["random"]["rms"]["spread"] < 0.1
    assert record["leading"]["bands"]["low"] > 0.6
    assert sum(record["leading"]["bands"].values()) == pytest.approx(1, abs=1e-4)


def test_what_jitter_alone_makes_is_told_apart():
    """The changes of norm 0.1 drown in jitter; by the second reading of the norm they do not."""
    record = measured(place(Linear(jitter=0.05)), replace(QUICK, directions=300), 0)
    found = record["published"]
    assert found["jitter"]["share"] == pytest.approx(1, abs=0.05)
    assert found["mean"] == pytest.approx(0.05 * sqrt(2) * sqrt(2 / torch.pi), rel=0.05)
    assert record["entrywise"]["norm"] == pytest.approx(0.1 * sqrt(NUMBERS))
    assert record["entrywise"]["jitter"]["share"] == pytest.approx(sqrt(0.005 / 0.015), abs=0.05)
    one, both = found["by_views"].pop("spread")
    assert found["by_views"] == {"views": [1, 2], "pixels": [256, 512]}
    assert both == pytest.approx(found["spread"])
    assert one / both == pytest.approx(sqrt(2), rel=0.15)  # the root of the pixels
    quiet = measured(place(Linear()), QUICK, 0)
    assert quiet["published"]["jitter"] == {"mean": 0.0, "share": 0.0}
    assert quiet["published"]["spread"] == pytest.approx(quiet["audited"]["random"]["l1"]["spread"], abs=0.05)


def test_a_renderer_that_shows_nothing_and_an_empty_mask_leave_numbers_undefined():
    around = replace(place(Linear(torch.zeros_like)), mask=torch.zeros(3, 16, 16, dtype=torch.bool))
    record = plain(measured(around, QUICK, 0))
    assert record["published"]["spread"] is record["leading"]["over_random"] is None
    assert record["margin"]["leading_minus_random_map"] is record["linear"]["expected_spread"] is None
    assert record["audited"]["bands"]["over_random"] == [None] * 10
    assert set(record["audited"]["matter"]["l1"].values()) == {None}


def test_the_surroundings_are_those_of_the_oracle_in_held_out_views(model, item, cache):
    config = OracleConfig(iterations=3, rays_per_step=64)
    found = object_surroundings(model, item, config, 2, 512, 0, cache)
    again = oracle(model, item, "predicted", config, 0, cache).planes
    torch.testing.assert_close(found.planes, again)
    torch.testing.assert_close(found.residual, predicted_planes(model, item) - again)
    seen = item.views(split_views(item)[1])
    torch.testing.assert_close(found.before, render_images(model, again, seen.cameras, 32))
    assert object_surroundings(model, item, config, 1, 16, 0, cache).before.shape == (1, 3, 16, 16)
    drawn = [found.render(again, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_the_products_are_those_of_the_renderer(model, item, cache):
    at = object_surroundings(model, item, OracleConfig(iterations=3, rays_per_step=64), 1, 16, 0, cache)
    around, draws = linearise(at.render, at.planes), torch.Generator().manual_seed(0)
    step = with_norm(torch.randn(at.planes.shape, generator=draws), 0.5)
    image = torch.rand(at.before.shape, generator=draws)
    torch.testing.assert_close(around.value, at.before, atol=1e-5, rtol=0)
    product = float((around.jvp(step) * image).sum())
    assert product == pytest.approx(float((around.vjp(image) * step).sum()), rel=1e-3)
    moved = (at.render(at.planes + step) - at.render(at.planes - step)) / 2
    left_out = moved - around.jvp(step)  # the samples move, which J does not know
    assert float(left_out.norm() / moved.norm()) < 0.2
