"""Solid textures against a plain per-point twin."""

import math

import torch
from torch import Tensor

from lrm_core.objects.textures import Pattern, Textures, albedo, value_noise


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


def _ref_weight(textures: Textures, row: int, point: list[float]) -> float:
    """Mixing weight of one point, in plain Python."""
    frequency, phase = float(textures.frequency[row]), textures.phase[row].tolist()
    along = sum(a * p for a, p in zip(textures.axis[row].tolist(), point, strict=True)) * frequency
    pattern = Pattern(int(textures.pattern[row]))
    if pattern == Pattern.FLAT:
        return 0.0
    if pattern == Pattern.STRIPES:
        return 1.0 if (along + phase[0]) % 1 < 0.5 else 0.0
    if pattern == Pattern.CHECKER:
        return sum(math.floor(2 * (p * frequency + f)) for p, f in zip(point, phase, strict=True)) % 2
    if pattern == Pattern.GRADIENT:
        return min(max(along + 0.5, 0), 1)
    place = torch.tensor(
        [[p * frequency + f for p, f in zip(point, phase, strict=True)]], dtype=torch.float64
    )
    amplitudes = [0.5**octave for octave in range(int(textures.octaves[row]))]
    total = sum(a * float(value_noise(place * 2**octave)) for octave, a in enumerate(amplitudes))
    stretched = min(max(2 * (total / sum(amplitudes) - 0.25), 0), 1)
    return stretched**2 * (3 - 2 * stretched)


def test_patterns_agree_with_the_plain_twin():
    points = _points(60)
    for pattern in Pattern:
        textures = _textures(60, pattern)
        weight = torch.tensor([_ref_weight(textures, row, points[row].tolist()) for row in range(60)])
        expected = torch.lerp(textures.colours[:, 0], textures.colours[:, 1], weight.double()[:, None])
        torch.testing.assert_close(albedo(textures, points), expected, atol=1e-6, rtol=0)


def test_patterns_do_not_mix_in_one_call():
    points = _points(20)
    parts = [_textures(20, pattern) for pattern in Pattern]
    joined = Textures(**{name: torch.cat([getattr(part, name) for part in parts]) for name in vars(parts[0])})
    expected = torch.cat([albedo(part, points) for part in parts])
    torch.testing.assert_close(albedo(joined, points.repeat(len(parts), 1)), expected)


def test_noise_interpolates_its_lattice_values():
    corner = torch.tensor([[5.0, -3.0, 12.0]], dtype=torch.float64)
    offsets = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 3)
    at_corners = value_noise(corner + offsets)
    torch.testing.assert_close(value_noise(corner + 0.5), at_corners.mean()[None])
    edge = value_noise(corner + torch.tensor([0.25, 0, 0], dtype=torch.float64))
    share = 0.25**2 * (3 - 2 * 0.25)
    torch.testing.assert_close(edge[0], (1 - share) * at_corners[0] + share * at_corners[4])


def test_noise_lattice_looks_uniform_and_independent():
    axis = torch.arange(-12.0, 12.0)
    lattice = value_noise(torch.cartesian_prod(axis, axis, axis)).view(24, 24, 24)
    assert 0 <= lattice.min() < 0.01
    assert 0.99 < lattice.max() <= 1
    assert abs(lattice.mean() - 0.5) < 0.01
    assert abs(lattice.std() - 12**-0.5) < 0.01
    for dim in range(3):
        pair = torch.stack([lattice.flatten(), lattice.roll(1, dims=dim).flatten()])
        assert torch.corrcoef(pair)[0, 1].abs() < 0.04
