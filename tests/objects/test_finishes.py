"""Finishes: what is drawn, how often, and in which colours."""

import colorsys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrm_core.objects.finishes import FREQUENCY, SHARES, Finishes
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


def _contrast(looks: list[dict[str, object]]) -> np.ndarray:
    """Largest difference of the two colours over the channels, (looks,)."""
    colours = np.stack([look["colours"] for look in looks])
    return np.abs(colours[:, 0] - colours[:, 1]).max(axis=-1)


def _hsv(looks: list[dict[str, object]], which: int = 0) -> np.ndarray:
    return np.array([colorsys.rgb_to_hsv(*look["colours"][which]) for look in looks])  # (looks, 3)


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


def test_objects_and_primitives_differ(looks):
    phases = np.stack([look["phase"] for look in looks])
    assert len(np.unique(phases, axis=0)) == len(looks)
    assert len(np.unique([look["colours"][1] for look in looks], axis=0)) > 0.8 * len(looks)


def test_patterns_occur_in_their_shares(looks):
    assert set(SHARES) == set(Pattern)
    assert sum(SHARES.values()) == pytest.approx(1)
    for pattern, share in SHARES.items():
        found = len(_of(looks, pattern)) / len(looks)
        deviation = (share * (1 - share) / len(looks)) ** 0.5
        assert abs(found - share) < 4 * deviation, pattern.name
    assert len(_of(looks, Pattern.FLAT)) / len(looks) == pytest.approx(0.3, abs=0.035)


def test_half_of_the_contrasts_are_strong_and_the_others_gentle(looks):
    contrast = _contrast(looks)
    assert contrast.min() >= 0.08
    assert abs((contrast >= 0.35).mean() - 0.5) < 0.04
    assert (contrast < 0.2).mean() > 0.15  # gentle ones fill their range
    assert (contrast > 0.6).mean() > 0.05
    for pattern in Pattern:
        assert 0.3 < (_contrast(_of(looks, pattern)) >= 0.35).mean() < 0.7, pattern.name


def test_materials_come_in_their_own_colours(looks):
    """Orange-brown wood, pale, grey or green marble, red brick; other patterns in any hue."""
    hue, saturation, value = _hsv(_of(looks, Pattern.WOOD)).T
    browns = (hue > 0.04) & (hue < 0.12) & (saturation > 0.34) & (value < 0.86)
    assert 0.8 < browns.mean() < 0.98
    hue, saturation, value = _hsv(_of(looks, Pattern.MARBLE)).T
    stones = (saturation <= 0.11) | ((hue > 0.34) & (hue < 0.46) & (value < 0.36))
    assert 0.78 < stones.mean() < 0.98
    hue, saturation, value = _hsv(_of(looks, Pattern.BRICK)).T
    reds = (hue <= 0.051) & (saturation > 0.49) & (value < 0.71)
    assert 0.75 < reds.mean() < 0.98
    hue, saturation, _ = _hsv(_of(looks, Pattern.STRIPES, Pattern.CHECKER, Pattern.DOTS)).T
    assert np.all(np.histogram(hue[saturation > 0.55], bins=6, range=(0, 1))[0] > 5)


def test_mortar_stands_out_pale_from_red_brick(looks):
    walls = [look for look in _of(looks, Pattern.BRICK) if _contrast([look])[0] >= 0.35]
    reds = [look for look in walls if _hsv([look])[0, 0] < 0.051 and _hsv([look])[0, 1] > 0.49]
    _, saturation, value = _hsv(reds, which=1).T
    assert len(reds) > 30
    assert np.mean((saturation < 0.13) & (value > 0.74)) > 0.85


def test_half_of_the_palettes_are_natural():
    """Told by the flat primitives of an object: vivid palettes have saturated bright colours, natural ones none."""
    vivid = []
    for seed in range(400):
        finishes = Finishes(np.random.default_rng(seed))
        flats = _of([finishes.draw(SCALE) for _ in range(80)], Pattern.FLAT)
        _, saturation, value = _hsv(flats).T
        vivid.append(np.any((saturation > 0.8) & (value > 0.6)))
    assert abs(np.mean(vivid) - 0.5) < 0.1


def test_primitives_of_an_object_share_colours():
    finishes = Finishes(np.random.default_rng(3))
    flats = _of([finishes.draw(SCALE) for _ in range(300)], Pattern.FLAT)
    _, counts = np.unique([look["colours"][0] for look in flats], axis=0, return_counts=True)
    assert (counts > 1).sum() == 3
    assert counts[counts > 1].sum() / len(flats) == pytest.approx(0.5, abs=0.2)


def test_wooden_primitives_of_an_object_share_their_wood():
    finishes = Finishes(np.random.default_rng(3))
    wood = _of([finishes.draw(SCALE) for _ in range(600)], Pattern.WOOD)
    _, counts = np.unique([look["colours"][0] for look in wood], axis=0, return_counts=True)
    assert counts.max() / len(wood) == pytest.approx(0.85 / 2, abs=0.2)


@pytest.mark.parametrize("pattern", [p for p in Pattern if p not in (Pattern.FLAT, Pattern.GRADIENT)])
def test_frequencies_fill_their_range(looks, pattern):
    frequency = np.array([look["frequency"] for look in _of(looks, pattern)])
    low, high = FREQUENCY[pattern]
    assert low <= frequency.min() < low * (high / low) ** 0.1
    assert high >= frequency.max() > low * (high / low) ** 0.9
    assert np.median(frequency) == pytest.approx((low * high) ** 0.5, rel=0.3)  # log-uniform


def test_fine_scales_are_reached(looks):
    highest = {p: max(look["frequency"] for look in _of(looks, p)) for p in Pattern}
    assert 12 < highest[Pattern.STRIPES] <= 14
    assert 12 < highest[Pattern.CHECKER] <= 14
    assert 14 < highest[Pattern.NOISE] <= 16


def test_gradient_passes_once_over_the_primitive(looks):
    """From one end to the other of the ellipsoid with these half sizes, along the axis."""
    for look in _of(looks, Pattern.GRADIENT):
        reach = np.linalg.norm(SCALE * look["axis"])
        assert 2 * reach * look["frequency"] == pytest.approx(1)


def test_axes_are_aligned_in_half_of_the_draws_and_wood_along_the_longest(looks):
    def along(found: list[dict[str, object]]) -> np.ndarray:
        return np.stack([look["axis"] for look in found]) == 1  # (looks, 3)

    others = along([look for look in looks if look["pattern"] != Pattern.WOOD])
    assert abs(others.any(axis=1).mean() - 0.5) < 0.04
    assert np.all(np.abs(others.mean(axis=0) - 1 / 6) < 0.04)
    wood = along(_of(looks, Pattern.WOOD))
    assert abs(wood[:, 1].mean() - 0.5) < 0.1
    assert not wood[:, [0, 2]].any()
