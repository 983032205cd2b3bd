"""Random arrangements of primitives that touch, moved and scaled to fill the bounding sphere."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from lrm_core.objects.shapes import Kind

MAX_PRIMITIVES = 6
BOUND = 0.95  # world units, radius of the bounding sphere
_CORE_FORMS = (0.65, 0.72)  # shares of blobs, and of blobs and rods; the rest are plates
_LIMB_FORMS = (0.5, 0.75)
HULL_SLACK = 1.004  # the hull is sampled: what may stick out between its samples


@dataclass(frozen=True)
class Part:
    """One placed primitive.

    rotation (3, 3) takes its axes to the world; scale (3,) holds half sizes. Parts with one `finish`
    look alike.
    """

    kind: Kind
    centre: np.ndarray
    rotation: np.ndarray
    scale: np.ndarray
    tube: float
    finish: int = 0

    def surface(self) -> tuple[np.ndarray, np.ndarray]:
        """Points and unit normals (n, 3), in the world, that cover the surface."""
        points, normals = surface_samples(self.kind, self.tube)
        normals = (normals / self.scale) @ self.rotation.T
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        return self.centre + (points * self.scale) @ self.rotation.T, normals


def arrange(rng: np.random.Generator) -> list[Part]:
    """Draw 2 to 6 primitives, each attached to an earlier one, normalised to the bounding sphere."""
    count = 2 + int(rng.random() * (MAX_PRIMITIVES - 1))
    upright = rng.random() < 0.55
    spin = _about_z(2 * math.pi * rng.random())
    parts = [_draw_part(rng, 0.5, _CORE_FORMS, upright, spin)]
    while len(parts) < count:
        parent = parts[int(rng.random() ** 2 * len(parts))]  # mostly the first ones: fewer long chains
        part = _draw_part(rng, 0.5 * _between(rng, 0.35, 0.85), _LIMB_FORMS, upright, spin)
        part = replace(_attach(rng, parent, part, upright, spin), finish=len(parts))
        parts.append(part)
        twin = _mirror(part, parent)
        if len(parts) < count and rng.random() < 0.5 and _apart(part, twin):
            parts.append(twin)
    return _normalise(parts)


def surface_samples(kind: Kind, tube: float) -> tuple[np.ndarray, np.ndarray]:
    """Points and outward normals (n, 3) on a canonical solid, its edges, corners and rims included."""
    if kind == Kind.ELLIPSOID:
        ball = _fibonacci_ball(400)
        return ball, ball
    if kind == Kind.BOX:
        return _BOX
    if kind == Kind.TORUS:
        return _torus_samples(tube)
    return _CYLINDER if kind == Kind.CYLINDER else _CONE


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return low + (high - low) * rng.random()


def _draw_part(
    rng: np.random.Generator, size: float, forms: tuple[float, float], upright: bool, spin: np.ndarray
) -> Part:
    """A primitive at the origin: a blob, a rod or a plate, with its longest half size equal to `size`."""
    kind = Kind(int(rng.random() * len(Kind)))
    form, tube = rng.random(), _between(rng, 0.15, 0.45)
    if kind == Kind.TORUS:
        scale = np.array([1, 1 if rng.random() < 0.7 else _between(rng, 0.5, 1), _between(rng, 0.7, 1.3)])
    elif form < forms[0]:
        scale = np.array([1, _between(rng, 0.5, 1), _between(rng, 0.5, 1)])
    elif form < forms[1]:
        scale = np.array([1, *[_between(rng, 0.14, 0.35)] * 2])
    else:
        scale = np.array([1, _between(rng, 0.5, 1), _between(rng, 0.12, 0.3)])
    if kind != Kind.TORUS:
        scale = _order_axes(rng, kind, scale)
    rotation = spin @ _quarter_turn(rng) if upright else _random_rotation(rng)
    return Part(kind, np.zeros(3), rotation, np.maximum(size * scale, 0.05), tube)


def _order_axes(rng: np.random.Generator, kind: Kind, scale: np.ndarray) -> np.ndarray:
    """Turn the half sizes so that cylinders and cones are mostly round about their axis."""
    long, middle, short = scale
    if kind in (Kind.ELLIPSOID, Kind.BOX) or rng.random() < 0.2:
        return scale
    if short == middle:
        return np.array([short, middle, long])
    return np.array([long, long, short])


def _attach(rng: np.random.Generator, parent: Part, part: Part, upright: bool, spin: np.ndarray) -> Part:
    """Move the part so that it holds a random place of the parent's surface."""
    points, normals = parent.surface()
    towards = (spin @ _quarter_turn(rng) if upright else _random_rotation(rng))[:, 2]
    facing = normals @ towards
    eligible = np.flatnonzero(facing > facing.max() - 0.1)
    chosen = eligible[int(rng.random() * len(eligible))]
    return replace(part, centre=points[chosen] - _contact(rng, part, -normals[chosen]))


def _contact(rng: np.random.Generator, part: Part, towards: np.ndarray) -> np.ndarray:
    """A place inside a part about the origin, well out in a direction."""
    points = part.surface()[0]
    reach = points @ towards
    extreme = points[reach >= 0.98 * reach.max()]
    if part.kind != Kind.TORUS:
        return _between(rng, 0.4, 0.9) * extreme.mean(axis=0)
    ring, tube = 1 - part.tube, part.tube
    deepest = 2 * tube**2 / (ring**2 + tube**2)  # shrinking an outer point further would leave the tube
    return (1 - deepest * _between(rng, 0.1, 0.9)) * extreme[int(rng.random() * len(extreme))]


