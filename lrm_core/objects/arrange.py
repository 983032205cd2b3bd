"""How the primitives of an object are put together: by a plan of `families.py`, or at random.

Whatever the plan, the parts touch, and they are moved and scaled to fill the bounding sphere.
"""

import math
from dataclasses import replace

import numpy as np

from lrm_core.objects.families import PLANS
from lrm_core.objects.parts import Part, Points, Rotation, Vector, about_z, between, draw_form, mirrored
from lrm_core.objects.shapes import POINTED, Kind

BOUND = 0.95  # world units, radius of the bounding sphere
LOOSE, LOOSE_PARTS = 0.15, 6  # share of objects without a plan, and how many primitives they have at most
UPRIGHT = 0.9  # share of planned objects that stand on their feet
FACING = 0.5  # share of planned objects that look at the source camera
_CORE_FORMS = (0.65, 0.72)  # shares of blobs, and of blobs and rods; the rest are plates
_LIMB_FORMS = (0.5, 0.75)
HULL_SLACK = 1.004  # the hull is sampled: what may stick out between its samples


def arrange(rng: np.random.Generator) -> list[Part]:
    """Draw the 2 to 10 primitives of one object, normalised to the bounding sphere."""
    if rng.random() < LOOSE:
        return _normalise(_heap(rng))
    share = rng.random()
    parts = next(plan for limit, plan in PLANS if share < limit)(rng)
    turn = np.eye(3) if rng.random() < FACING else about_z(2 * math.pi * rng.random())
    if rng.random() > UPRIGHT:
        turn = turn @ _quarter_turn(rng)
    return _normalise([part.turned(turn) for part in parts])


def _heap(rng: np.random.Generator) -> list[Part]:
    """2 to 6 primitives, each attached to an earlier one."""
    count = 2 + int(rng.random() * (LOOSE_PARTS - 1))
    upright, spin = rng.random() < 0.55, about_z(2 * math.pi * rng.random())
    spin = spin if upright else None
    parts = [_draw_part(rng, 0.5, _CORE_FORMS, spin)]
    while len(parts) < count:
        parent = parts[int(rng.random() ** 2 * len(parts))]  # mostly the first ones: fewer long chains
        part = _draw_part(rng, 0.5 * between(rng, 0.35, 0.85), _LIMB_FORMS, spin)
        part = replace(_attach(rng, parent, part, spin), finish=len(parts))
        parts.append(part)
        twin = _mirror(part, parent)
        clear = np.linalg.norm(part.centre - twin.centre) > 2 * part.scale.max()  # coinciding faces would flicker
        if len(parts) < count and rng.random() < 0.5 and clear:
            parts.append(twin)
    return parts


def _draw_part(rng: np.random.Generator, size: float, forms: tuple[float, float], spin: Rotation | None) -> Part:
    """A primitive at the origin: a blob, a rod or a plate, with its longest half size equal to `size`."""
    kind = Kind(int(rng.random() * len(Kind)))
    shape, form = rng.random(), draw_form(rng, kind)
    if kind == Kind.TORUS:
        scale = np.array([1, 1 if rng.random() < 0.7 else between(rng, 0.5, 1), between(rng, 0.7, 1.3)])
    elif shape < forms[0]:
        scale = np.array([1, between(rng, 0.5, 1), between(rng, 0.5, 1)])
    elif shape < forms[1]:
        scale = np.array([1, *[between(rng, 0.14, 0.35)] * 2])
    else:
        scale = np.array([1, between(rng, 0.5, 1), between(rng, 0.12, 0.3)])
    if kind != Kind.TORUS:
        scale = _order_axes(rng, kind, scale)
    return Part(kind, np.zeros(3), _draw_turn(rng, spin), np.maximum(size * scale, 0.05), form)


