"""Intervals, sign flips and Holm against brute force."""

from itertools import product
from math import isnan, nan

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from lrm_core.records.statistics import bca_interval, holm, per_object, sign_flip_p

samples = st.lists(st.floats(-10, 10).map(lambda x: round(x, 3)), min_size=1, max_size=8)


def _ref_bca(sample: np.ndarray, draws: np.ndarray, level: float) -> tuple[float, float]:
    """Efron (1987), from the definition: bias z0 from the bootstrap, acceleration a from the jackknife."""
    means = draws.mean(1)
    z0 = norm.ppf((np.sum(means < sample.mean()) + np.sum(means <= sample.mean())) / (2 * len(means)))
    jackknife = np.array([np.delete(sample, k).mean() for k in range(len(sample))])
    deviation = jackknife.mean() - jackknife
    a = np.sum(deviation**3) / (6 * np.sum(deviation**2) ** 1.5)
    z = z0 + norm.ppf([(1 - level) / 2, (1 + level) / 2])
    low, high = np.quantile(means, norm.cdf(z0 + z / (1 - a * z)))
    return low, high


def test_bca_matches_its_definition():
    sample = np.random.default_rng(0).exponential(size=12)
    draws = np.random.default_rng(1).choice(sample, size=(40_000, 12))
    found = bca_interval(sample, resamples=40_000)
    assert (found.low, found.high) == pytest.approx(_ref_bca(sample, draws, 0.95), rel=0.02)
    assert found.estimate == pytest.approx(sample.mean())
    assert (found.n, found.known) == (12, True)


@pytest.mark.parametrize("sample", [[1.5], [1.0, 2.0]])
def test_too_few_objects_have_no_interval(sample):
    found = bca_interval(sample)
    assert found.estimate == 1.5
    assert isnan(found.low)
    assert isnan(found.high)
    assert not found.known


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-10, 10), min_size=3, max_size=8))
def test_interval_is_finite_and_inside_the_range(sample):
    found = bca_interval(sample, resamples=200)
    slack = 1e-9 * (1 + max(map(abs, sample)))
    assert min(sample) - slack <= found.low <= found.high <= max(sample) + slack


@settings(max_examples=40, deadline=None)
@given(samples)
def test_exact_sign_flips_match_a_loop(sample):
    whole = [round(1000 * x) for x in sample]  # integers: no rounding in the sums
    extreme = [
        abs(sum(s * x for s, x in zip(signs, whole, strict=True))) >= abs(sum(whole))
        for signs in product((1, -1), repeat=len(whole))
    ]
    assert sign_flip_p([float(x) for x in whole]) == pytest.approx(sum(extreme) / len(extreme))


def test_holm_by_hand():
    assert holm({"a": 0.04, "b": 0.01, "c": 0.03}) == pytest.approx({"a": 0.06, "b": 0.03, "c": 0.06})
    assert holm({"a": 0.6, "b": 0.7}) == {"a": 1.0, "b": 1.0}


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), min_size=1, max_size=6))
def test_holm_keeps_order_and_never_lowers(p_values):
    adjusted = holm(p_values)
    assert list(adjusted) == list(p_values)
    for one, p in p_values.items():
        assert p <= adjusted[one] <= 1
        assert all(adjusted[one] <= adjusted[other] for other, q in p_values.items() if q > p)


def test_seeds_are_averaged_within_an_object():
    table = pd.DataFrame({"object": ["a", "a", "b", "c"], "x": [1.0, 3.0, 5.0, None]})
    assert per_object(table, "x").to_dict() == {"a": 2.0, "b": 5.0}
    assert per_object(table.assign(x=None), "x").empty


@pytest.mark.parametrize("bad", [[], [1.0, nan], [[1.0], [2.0]]])
def test_bad_samples(bad):
    for function in (bca_interval, sign_flip_p):
        with pytest.raises(ValueError, match="finite values, one per object"):
            function(bad)