def _mirror(part: Part, parent: Part) -> Part:
    """The twin across the parent's plane of symmetry that lies farthest from the part.

    Every kind is its own mirror image across local x, y and, but for the cone, z.
    """
    offset = part.centre - parent.centre
    planes = 2 if parent.kind == Kind.CONE else 3
    axis = parent.rotation[:, np.argmax(np.abs(offset @ parent.rotation[:, :planes]))]
    flip = np.eye(3) - 2 * np.outer(axis, axis)
    rotation = flip @ part.rotation @ np.diag([-1.0, 1.0, 1.0])
    return replace(part, centre=parent.centre + flip @ offset, rotation=rotation)


def _apart(part: Part, twin: Part) -> bool:
    """Whether twins keep clear of each other: coinciding faces would flicker."""
    return np.linalg.norm(part.centre - twin.centre) > 2 * part.scale.max()


def _normalise(parts: list[Part]) -> list[Part]:
    centre, radius = enclosing_ball(np.concatenate([part.surface()[0] for part in parts]))
    grow = BOUND / (radius * HULL_SLACK)
    return [replace(part, centre=(part.centre - centre) * grow, scale=part.scale * grow) for part in parts]


def enclosing_ball(points: np.ndarray, iterations: int = 100) -> tuple[np.ndarray, float]:
    """Nearly smallest ball about points (n, 3): centre (3,) and radius (Badoiu and Clarkson 2003)."""
    square = np.einsum("ij,ij->i", points, points)
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    for step in range(iterations):
        farthest = points[np.argmax(square - 2 * points @ centre)]
        centre = centre + (farthest - centre) / (step + 10)
    return centre, float(np.linalg.norm(points - centre, axis=1).max())


def _about_z(angle: float) -> np.ndarray:
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1.0]])


def _quarter_turn(rng: np.random.Generator) -> np.ndarray:
    """One of the 6 rotations that only rename axes and signs, with z to each side equally often."""
    axis, sign = int(rng.random() * 3), 1.0 if rng.random() < 0.5 else -1.0
    cycle = np.roll(np.eye(3), axis, axis=0)
    return cycle @ np.diag([1.0, sign, sign])


def _random_rotation(rng: np.random.Generator) -> np.ndarray:
    """Uniform rotation from a unit quaternion (Shoemake 1992)."""
    u, v, w = rng.random(), 2 * math.pi * rng.random(), 2 * math.pi * rng.random()
    a, b = math.sqrt(1 - u), math.sqrt(u)
    x, y, z, s = a * math.sin(v), a * math.cos(v), b * math.sin(w), b * math.cos(w)
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + 2 * s * skew + 2 * skew @ skew


def _fibonacci_ball(count: int) -> np.ndarray:
    z = np.linspace(-1, 1, count)
    angle = math.pi * (3 - math.sqrt(5)) * np.arange(count)
    radius = np.sqrt(1 - z * z)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)


def _box_samples() -> tuple[np.ndarray, np.ndarray]:
    u, v = (g.ravel() for g in np.meshgrid(np.linspace(-1, 1, 5), np.linspace(-1, 1, 5)))
    face = np.stack([u, v, np.ones_like(u)], axis=1)
    top = np.tile([0.0, 0, 1], (len(face), 1))
    turns = [(axis, sign) for axis in range(3) for sign in (1, -1)]
    return tuple(
        np.concatenate([sign * np.roll(a, axis, axis=1) for axis, sign in turns]) for a in (face, top)
    )


def _circle(count: int, radius: float, z: float) -> np.ndarray:
    angle = 2 * math.pi * np.arange(count) / count
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), np.full(count, z)], axis=1)


def _disc(z: float) -> tuple[np.ndarray, np.ndarray]:
    points = np.concatenate([[[0.0, 0, z]], _circle(6, 0.4, z), _circle(12, 0.7, z), _circle(48, 1, z)])
    return points, np.tile([0, 0, z], (len(points), 1))


def _cylinder_samples() -> tuple[np.ndarray, np.ndarray]:
    side = np.concatenate([_circle(32, 1, z) for z in (-1, -0.5, 0, 0.5, 1)])
    discs = _disc(1.0), _disc(-1.0)
    normals = np.concatenate([side * [1, 1, 0], *(n for _, n in discs)])
    return np.concatenate([side, *(p for p, _ in discs)]), normals


def _cone_samples() -> tuple[np.ndarray, np.ndarray]:
    side = np.concatenate([_circle(24, (1 - z) / 2, z) for z in (-0.8, -0.4, 0, 0.4, 0.8)])
    slope = np.concatenate([_circle(24, 2, 1)] * 5)
    tip, (base, down) = np.array([[0.0, 0, 1]]), _disc(-1.0)
    return np.concatenate([side, tip, base]), np.concatenate([slope, tip, down])


def _torus_samples(tube: float) -> tuple[np.ndarray, np.ndarray]:
    ring, angle = _circle(48, 1, 0), 2 * math.pi * np.arange(12) / 12
    normals = np.concatenate([math.cos(a) * ring + [0, 0, math.sin(a)] for a in angle])
    return np.tile((1 - tube) * ring, (12, 1)) + tube * normals, normals


_BOX, _CYLINDER, _CONE = _box_samples(), _cylinder_samples(), _cone_samples()