def _order_axes(rng: np.random.Generator, kind: Kind, scale: Vector) -> Vector:
    """Turn the half sizes so that solids with an axis are mostly round about it."""
    long, middle, short = scale
    if kind in (Kind.ELLIPSOID, Kind.BOX, Kind.ROUNDED) or rng.random() < 0.2:
        return scale
    if short == middle:
        return np.array([short, middle, long])
    return np.array([long, long, short])


def _attach(rng: np.random.Generator, parent: Part, part: Part, spin: Rotation | None) -> Part:
    """Move the part so that it holds a random place of the parent's surface."""
    points, normals = parent.surface()
    facing = normals @ _draw_turn(rng, spin)[:, 2]
    eligible = np.flatnonzero(facing > facing.max() - 0.1)
    chosen = eligible[int(rng.random() * len(eligible))]
    return replace(part, centre=points[chosen] - _contact(rng, part, -normals[chosen]))


def _contact(rng: np.random.Generator, part: Part, towards: Vector) -> Vector:
    """A place inside a part about the origin, well out in a direction."""
    points = part.surface()[0]
    reach = points @ towards
    extreme = points[reach >= 0.98 * reach.max()]
    if part.kind == Kind.SPOOL:  # hollow-sided: between two outer points there may be nothing
        extreme = extreme[:1]
    if part.kind != Kind.TORUS:
        return between(rng, 0.4, 0.9) * extreme.mean(axis=0)
    ring, tube = 1 - part.form, part.form
    deepest = 2 * tube**2 / (ring**2 + tube**2)  # shrinking an outer point further would leave the tube
    return (1 - deepest * between(rng, 0.1, 0.9)) * extreme[int(rng.random() * len(extreme))]


def _mirror(part: Part, parent: Part) -> Part:
    """The twin across the parent's plane of symmetry that lies farthest from the part."""
    offset = part.centre - parent.centre
    planes = 2 if parent.kind in POINTED else 3
    axis = parent.rotation[:, np.argmax(np.abs(offset @ parent.rotation[:, :planes]))]
    return mirrored(part, axis, parent.centre)


def _normalise(parts: list[Part]) -> list[Part]:
    """The parts moved and scaled together to fill the sphere of radius `BOUND` about the origin."""
    centre, radius = enclosing_ball(np.concatenate([part.surface()[0] for part in parts]))
    grow = BOUND / (radius * HULL_SLACK)
    return [replace(part, centre=(part.centre - centre) * grow, scale=part.scale * grow) for part in parts]


def enclosing_ball(points: Points) -> tuple[Vector, float]:
    """Centre (3,) and radius of a nearly smallest ball that holds all points (n, 3) (Badoiu and Clarkson 2003)."""
    square = np.einsum("ij,ij->i", points, points)
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    for step in range(100):
        farthest = points[np.argmax(square - 2 * points @ centre)]
        centre = centre + (farthest - centre) / (step + 10)
    return centre, float(np.linalg.norm(points - centre, axis=1).max())


def _draw_turn(rng: np.random.Generator, spin: Rotation | None) -> Rotation:
    """A quarter turn before the `spin` that all upright parts share, or any rotation where there is none."""
    return _random_rotation(rng) if spin is None else spin @ _quarter_turn(rng)


def _quarter_turn(rng: np.random.Generator) -> Rotation:
    """One of the 6 rotations that only rename axes and signs, with z to each side equally often."""
    axis, sign = int(rng.random() * 3), 1.0 if rng.random() < 0.5 else -1.0
    cycle = np.roll(np.eye(3), axis, axis=0)
    return cycle @ np.diag([1.0, sign, sign])


def _random_rotation(rng: np.random.Generator) -> Rotation:
    """Uniform rotation from a unit quaternion (Shoemake 1992)."""
    u, v, w = rng.random(), 2 * math.pi * rng.random(), 2 * math.pi * rng.random()
    a, b = math.sqrt(1 - u), math.sqrt(u)
    x, y, z, s = a * math.sin(v), a * math.cos(v), b * math.sin(w), b * math.cos(w)
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + 2 * s * skew + 2 * skew @ skew
