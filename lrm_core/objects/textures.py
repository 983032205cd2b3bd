"""Solid textures in two colours: a mixing weight at any point of a primitive's own frame."""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from jaxtyping import Float, Int
from torch import Tensor

Points = Float[Tensor, "points 3"]
Weights = Float[Tensor, " points"]
Int32 = Int[Tensor, " *batch"]


class Pattern(enum.IntEnum):
    """How the two colours of a part are laid out."""

    FLAT = 0
    STRIPES = 1
    CHECKER = 2
    GRADIENT = 3
    NOISE = 4
    WOOD = 5
    MARBLE = 6
    BRICK = 7
    DOTS = 8
    SPECKLE = 9


@dataclass(frozen=True)
class Textures:
    """One solid texture per primitive.

    A cycle is a light-dark pair of stripes, a pair of cells of the checker, one pass of the gradient, a cell of the
    coarsest octave of noise and speckle, a growth ring of wood, a vein, a brick (as long as two courses), a dot.
    """

    pattern: Int[Tensor, " *batch"]  # a `Pattern`
    frequency: Float[Tensor, " *batch"]  # cycles per world unit
    octaves: Int[Tensor, " *batch"]  # 1 to 3 octaves of noise, in noise and marble
    axis: Float[Tensor, "*batch 3"]  # unit vector across stripes and veins, along the gradient and the trunk of wood
    phase: Float[Tensor, "*batch 3"]  # shift of the pattern, in cycles; an eighth of it shifts the trunk of wood
    colours: Float[Tensor, "*batch 2 3"]  # rgb in [0, 1]; the second is that of late wood, veins, mortar and dots

    def map(self, change: Callable[[Tensor], Tensor]) -> Self:
        """The textures with `change` applied to each tensor."""
        return Textures(**{name: change(value) for name, value in vars(self).items()})


def albedo(textures: Textures, points: Points) -> Float[Tensor, "points 3"]:
    """The two colours of each texture, (points, 3), mixed by its pattern's weight in [0, 1] at a point of its own.

    Points are in the frame of the primitive, in world units.
    """
    weight = torch.zeros_like(points[:, 0])
    for pattern, weigh in _WEIGH.items():
        chosen = (textures.pattern == pattern).nonzero()[:, 0]
        if len(chosen):
            weight[chosen] = weigh(textures.map(lambda value, chosen=chosen: value[chosen]), points[chosen])
    return torch.lerp(textures.colours[:, 0], textures.colours[:, 1], weight[:, None])


def _stripes(textures: Textures, points: Points) -> Weights:
    along = _dot(points, textures.axis) * textures.frequency + textures.phase[:, 0]
    return (along - along.floor() < 0.5).to(points.dtype)


def _checker(textures: Textures, points: Points) -> Weights:
    x, y, z = torch.floor(2 * _place(textures, points)).unbind(-1)
    return torch.remainder(x + y + z, 2)


def _wood(textures: Textures, points: Points) -> Weights:
    """Rings about a trunk: a slow rise to late wood, a quick fall; bent, and grained along the trunk."""
    place = points * textures.frequency[:, None] + textures.phase / 8
    along = _dot(place, textures.axis)[:, None] * textures.axis
    fibre = place - 0.8 * along  # five times longer along the trunk
    ring = (place - along).norm(dim=-1) + 1.5 * value_noise(0.4 * fibre + textures.phase)
    ring = ring - ring.floor()
    late = _smooth(torch.minimum(ring / 0.8, (1 - ring) / 0.2))
    grain = value_noise(2.5 * fibre + textures.phase)
    return (0.75 * late + 0.35 * grain - 0.05).clamp(0, 1)


def _marble(textures: Textures, points: Points) -> Weights:
    """Thin veins: a sine along the axis, shifted by turbulence (the folded noise of Perlin 1985)."""
    turbulence = _octaves(textures, points, lambda noise: (2 * noise - 1).abs())
    along = _dot(points, textures.axis) * textures.frequency + textures.phase[:, 0]
    return (0.5 + 0.5 * torch.sin(2 * torch.pi * (along + 1.5 * turbulence))) ** 3


