"""Solid textures against a twin in plain Python, one point at a time."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lrm_core.objects.textures import Pattern, Textures, albedo, value_noise

Row = tuple[float, int, list[float], list[float]]  # frequency, octaves, axis, phase


def _textures(count: int, pattern: Pattern) -> Textures:
    draw = torch.Generator().manual_seed(int(pattern))
    real = lambda *shape: torch.rand(*shape, generator=draw, dtype=torch.float64)  # noqa: E731
    return Textures(
        pattern=torch.full((count,), int(pattern)),
        frequency=1 + 8 * real(count),
        octaves=torch.randint(1, 4, (count,), generator=draw),
        axis=torch.nn.functional.normalize(real(count, 3) - 0.5, dim=-1),
        phase=64 * real(count, 3),
        colours=real(count, 2, 3),
    )


def _points(count: int) -> Tensor:
    return 2 * torch.rand(count, 3, generator=torch.Generator().manual_seed(9), dtype=torch.float64) - 1


# The twin: plain numbers, one point at a time.


def _ref_lattice(x: int, y: int, z: int) -> float:
    key = (x * 73856093 ^ y * 19349663 ^ z * 83492791) % 2**32  # unbounded integers, cut to 32 bits
    key = (key ^ key >> 15) * 0x2C1B3C6D % 2**32
    key = (key ^ key >> 12) * 0x297A2D39 % 2**32
    return ((key ^ key >> 15) % 2**16) / 65535


def _ref_smooth(t: float) -> float:
    return t * t * (3 - 2 * t)


def _ref_noise(point: list[float]) -> float:
    total = 0.0
    for offset in itertools.product((0, 1), repeat=3):
        share = 1.0
        for coordinate, step in zip(point, offset, strict=True):
            upper = _ref_smooth(coordinate - math.floor(coordinate))
            share *= upper if step else 1 - upper
        corner = [math.floor(p) + step for p, step in zip(point, offset, strict=True)]
        total += share * _ref_lattice(*corner)
    return total


def _ref_dot(a: list[float], b: list[float]) -> float:
    return sum(p * q for p, q in zip(a, b, strict=True))


def _ref_place(row: Row, point: list[float], shift: float = 1.0) -> list[float]:
    return [p * row[0] + f * shift for p, f in zip(point, row[3], strict=True)]


def _ref_octaves(row: Row, point: list[float], folded: bool) -> float:
    amplitudes = [0.5**octave for octave in range(row[1])]
    total = 0.0
    for octave, amplitude in enumerate(amplitudes):
        noise = _ref_noise([p * 2**octave for p in _ref_place(row, point)])
        total += amplitude * (abs(2 * noise - 1) if folded else noise)
    return total / sum(amplitudes)


def _ref_stripes(row: Row, point: list[float]) -> float:
    return 1.0 if (_ref_dot(point, row[2]) * row[0] + row[3][0]) % 1 < 0.5 else 0.0


def _ref_checker(row: Row, point: list[float]) -> float:
    return sum(math.floor(2 * p) for p in _ref_place(row, point)) % 2


def _ref_gradient(row: Row, point: list[float]) -> float:
    return min(max(_ref_dot(point, row[2]) * row[0] + 0.5, 0), 1)


def _ref_stretched(row: Row, point: list[float]) -> float:
    return _ref_smooth(min(max(2 * (_ref_octaves(row, point, folded=False) - 0.25), 0), 1))


def _ref_wood(row: Row, point: list[float]) -> float:
    axis, place = row[2], _ref_place(row, point, shift=1 / 8)
    along = _ref_dot(place, axis)
    across = [p - along * a for p, a in zip(place, axis, strict=True)]
    fibre = [c + 0.2 * along * a for c, a in zip(across, axis, strict=True)]
    bend = _ref_noise([0.4 * p + f for p, f in zip(fibre, row[3], strict=True)])
    grain = _ref_noise([2.5 * p + f for p, f in zip(fibre, row[3], strict=True)])
    ring = (math.hypot(*across) + 1.5 * bend) % 1
    late = _ref_smooth(ring / 0.8 if ring < 0.8 else (1 - ring) / 0.2)
    return min(max(0.75 * late + 0.35 * grain - 0.05, 0), 1)


def _ref_marble(row: Row, point: list[float]) -> float:
    along = _ref_dot(point, row[2]) * row[0] + row[3][0]
    turned = 2 * math.pi * (along + 1.5 * _ref_octaves(row, point, folded=True))
    return ((1 + math.sin(turned)) / 2) ** 3


def _ref_brick(row: Row, point: list[float]) -> float:
    x, y, z = _ref_place(row, point)
    course = math.floor(z / 0.5)
    along = x + y + (0.5 if course % 2 else 0)
    if along % 1 < 0.06 or z % 0.5 < 0.06:
        return 1.0
    return 0.3 * _ref_lattice(math.floor(along), course, 0)


def _ref_dots(row: Row, point: list[float]) -> float:
    """Distance to the nearest of all lattice points about; a corner or a centre of a cubic cell."""
    place = _ref_place(row, point)
    cells = itertools.product((-1, 0, 1, 2), repeat=3)
    lattice = [[math.floor(p) + step + half for p, step in zip(place, cell, strict=True)]
               for cell in cells for half in (0, 0.5)]  # fmt: skip
    return 1.0 if min(math.dist(place, dot) for dot in lattice) < 0.32 else 0.0


_REF_WEIGHT = {
    Pattern.FLAT: lambda row, point: 0.0,
    Pattern.STRIPES: _ref_stripes,
    Pattern.CHECKER: _ref_checker,
    Pattern.GRADIENT: _ref_gradient,
    Pattern.NOISE: _ref_stretched,
    Pattern.WOOD: _ref_wood,
    Pattern.MARBLE: _ref_marble,
    Pattern.BRICK: _ref_brick,
    Pattern.DOTS: _ref_dots,
    Pattern.SPECKLE: lambda row, point: _ref_noise(_ref_place(row, point)),
}


def _row(textures: Textures, row: int) -> Row:
    fields = (textures.frequency, textures.octaves, textures.axis, textures.phase)
    return tuple(field[row].tolist() for field in fields)


@pytest.mark.parametrize("pattern", Pattern, ids=lambda pattern: pattern.name)
def test_pattern_agrees_with_the_plain_twin(pattern):
    points, textures = _points(200), _textures(200, pattern)
    weight = [_REF_WEIGHT[pattern](_row(textures, row), points[row].tolist()) for row in range(200)]
    first, second = textures.colours.unbind(1)
    expected = first + (second - first) * torch.tensor(weight, dtype=torch.float64)[:, None]
    torch.testing.assert_close(albedo(textures, points), expected, atol=1e-6, rtol=0)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-300, 300), min_size=3, max_size=3))
def test_noise_agrees_with_the_plain_twin_on_both_sides_of_zero(point):
    noise = value_noise(torch.tensor([point], dtype=torch.float64))
    assert float(noise) == pytest.approx(_ref_noise(point), abs=1e-7)  # lattice values are float32
