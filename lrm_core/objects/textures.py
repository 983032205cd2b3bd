"""Solid textures in two colours: a mixing weight at any point of a primitive's own frame."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

Points = Float[Tensor, "points 3"]
Weights = Float[Tensor, " points"]


class Pattern(enum.IntEnum):
    FLAT = 0
    STRIPES = 1
    CHECKER = 2
    GRADIENT = 3
    NOISE = 4


@dataclass(frozen=True)
class Textures:
    """One solid texture per primitive.

    pattern: a `Pattern`.
    frequency: cycles per world unit (stripes: light-dark pairs; checker: pairs of cells; gradient: passes
        from one colour to the other; noise: cells of the coarsest octave).
    octaves: 1 to 3 octaves of noise.
    axis: unit vector across stripes and along the gradient.
    phase: shift of the pattern, in cycles.
    colours: the two colours, rgb in [0, 1].
    """

    pattern: Int[Tensor, " *batch"]
    frequency: Float[Tensor, " *batch"]
    octaves: Int[Tensor, " *batch"]
    axis: Float[Tensor, "*batch 3"]
    phase: Float[Tensor, "*batch 3"]
    colours: Float[Tensor, "*batch 2 3"]

    def map(self, change: Callable[[Tensor], Tensor]) -> Textures:
        """The textures with `change` applied to each tensor."""
        return Textures(**{name: change(value) for name, value in vars(self).items()})


def albedo(textures: Textures, points: Points) -> Float[Tensor, "points 3"]:
    """Colour in [0, 1] of one point of each texture.

    Args:
        textures: one per point.
        points: in the frame of the primitive, in world units.
    """
    weight = torch.zeros_like(points[:, 0])
    for pattern, weigh in _WEIGH.items():
        chosen = (textures.pattern == pattern).nonzero()[:, 0]
        weight[chosen] = weigh(textures.map(lambda value, chosen=chosen: value[chosen]), points[chosen])
    return torch.lerp(textures.colours[:, 0], textures.colours[:, 1], weight[:, None])


def _stripes(textures: Textures, points: Points) -> Weights:
    along = (points * textures.axis).sum(-1) * textures.frequency + textures.phase[:, 0]
    return (along - along.floor() < 0.5).to(points.dtype)


def _checker(textures: Textures, points: Points) -> Weights:
    cell = torch.floor(2 * (points * textures.frequency[:, None] + textures.phase))
    return torch.remainder(cell.sum(-1), 2)


def _gradient(textures: Textures, points: Points) -> Weights:
    return ((points * textures.axis).sum(-1) * textures.frequency + 0.5).clamp(0, 1)


def _noise(textures: Textures, points: Points) -> Weights:
    """Value noise with halving amplitudes, its contrast stretched."""
    place = points * textures.frequency[:, None] + textures.phase
    total, weights = torch.zeros_like(place[:, 0]), torch.zeros_like(place[:, 0])
    for octave in range(3):
        amplitude = 0.5**octave * (textures.octaves > octave)
        total = total + amplitude * value_noise(place * 2**octave)
        weights = weights + amplitude
    return _smooth(((total / weights - 0.25) * 2).clamp(0, 1))


def value_noise(points: Points) -> Weights:
    """Random values at the integer lattice, smoothly interpolated; in [0, 1].

    The lattice values hash the coordinates with the primes of Teschner et al. (2003).
    """
    low = torch.floor(points)
    fraction = _smooth(points - low)
    corner = torch.stack([low, low + 1], dim=-1).long()  # (points, 3, 2)
    prime = torch.tensor([73856093, 19349663, 83492791], device=points.device)
    x, y, z = (corner * prime[:, None]).unbind(1)  # (points, 2) each
    value = _scramble(x[:, :, None, None] ^ y[:, None, :, None] ^ z[:, None, None, :]).to(points.dtype)
    for axis in range(3):
        value = torch.lerp(value[:, 0], value[:, 1], fraction[:, axis].reshape(-1, *[1] * (2 - axis)))
    return value


def _smooth(x: Tensor) -> Tensor:
    return x * x * (3 - 2 * x)


def _scramble(key: Int[Tensor, " *batch"]) -> Float[Tensor, " *batch"]:
    """Integer hash to [0, 1]; 32-bit arithmetic in int64."""
    key = key & 0xFFFFFFFF
    key = ((key ^ (key >> 15)) * 0x2C1B3C6D) & 0xFFFFFFFF
    key = ((key ^ (key >> 12)) * 0x297A2D39) & 0xFFFFFFFF
    return ((key ^ (key >> 15)) & 0xFFFF) / 0xFFFF


_WEIGH = {
    Pattern.STRIPES: _stripes,
    Pattern.CHECKER: _checker,
    Pattern.GRADIENT: _gradient,
    Pattern.NOISE: _noise,
}
