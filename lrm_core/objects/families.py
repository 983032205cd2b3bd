"""Plans of things: what people make is mostly upright, symmetric and assembled from few kinds of part.

A plan draws 2 to 10 parts in its own frame, z up and its front towards -y; nothing is normalised yet, so
lengths count only against each other. Parts that must look alike share a finish. Neighbours overlap by a
little, so that everything hangs together.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lrm_core.objects.parts import Part, Vector, about_z, between, four, pair, placed
from lrm_core.objects.shapes import Kind

MAX_PRIMITIVES = 10
ROUND = (Kind.CYLINDER, Kind.FRUSTUM, Kind.BARREL, Kind.SPOOL, Kind.CONE, Kind.DOME, Kind.ELLIPSOID)
SQUARE = (Kind.BOX, Kind.PYRAMID, Kind.HEXAGON, Kind.ROUNDED)
BODIES = (Kind.BOX, Kind.ROUNDED, Kind.ELLIPSOID, Kind.BARREL, Kind.CYLINDER, Kind.WEDGE)
PLATES = (Kind.BOX, Kind.CYLINDER, Kind.ROUNDED, Kind.HEXAGON)
RODS = (Kind.CYLINDER, Kind.BOX, Kind.FRUSTUM, Kind.SPOOL)
ENDS = (Kind.ELLIPSOID, Kind.ROUNDED, Kind.CONE, Kind.BOX, Kind.DOME)
STRAIGHT = (Kind.CYLINDER, Kind.BARREL, Kind.ELLIPSOID, Kind.BOX, Kind.ROUNDED)  # widest in the middle
POINTED_TOP = (Kind.CONE, Kind.DOME, Kind.ELLIPSOID)
TO_X = np.array([[0, 0, 1.0], [1, 0, 0], [0, 1, 0]])  # rotations (3, 3) that lay the z axis along x, along y
TO_Y = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])


def turned(rng: np.random.Generator) -> list[Part]:
    """Vases, lamps, towers: 2 to 5 pieces on one axis, perhaps with one or two ring handles."""
    kinds = ROUND if rng.random() < 0.75 else SQUARE
    parts, top, radius = [], 0.0, between(rng, 0.25, 0.7)
    for piece in range(2 + int(4 * rng.random())):
        kind = _pick(rng, kinds)
        height = between(rng, 0.06, 0.5)
        top -= 0.2 * height * (piece > 0 and kind == Kind.ELLIPSOID)
        parts.append(placed(rng, kind, (0, 0, top + height), (radius, radius, height), finish=piece % 3))
        top += 2 * height * (0.8 if kind in POINTED_TOP else 0.96)
        radius = min(0.9, max(0.08, radius * between(rng, 0.4, 1.6)))
    body = parts[0]
    if rng.random() < 0.4 and body.kind in STRAIGHT:
        both, ring = rng.random() < 0.5, 0.9 * min(body.scale[2], between(rng, 0.2, 0.4))
        place = body.centre + np.array([0.95 * body.scale[0], 0, 0])
        handle = placed(rng, Kind.TORUS, place, (ring, max(ring, 0.1), ring), finish=3)
        parts += pair(replace(handle, rotation=TO_Y))[: 1 + both]  # upright, at its sides
    return parts


def furniture(rng: np.random.Generator) -> list[Part]:
    """Tables, chairs, benches: a plate on legs or on a column; a back, arms, a shelf or a cushion."""
    width, depth, thick = between(rng, 0.35, 0.9), between(rng, 0.3, 0.6), between(rng, 0.05, 0.14)
    height = between(rng, 0.12, 0.8)
    plate = placed(rng, _pick(rng, PLATES), (0, 0, 0), (width, depth, thick))
    parts = [plate, *_stand(rng, plate, height)]
    if rng.random() < 0.6:
        parts += _seat(rng, plate)
    elif rng.random() < 0.4:
        shelf = (0.85 * width, 0.85 * depth, 0.03)
        parts.append(placed(rng, Kind.BOX, (0, 0, -height * between(rng, 0.6, 1.2)), shelf))
    if rng.random() < 0.3:  # a small thing stands on the plate
        size = between(rng, 0.08, 0.25)
        place = (between(rng, -0.5, 0.5) * width, 0, thick + 0.8 * size)
        parts.append(placed(rng, _pick(rng, ROUND + SQUARE), place, (size, size, size), finish=3))
    return parts


def _stand(rng: np.random.Generator, plate: Part, height: float) -> list[Part]:
    """Four legs, or a column on a foot; they reach into the plate."""
    (width, depth, thick), slim = plate.scale, between(rng, 0.03, 0.1)
    middle = -height - 0.5 * thick
    if rng.random() < 0.25:
        foot = (0.6 * width, 0.6 * depth, 0.05)
        column = placed(rng, _pick(rng, RODS), (0, 0, middle), (slim, slim, height + thick), finish=1)
        return [column, placed(rng, _pick(rng, PLATES), (0, 0, -2 * height - thick), foot, finish=1)]
    inset = between(rng, 0.8, 1) * {Kind.BOX: 0.92, Kind.ROUNDED: 0.75}.get(plate.kind, 0.6)
    corner = (inset * (width - slim), inset * (depth - slim), middle)
    return four(placed(rng, _pick(rng, RODS), corner, (slim, slim, height + thick), finish=1))


def _seat(rng: np.random.Generator, plate: Part) -> list[Part]:
    """A back, often with arms and a cushion."""
    (width, depth, thick), back, slim = plate.scale, between(rng, 0.25, 0.8), between(rng, 0.04, 0.1)
    kind = Kind.BOX if rng.random() < 0.6 else Kind.ROUNDED
    parts = [placed(rng, kind, (0, 0.8 * depth, back), (width, slim, back + thick))]
    if rng.random() < 0.4:
        arm = between(rng, 0.1, 0.3)
        parts += pair(placed(rng, kind, (width - slim, 0, arm), (slim, 0.9 * depth, arm + thick), finish=2))
    if rng.random() < 0.5:
        soft = between(rng, 0.05, 0.15)
        size = (0.85 * width, 0.8 * depth, soft)
        parts.append(placed(rng, Kind.ROUNDED, (0, -0.05 * depth, thick + 0.8 * soft), size, finish=3))
    return parts


def cabinet(rng: np.random.Generator) -> list[Part]:
    """Boxes with doors, drawers or a screen on the front, a top, knobs."""
    size = np.array([between(rng, 0.3, 0.9), between(rng, 0.15, 0.6), between(rng, 0.25, 1.0)])
    body = placed(rng, _pick(rng, (Kind.BOX, Kind.BOX, Kind.ROUNDED, Kind.HEXAGON)), (0, 0, 0), size)
    columns, rows = 1 + int(2 * rng.random()), 1 + int(3 * rng.random())  # of equal doors on its front
    width, depth, height = size / (columns, 1, rows)
    front = -0.65 * depth if body.kind == Kind.HEXAGON else -depth
    door = Part(Kind.BOX, np.zeros(3), np.eye(3), np.array([0.85 * width, 0.06, 0.85 * height]), 0.5, 1)
    across = [(2 * column + 1 - columns) * width for column in range(columns)]
    up = [(2 * row + 1 - rows) * height for row in range(rows)]
    parts = [body, *(replace(door, centre=np.array([x, front, z])) for x in across for z in up)]
    if rng.random() < 0.5:
        over = (size[0] * between(rng, 0.9, 1.15), size[1] * between(rng, 0.9, 1.15), 0.05)
        parts.append(placed(rng, Kind.BOX, (0, 0, size[2]), over, finish=2))
    if rng.random() < 0.5:
        foot = (*(0.8 * size[:2]), 0.12)
        parts.append(placed(rng, _pick(rng, ROUND + SQUARE), (0, 0, -size[2]), foot, finish=3))
    return parts


def mirror(rng: np.random.Generator) -> list[Part]:
    """Vehicles, animals, tools: a long body, parts before, behind and on top, and pairs at its sides."""
    body = _body(rng)
    parts, (wide, long, high) = [body], _reach(body)
    for side in (-1, 1):
        if rng.random() < 0.6:
            end = between(rng, 0.12, 0.4)
            place = (0, side * (long + 0.2 * end), between(rng, -0.3, 0.3) * high)
            parts.append(placed(rng, _pick(rng, ENDS), place, (end, end, end), finish=1))
    if rng.random() < 0.6:  # a smaller part on top of the body
        size = (wide * between(rng, 0.5, 0.95), long * between(rng, 0.2, 0.6), between(rng, 0.1, 0.4))
        place = (0, between(rng, -0.4, 0.4) * long, 0.8 * high + 0.7 * size[2])
        parts.append(placed(rng, _pick(rng, BODIES), place, size, finish=2))
    feet = _wheels if rng.random() < 0.5 else _limbs
    parts += feet(rng, body)
    if rng.random() < 0.35:  # a flat pair at its sides
        span = between(rng, 0.25, 0.6)
        scale = (span, between(rng, 0.15, 0.5) * long, between(rng, 0.03, 0.08))
        place = (0.45 * wide + 0.95 * span, between(rng, -0.3, 0.3) * long, 0)
        parts += pair(placed(rng, _pick(rng, (Kind.BOX, Kind.ELLIPSOID, Kind.ROUNDED)), place, scale, finish=1))
    return parts


def _body(rng: np.random.Generator) -> Part:
    """The body, longest along y; barrels and cylinders lie."""
    long, wide, high = between(rng, 0.4, 0.9), between(rng, 0.18, 0.45), between(rng, 0.15, 0.45)
    kind = _pick(rng, BODIES)
    if kind in (Kind.BARREL, Kind.CYLINDER):
        return replace(placed(rng, kind, (0, 0, 0), (wide, high, long)), rotation=TO_Y.T)
    return placed(rng, kind, (0, 0, 0), (wide, long, high))


def _reach(part: Part) -> Vector:
    """Half sizes (3,) along the axes of the plan, of a part that was turned by right angles."""
    return np.abs(part.rotation) @ part.scale


def _wheels(rng: np.random.Generator, body: Part) -> list[Part]:
    """Four wheels or rings at the sides of the body, upright and rolling along y."""
    (wide, long, high), angular = _reach(body), body.kind in (Kind.BOX, Kind.WEDGE)
    size, thick = between(rng, 0.12, 0.35), between(rng, 0.06, 0.14)
    kind = Kind.TORUS if angular and rng.random() < 0.3 else Kind.CYLINDER
    scale = (size, size, thick if kind == Kind.CYLINDER else size)
    place = (wide, 0.7 * long, -0.85 * high) if angular else (0.7 * wide, 0.5 * long, -0.4 * high)
    return four(replace(placed(rng, kind, place, scale, finish=3), rotation=TO_X))


def _limbs(rng: np.random.Generator, body: Part) -> list[Part]:
    """Four legs under the body."""
    wide, long, high = _reach(body)
    slim, length = between(rng, 0.05, 0.13), between(rng, 0.15, 0.5)
    place = (0.6 * wide, 0.6 * long, -0.5 * high - length)
    return four(placed(rng, _pick(rng, RODS), place, (slim, slim, length + 0.2 * high), finish=3))


def radial(rng: np.random.Generator) -> list[Part]:
    """Flowers, fans, chandeliers: a core and 3 to 6 arms about the axis, perhaps a stem."""
    size, count = between(rng, 0.15, 0.4), 3 + int(4 * rng.random())
    parts = [placed(rng, _pick(rng, ROUND + SQUARE), (0, 0, 0), (size, size, between(rng, 0.1, 0.4)))]
    reach, thick = between(rng, 0.2, 0.5), between(rng, 0.05, 0.16)
    scale = (reach, between(rng, 0.5, 1.5) * max(thick, 0.3 * reach), thick)
    place = (0.2 * size + 0.9 * reach, 0, between(rng, -0.05, 0.05))
    arm = placed(rng, _pick(rng, (Kind.ELLIPSOID, Kind.ROUNDED, Kind.BOX)), place, scale, finish=1)
    if rng.random() < 0.4:  # stand it on its edge
        arm = replace(arm, scale=arm.scale[[0, 2, 1]])
    parts += [arm.turned(about_z(2 * math.pi * copy / count)) for copy in range(count)]
    if rng.random() < 0.6:  # a rod below the core, perhaps on a foot
        length, slim, broad = between(rng, 0.2, 0.7), 0.4 * size, 1.5 * size
        parts.append(placed(rng, _pick(rng, RODS), (0, 0, -length), (slim, slim, length), finish=2))
        if rng.random() < 0.5:
            parts.append(placed(rng, _pick(rng, PLATES), (0, 0, -2 * length), (broad, broad, 0.06), finish=2))
    if rng.random() < 0.35:  # stand the wheel up
        parts = [part.turned(TO_Y) for part in parts]
    return parts


# Each plan with the end of its share of the draws, from the end of the one before
PLANS = ((0.24, turned), (0.5, furniture), (0.64, cabinet), (0.88, mirror), (1.0, radial))


def _pick(rng: np.random.Generator, kinds: Sequence[Kind]) -> Kind:
    """One of the kinds, each as likely as any other."""
    return kinds[int(rng.random() * len(kinds))]