def _brick(textures: Textures, points: Points) -> Weights:
    """Running bond in courses up z: mortar 1, each brick a tone of its own in [0, 0.3].

    Joints run across x + y, so that no wall of a box that faces x or y lies within a joint.
    """
    x, y, z = _place(textures, points).unbind(-1)
    course = torch.floor(2 * z)
    along = x + y + 0.5 * torch.remainder(course, 2)
    brick = torch.floor(along)
    mortar = (along - brick < _JOINT) | (2 * z - course < 2 * _JOINT)  # joints equally thick both ways
    tone = 0.3 * _lattice(brick.int(), course.int(), torch.zeros_like(course.int())).to(points.dtype)
    return torch.where(mortar, 1.0, tone)


def _dots(textures: Textures, points: Points) -> Weights:
    """Balls on a body-centred lattice: a plane through any place across x, y or z meets some of them."""
    place = _place(textures, points)
    corner, centre = place - torch.round(place), place - torch.floor(place) - 0.5
    nearest = torch.minimum(_dot(corner, corner), _dot(centre, centre))
    return (nearest < _DOT_RADIUS**2).to(points.dtype)


def _place(textures: Textures, points: Points) -> Points:
    return points * textures.frequency[:, None] + textures.phase


def _octaves(textures: Textures, points: Points, fold: Callable[[Weights], Weights]) -> Weights:
    """Mean of the folded octaves of noise with halving amplitudes; in [0, 1] as `fold` is."""
    place = _place(textures, points)
    total = fold(value_noise(place))
    for octave in (1, 2):
        finer = (textures.octaves > octave).nonzero()[:, 0]
        total[finer] += 0.5**octave * fold(value_noise(place[finer] * 2**octave))
    return total / (2 - 2 * 0.5**textures.octaves)  # 1 + 1/2 + ...


def value_noise(points: Points) -> Weights:
    """Random values at the integer lattice, smoothly interpolated; in [0, 1]."""
    place = points.T.contiguous()  # (3, points): each step then runs along memory
    low = torch.floor(place)
    fraction = _smooth(place - low)
    corner = low.int()
    x, y, z = torch.stack([corner, corner + 1], dim=1)  # (2, points) each
    value = _lattice(x[:, None, None], y[:, None], z).to(points.dtype)  # (2, 2, 2, points)
    for share in fraction:
        value = torch.lerp(value[0], value[1], share)
    return value


def _smooth(x: Tensor) -> Tensor:
    return x * x * (3 - 2 * x)


def _dot(one: Points, other: Points) -> Weights:
    """Scalar products; several times faster than a sum over an axis of length 3."""
    (a, b, c), (x, y, z) = one.unbind(-1), other.unbind(-1)
    return a * x + b * y + c * z


def _lattice(x: Int32, y: Int32, z: Int32) -> Float[Tensor, " *batch"]:
    """Random value in [0, 1] of each lattice point: a hash that wraps around in 32 bits.

    The coordinates meet by the primes of Teschner et al. (2003). A right shift of a signed integer copies
    its sign bit, hence the masks.
    """
    key = x * 73856093 ^ y * 19349663 ^ z * 83492791
    key ^= (key >> 15) & 0x1FFFF
    key *= 0x2C1B3C6D
    key ^= (key >> 12) & 0xFFFFF
    key *= 0x297A2D39
    key ^= (key >> 15) & 0x1FFFF
    return (key & 0xFFFF) / 0xFFFF


_JOINT = 0.06  # thickness of mortar, in lengths of a brick
_DOT_RADIUS = 0.32  # in cycles; neighbours on the lattice are 0.87 apart
_WEIGH = {
    Pattern.STRIPES: _stripes,
    Pattern.CHECKER: _checker,
    Pattern.GRADIENT: lambda textures, points: (_dot(points, textures.axis) * textures.frequency + 0.5).clamp(0, 1),
    Pattern.NOISE: lambda textures, points: _smooth(  # with halving amplitudes, its contrast stretched
        ((_octaves(textures, points, lambda noise: noise) - 0.25) * 2).clamp(0, 1)
    ),
    Pattern.WOOD: _wood,
    Pattern.MARBLE: _marble,
    Pattern.BRICK: _brick,
    Pattern.DOTS: _dots,
    Pattern.SPECKLE: lambda textures, points: value_noise(_place(textures, points)),  # contrast is low
}
