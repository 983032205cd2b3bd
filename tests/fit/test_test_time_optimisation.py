"""Test-time optimisation: what each latent can change, what a step is, and what is shown of the way."""

import itertools
import math

import pytest
import torch
from tiny_runs import SIZE, tiny_model, tiny_object

from lrm_core.fit.test_time_optimisation import (
    Refinement,
    RefinementConfig,
    make_latent,
    optimise_latent,
    plane_tokens,
    window,
)
from lrm_core.render import render_views
from lrm_core.spectral import split_bands

SAMPLES, CUTOFF, LR = 16, 0.3, 0.005


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture(scope="module")
def item():
    return tiny_object(0)


@pytest.fixture
def latent_in(model, item):
    return lambda space: make_latent(model, item.images[:1], item.source_camera(), space, CUTOFF)


def predicted(model, item):
    return model.predict_planes(item.images[:1], item.source_camera())[0]


def refine(latent, model, item, at=(3,), perceptual=None, seed=0, **options):
    config = RefinementConfig(**({"iterations": 3, "rays_per_step": 256, "crop": 8} | options))
    fit = {"samples_per_ray": SAMPLES, "seed": seed, "perceptual": perceptual, "progress": False}
    return list(optimise_latent(latent, model.decoder, item.views([0, 1, 2]), config, at=at, **fit))


def absolute(a, b):
    """In place of LPIPS: the mean absolute difference of each pair of pictures."""
    return (a - b).abs().mean((1, 2, 3))


@pytest.mark.parametrize("space", ["tokens", "planes", "low_band"])
def test_every_latent_begins_at_the_prediction_and_moves_what_it_may(model, item, latent_in, space):
    latent, tokens = latent_in(space), plane_tokens(model, item.images[:1], item.source_camera())
    first, last = refine(latent, model, item, at=(0, 3))
    torch.testing.assert_close(first.planes, predicted(model, item))
    assert (last.planes - first.planes).abs().max() > LR
    assert not last.planes.requires_grad
    if space == "tokens":
        assert not torch.equal(latent.values.detach(), tokens)
        torch.testing.assert_close(last.planes, model.upsampler(latent.values.detach()))
    if space == "low_band":
        low, high = split_bands(last.planes - first.planes, (0.0, CUTOFF, math.inf))
        assert low.abs().max() > LR / 2
        assert high.abs().max() < 1e-6


def test_the_first_step_is_that_of_adam_by_hand(model, item, latent_in):
    latent = latent_in("planes")
    before = latent.values.detach().clone()
    fit = Refinement(latent, model.decoder, item.views([0, 1]), RefinementConfig(rays_per_step=64), SAMPLES)
    fit.step(0)
    moved, gradient = latent.values.detach() - before, latent.values.grad
    torch.testing.assert_close(moved, -LR * gradient / (gradient.abs() + 1e-8), atol=1e-5, rtol=1e-3)


def test_all_rays_have_the_gradient_of_whole_views(model, item, latent_in):
    views, latent = item.views([0, 1]), latent_in("planes")
    fit = Refinement(latent, model.decoder, views, RefinementConfig(), SAMPLES)
    loss = fit.loss(torch.arange(2 * SIZE**2))
    (found,) = torch.autograd.grad(loss, latent.values)
    planes = latent.values.detach().clone().requires_grad_()
    images = render_views(
        planes[None], model.decoder, views.cameras[None], SIZE, samples_per_ray=SAMPLES, skip_empty=False
    ).rgb[0]
    expected = (images - views.images).square().mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    torch.testing.assert_close(found, torch.autograd.grad(expected, planes)[0], atol=1e-7, rtol=1e-3)


def test_proximity_is_the_mean_squared_distance_to_the_start(model, item, latent_in):
    latent = latent_in("planes")
    near, free = (
        Refinement(latent, model.decoder, item.views([0]), RefinementConfig(proximity=weight), SAMPLES)
        for weight in (2.0, 0.0)
    )
    with torch.no_grad():
        latent.values.add_(0.5)
        chosen = torch.arange(50)
        assert near.loss(chosen).item() == pytest.approx(free.loss(chosen).item() + 2 * 0.25, rel=1e-5)


def test_the_perceptual_distance_is_that_of_pictures(model, item, latent_in):
    seen = []

    def perceptual(a, b):
        seen.append((a.detach(), b))
        return absolute(a, b)

    views = item.views([0, 1])
    config = RefinementConfig(perceptual_weight=2.0, crop=12)
    fit = Refinement(latent_in("planes"), model.decoder, views, config, SAMPLES, 0, perceptual)
    chosen = fit.draw()
    loss = fit.loss(chosen)
    ((rendered, target),) = seen
    assert rendered.shape == target.shape == (1, 3, 12, 12)
    view, row, column = (
        int(chosen[0]) // SIZE**2, int(chosen[0]) % SIZE**2 // SIZE, int(chosen[0]) % SIZE
    )  # fmt: skip
    assert torch.equal(target[0], views.images[view, :, row : row + 12, column : column + 12])
    expected = (rendered - target).square().mean() + 2 * absolute(rendered, target).mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_windows_lie_inside_of_one_view_and_reach_its_corners():
    generator = torch.Generator().manual_seed(0)
    firsts = set()
    for _ in range(200):
        chosen = window(pixels=2 * 16, side=4, crop=3, generator=generator)
        firsts.add(int(chosen[0]))
        assert len(set((chosen // 16).tolist())) == 1
        rows, columns = (chosen % 16 // 4).view(3, 3), (chosen % 4).view(3, 3)
        assert torch.equal(rows, rows[:, :1].expand(3, 3))
        assert torch.equal(columns[0], columns[0, 0] + torch.arange(3))
    assert firsts == {16 * v + 4 * r + c for v, r, c in itertools.product(range(2), repeat=3)}


def test_steps_beyond_the_end_are_left_out_and_the_seed_decides(model, item, latent_in):
    shots = [refine(latent_in("planes"), model, item, at=(0, 1, 3, 9), seed=seed) for seed in (0, 0, 1)]
    assert [shot.step for shot in shots[0]] == [0, 1, 3]
    first, again, other = (run[-1].planes for run in shots)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("space", "options", "message"),
    [
        ("planes", {"iterations": 0}, "iterations: expected at least 1, found 0"),
        ("planes", {"proximity": -1.0}, "proximity: expected at least 0, found -1.0"),
        ("planes", {"perceptual_weight": 1.0}, "has the weight 1.0, and none was given; pass one"),
        ("colours", {}, "unknown space 'colours'; expected one of tokens, planes, low_band"),
    ],
)
def test_wrong_settings_are_named(model, item, latent_in, space, options, message):
    with pytest.raises(ValueError, match=message):
        refine(latent_in(space), model, item, **options)
