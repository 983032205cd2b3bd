"""Finishes: what is drawn, how often, and in which colours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrm_core.objects.finishes import PATTERNS, Finishes
from lrm_core.objects.textures import Pattern, Textures

OBJECTS, EACH = 1000, 3
SCALE = np.array([0.2, 0.5, 0.3])


@pytest.fixture(scope="module")
def looks() -> list[dict[str, object]]:
    """Three primitives of each of a thousand objects."""
    finishes = [Finishes(np.random.default_rng(seed)) for seed in range(OBJECTS)]
    return [finish.draw(SCALE) for finish in finishes for _ in range(EACH)]


def _of(looks: list[dict[str, object]], *patterns: Pattern) -> list[dict[str, object]]:
    return [look for look in looks if look["pattern"] in patterns]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**63), st.lists(st.floats(0.02, 0.95), min_size=3, max_size=3))
def test_a_draw_is_a_valid_texture_and_the_same_again(seed, scale):
    one, two = (Finishes(np.random.default_rng(seed)) for _ in range(2))
    for _ in range(3):
        look, again = one.draw(np.array(scale)), two.draw(np.array(scale))
        assert list(look) == list(Textures.__dataclass_fields__)
        for name, value in look.items():
            np.testing.assert_array_equal(value, again[name])
        assert look["pattern"] in list(Pattern)
        assert look["octaves"] in (1, 2, 3)
        assert look["colours"].shape == (2, 3)
        assert look["colours"].min() >= 0
        assert look["colours"].max() <= 1
        assert look["phase"].shape == (3,)
        assert np.all((look["phase"] >= 0) & (look["phase"] < 64))
        assert np.linalg.norm(look["axis"]) == pytest.approx(1)


def test_patterns_occur_in_their_shares(looks):
    assert set(PATTERNS) == set(Pattern)
    assert sum(share for share, *_ in PATTERNS.values()) == pytest.approx(1)
    for pattern, (share, *_) in PATTERNS.items():
        found = len(_of(looks, pattern)) / len(looks)
        deviation = (share * (1 - share) / len(looks)) ** 0.5
        assert abs(found - share) < 4 * deviation, pattern.name


@pytest.mark.parametrize("pattern", [p for p in Pattern if p not in (Pattern.FLAT, Pattern.GRADIENT)])
def test_frequencies_fill_their_range(looks, pattern):
    frequency = np.array([look["frequency"] for look in _of(looks, pattern)])
    _, low, high = PATTERNS[pattern]
    assert low <= frequency.min() < low * (high / low) ** 0.1
    assert high >= frequency.max() > low * (high / low) ** 0.9
    assert np.median(frequency) == pytest.approx((low * high) ** 0.5, rel=0.3)  # log-uniform


def test_gradient_passes_once_over_the_primitive(looks):
    """From one end to the other of the ellipsoid with these half sizes, along the axis."""
    for look in _of(looks, Pattern.GRADIENT):
        reach = np.linalg.norm(SCALE * look["axis"])
        assert 2 * reach * look["frequency"] == pytest.approx(1)
