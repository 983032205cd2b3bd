"""One placed primitive of an object, and points that cover its surface."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Self

import numpy as np
import torch
from jaxtyping import Float

from lrm_core.objects.shapes import PROFILES, Kind, entry, normal

FORMS = 16  # values of a form that occur; few, so that surfaces are sampled once

Vector = Float[np.ndarray, " 3"]
Rotation = Float[np.ndarray, "3 3"]
Points = Float[np.ndarray, "n 3"]


@dataclass(frozen=True)
class Part:
    """One placed primitive."""

    kind: Kind
    centre: Vector  # in world units
    rotation: Rotation  # takes its axes to the world
    scale: Vector  # half sizes along its axes, in world units
    form: float  # as `shapes.Kind` says
    finish: int = 0  # parts with the same number look alike

    def surface(self) -> tuple[Points, Points]:
        """Points and unit outward normals, (n, 3) each, in the world, that cover the surface up to its rims."""
        points, normals = surface_samples(self.kind, self.form)
        normals = (normals / self.scale) @ self.rotation.T
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        return self.centre + (points * self.scale) @ self.rotation.T, normals

    def turned(self, turn: Rotation) -> Self:
        """The part after a rotation (3, 3) about the origin."""
        return replace(self, centre=turn @ self.centre, rotation=turn @ self.rotation)


def draw_form(rng: np.random.Generator, kind: Kind) -> float:
    """One of the `FORMS` forms of this kind of solid, each as likely as any other."""
    low, high = (0.12, 0.45) if kind == Kind.TORUS else (0.3, 0.9)
    return low + (high - low) * int(rng.random() * FORMS) / (FORMS - 1)


def placed(
    rng: np.random.Generator, kind: Kind, centre: Sequence[float], scale: Sequence[float], finish: int = 0
) -> Part:
    """A part with its axes along those of the world and a form that is drawn; other arguments as in `Part`."""
    place, size, form = np.array(centre, float), np.array(scale, float), draw_form(rng, kind)
    return Part(kind, place, np.eye(3), size, form, finish)


def mirrored(part: Part, axis: Vector, through: Vector) -> Part:
    """The part's mirror image in the plane `through` a point (3,) with the unit normal `axis` (3,).

    Every solid is its own mirror image across its own x, which keeps the rotation a rotation.
    """
    flip = np.eye(3) - 2 * np.outer(axis, axis)
    rotation = flip @ part.rotation @ np.diag([-1.0, 1.0, 1.0])
    return replace(part, centre=through + flip @ (part.centre - through), rotation=rotation)


def pair(part: Part, axis: Sequence[float] = (1, 0, 0)) -> list[Part]:
    """The part and its mirror image in the plane through the origin across `axis`, 3 numbers of length 1."""
    return [part, mirrored(part, np.array(axis, float), np.zeros(3))]


def four(part: Part) -> list[Part]:
    """The part and its mirror images across x, across y and across both."""
    return [twin for side in pair(part) for twin in pair(side, (0, 1, 0))]


def about_z(angle: float) -> Rotation:
    """Rotation (3, 3) about z by `angle` radians, anticlockwise seen from above."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1.0]])


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """One uniform draw in [low, high)."""
    return low + (high - low) * rng.random()


@cache
def surface_samples(kind: Kind, form: float) -> tuple[Points, Points]:
    """Points and outward normals on a canonical solid, its edges, corners and rims included.

    Normals need not be of unit length. The arrays are kept and shared between calls: leave them as they are.
    """
    if kind == Kind.TORUS:
        ring, angles = _circle(48, 1, 0), 2 * math.pi * np.arange(12) / 12
        normals = np.concatenate([math.cos(angle) * ring + [0, 0, math.sin(angle)] for angle in angles])
        return np.tile((1 - form) * ring, (12, 1)) + form * normals, normals
    outward = np.concatenate([_fibonacci_ball(400), _edges(kind, form)])
    rays = torch.from_numpy(outward.T)
    forms = torch.full((len(outward),), form, dtype=rays.dtype)
    t = entry(kind, 2 * rays, -rays, forms)  # star-shaped about the origin: the first hit is the surface
    points = (2 - t) * rays
    normals = normal(kind, points, forms)
    normals = torch.where(normals.norm(dim=0) > 0, normals, points)  # an apex faces no way
    return points.T.numpy(), normals.T.numpy()


def _edges(kind: Kind, form: float) -> Points:
    """Directions (n, 3) towards the rims of a solid of revolution (a hair beside them), or towards corners."""
    if kind in PROFILES:
        a, b, c = PROFILES[kind](torch.tensor(form, dtype=torch.float64))
        radii = [(z, math.sqrt(max(0.0, float(a + z * b + c)))) for z in (-1, 1)]
        return np.concatenate([_circle(48, radius, 0.9999 * z) for z, radius in radii] + [[[0, 0, 1.0]]])
    corners = np.stack(np.meshgrid(*[np.linspace(-1, 1, 5)] * 3), axis=-1).reshape(-1, 3)
    corners = corners[np.abs(corners).max(axis=1) == 1]
    if kind == Kind.PYRAMID:
        corners[:, :2] *= np.where(corners[:, 2:] == 1, form, 1)
    hexagonal = np.concatenate([_circle(6, 1, z) for z in (-1, 1)])
    ridge = np.stack([np.zeros(5), np.linspace(-1, 1, 5), np.ones(5)], axis=1)
    return np.concatenate([corners, hexagonal, ridge])


def _fibonacci_ball(count: int) -> Points:
    """Directions (count, 3) evenly about the sphere, on a spiral by the golden angle."""
    z = np.linspace(-1, 1, count)
    angle = math.pi * (3 - math.sqrt(5)) * np.arange(count)
    radius = np.sqrt(1 - z * z)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)


def _circle(count: int, radius: float, z: float) -> Points:
    """Points (count, 3) evenly on a circle about the z axis."""
    angle = 2 * math.pi * np.arange(count) / count
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), np.full(count, z)], axis=1)
