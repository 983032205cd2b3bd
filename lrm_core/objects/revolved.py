"""Solids of revolution x^2 + y^2 <= a + b z + c z^2, |z| <= 1: a quadric between two discs.

A profile is (a, b, c), numbers or one value per line.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Lines = Float[Tensor, "3 lines"]
Scalars = Float[Tensor, " lines"]
Profile = tuple[Tensor | float, Tensor | float, Tensor | float]


def enter(profile: Profile, points: Lines, directions: Lines) -> Scalars:
    """First of the valid crossings with the side (a quadratic) and with the two discs; inf for a miss."""
    (x, y, z), (dx, dy, dz), (a, b, c) = points, directions, profile
    square = dx * dx + dy * dy - c * dz * dz
    half = x * dx + y * dy - (b / 2 + c * z) * dz
    rest = x * x + y * y - _square(profile, z)
    root = (half * half - square * rest).sqrt()  # NaN where there is no crossing, and NaN compares false
    stable = -(half + torch.where(half < 0, -root, root))
    first = torch.full_like(x, math.inf)
    for t in (stable / square, rest / stable):
        on_side = (z + t * dz).abs() <= 1
        first = torch.where(on_side, torch.minimum(first, t), first)
    for end in (-1, 1):
        t = (end - z) / dz
        on_disc = (x + t * dx) ** 2 + (y + t * dy) ** 2 <= a + end * b + c
        first = torch.where(on_disc, torch.minimum(first, t), first)
    return first


def normal(profile: Profile, points: Lines) -> Lines:
    """Outward direction, of any length, of the disc where it is nearer than the side."""
    (x, y, z), (_, b, c) = points, profile
    inward = _square(profile, z).clamp(min=0).sqrt() - torch.sqrt(x * x + y * y)
    on_disc = 1 - z.abs() < inward
    flat = torch.zeros_like(z)
    return torch.where(on_disc, torch.stack([flat, flat, z]), torch.stack([x, y, -(b / 2 + c * z)]))


def contains(profile: Profile, points: Lines) -> Bool[Tensor, " lines"]:
    """Whether points lie in the solid, its surface included."""
    x, y, z = points
    return (x * x + y * y <= _square(profile, z)) & (z.abs() <= 1)


def _square(profile: Profile, z: Scalars) -> Scalars:
    """Squared radius at a height."""
    a, b, c = profile
    return a + z * (b + c * z)
