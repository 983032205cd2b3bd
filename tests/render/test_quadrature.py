"""Samples along rays against slow twins: gradients by autograd, bins by search, order by sorting."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lrm_core.render.quadrature import (
    absorption,
    fine_samples,
    intervals,
    places,
    raw_density_gradient,
)


def rays(seed, scale=30.0, count=6, samples=12):
    """Sorted depths and raw densities, some of them -inf, of random rays in float64."""
    generator = torch.Generator().manual_seed(seed)
    depths = torch.rand(count, samples, generator=generator, dtype=torch.float64).sort(1).values
    density = scale * torch.randn(count, samples, generator=generator, dtype=torch.float64)
    density[torch.rand(count, samples, generator=generator) < 0.2] = -torch.inf
    return depths, density


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31), st.sampled_from([1.0, 30.0, 3000.0]))
def test_the_gradient_in_closed_form_is_that_of_autograd(seed, scale):
    depths, density = rays(seed, scale)
    density.requires_grad_()
    grad = torch.randn(6, 11, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    (expected,) = torch.autograd.grad(intervals(depths, density).weights, density, grad)
    found = raw_density_gradient(intervals(depths, density.detach()), grad)
    torch.testing.assert_close(found, expected.nan_to_num(), rtol=1e-6, atol=1e-9)


def test_absorption_is_what_the_weights_leave():
    depths, density = rays(0, scale=3.0)
    left = 1 - intervals(depths, density).weights.sum(1)
    torch.testing.assert_close(torch.exp(-absorption(depths, density)), left, rtol=0, atol=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_evenly_spaced_quantiles_need_no_search(seed):
    depths, density = rays(seed)
    weights = intervals(depths, density).weights
    quantiles = ((torch.arange(9, dtype=torch.float64) + 0.5) / 9).expand(6, 9)
    for found, expected in zip(
        fine_samples(depths, weights, 9), fine_samples(depths, weights, quantiles), strict=True
    ):
        torch.testing.assert_close(found, expected)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31))
def test_places_are_those_of_sorting(seed):
    depths, density = rays(seed)
    quantiles = torch.rand(6, 7, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).sort(1).values
    fine, bins = fine_samples(depths, intervals(depths, density).weights, quantiles)
    every = torch.cat([depths, fine], dim=1)
    found = torch.full_like(every, torch.nan).scatter(1, places(depths, fine, bins), every)
    assert torch.equal(found, every.sort(1).values)
