"""Plans of things: what people make is mostly upright, symmetric and assembled from few kinds of part.

A plan draws parts in its own frame, z up and its front towards -y; nothing is normalised yet. Parts that must
look alike share a finish. Neighbours overlap by a little, so that everything hangs together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lrm_core.objects.parts import Part, about_z, between, draw_form, mirrored
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
TO_X, TO_Y = np.array([[0, 0, 1.0], [1, 0, 0], [0, 1, 0]]), np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])


def draw(rng: np.random.Generator) -> list[Part]:
    """The 2 to 10 parts of one thing of a random plan."""
    share = rng.random()
    for limit, plan in PLANS:
        if share < limit:
            return plan(rng)
    raise AssertionError("the shares of the plans end at 1")


def turned(rng: np.random.Generator) -> list[Part]:
    """Vases, lamps, towers: 2 to 5 pieces on one axis, perhaps with one or two ring handles."""
    kinds = ROUND if rng.random() < 0.75 else SQUARE
    parts, top, radius = [], 0.0, between(rng, 0.25, 0.7)
    for piece in range(2 + int(4 * rng.random())):
        kind = _pick(rng, kinds)
        height = between(rng, 0.06, 0.5)
        top -= 0.2 * height * (piece > 0 and kind == Kind.ELLIPSOID)
        place = _part(rng, kind, (0, 0, top + height), (radius, radius, height), finish=piece % 3)
        parts.append(place)
        top += 2 * height * (0.8 if kind in POINTED_TOP else 0.96)
        radius = min(0.9, max(0.08, radius * between(rng, 0.4, 1.6)))
    if rng.random() < 0.4 and parts[0].kind in STRAIGHT:
        parts += _handles(rng, parts[0], both=rng.random() < 0.5)
    return parts


def _handles(rng: np.random.Generator, body: Part, both: bool) -> list[Part]:
    """Upright rings at the sides of a body."""
    ring = 0.9 * min(body.scale[2], between(rng, 0.2, 0.4))
    centre = body.centre + [body.scale[0] * 0.95, 0, 0]
    handle = Part(Kind.TORUS, centre, TO_Y, np.array([ring, max(ring, 0.1), ring]), draw_form(rng, Kind.TORUS), 3)
    return _pair(handle) if both else [handle]


def furniture(rng: np.random.Generator) -> list[Part]:
    """Tables, chairs, benches: a plate on legs or on a column; a back, arms, a shelf or a cushion."""
    width, depth, thick = between(rng, 0.35, 0.9), between(rng, 0.3, 0.6), between(rng, 0.05, 0.14)
    height = between(rng, 0.12, 0.8)
    plate = _part(rng, _pick(rng, PLATES), (0, 0, 0), (width, depth, thick))
    parts = [plate, *_stand(rng, plate, height)]
    if rng.random() < 0.6:
        parts += _seat(rng, plate)
    elif rng.random() < 0.4:
        shelf = (0.85 * width, 0.85 * depth, 0.03)
        parts.append(_part(rng, Kind.BOX, (0, 0, -height * between(rng, 0.6, 1.2)), shelf))
    if rng.random() < 0.3:
        size = between(rng, 0.08, 0.25)
        thing = (between(rng, -0.5, 0.5) * width, 0, thick + 0.8 * size)
        parts.append(_part(rng, _pick(rng, ROUND + SQUARE), thing, (size, size, size), finish=3))
    return parts


def _stand(rng: np.random.Generator, plate: Part, height: float) -> list[Part]:
    """Four legs, or a column on a foot; they reach into the plate."""
    (width, depth, thick), slim = plate.scale, between(rng, 0.03, 0.1)
    middle = -height - 0.5 * thick
    if rng.random() < 0.25:
        foot = (0.6 * width, 0.6 * depth, 0.05)
        column = _part(rng, _pick(rng, RODS), (0, 0, middle), (slim, slim, height + thick), finish=1)
        return [column, _part(rng, _pick(rng, PLATES), (0, 0, -2 * height - thick), foot, finish=1)]
    inset = between(rng, 0.8, 1) * {Kind.BOX: 0.92, Kind.ROUNDED: 0.75}.get(plate.kind, 0.6)
    corner = (inset * (width - slim), inset * (depth - slim), middle)
    leg = _part(rng, _pick(rng, RODS), corner, (slim, slim, height + thick), finish=1)
    return [twin for side in _pair(leg) for twin in _pair(side, (0, 1, 0))]


def _seat(rng: np.random.Generator, plate: Part) -> list[Part]:
    """A back, often with arms and a cushion."""
    (width, depth, thick), back, slim = plate.scale, between(rng, 0.25, 0.8), between(rng, 0.04, 0.1)
    kind = Kind.BOX if rng.random() < 0.6 else Kind.ROUNDED
    parts = [_part(rng, kind, (0, 0.8 * depth, back), (width, slim, back + thick))]
    if rng.random() < 0.4:
        arm = between(rng, 0.1, 0.3)
        parts += _pair(_part(rng, kind, (width - slim, 0, arm), (slim, 0.9 * depth, arm + thick), finish=2))
    if rng.random() < 0.5:
        soft = between(rng, 0.05, 0.15)
        size = (0.85 * width, 0.8 * depth, soft)
        parts.append(_part(rng, Kind.ROUNDED, (0, -0.05 * depth, thick + 0.8 * soft), size, finish=3))
    return parts


def cabinet(rng: np.random.Generator) -> list[Part]:
    """Boxes with doors, drawers or a screen on the front, a top, knobs."""
    size = np.array([between(rng, 0.3, 0.9), between(rng, 0.15, 0.6), between(rng, 0.25, 1.0)])
    body = _part(rng, _pick(rng, (Kind.BOX, Kind.BOX, Kind.ROUNDED, Kind.HEXAGON)), (0, 0, 0), size)
    front = Part(Kind.BOX, np.zeros(3), np.eye(3), np.ones(3), 0.5, 1)
    columns, rows = 1 + int(2 * rng.random()), 1 + int(3 * rng.random())
    half, deep = size[[0, 2]] / (columns, rows), 0.65 * size[1] if body.kind == Kind.HEXAGON else size[1]
    parts = [body]
    for column in range(columns):
        for row in range(rows):
            x, z = (2 * column + 1 - columns) * half[0], (2 * row + 1 - rows) * half[1]
            scale = np.array([0.85 * half[0], 0.06, 0.85 * half[1]])
            parts.append(replace(front, centre=np.array([x, -deep, z]), scale=scale))
    if rng.random() < 0.5:
        over = (size[0] * between(rng, 0.9, 1.15), size[1] * between(rng, 0.9, 1.15), 0.05)
        parts.append(_part(rng, Kind.BOX, (0, 0, size[2]), over, finish=2))
    if rng.random() < 0.5:
        lift = _part(rng, _pick(rng, ROUND + SQUARE), (0, 0, -size[2]), (*(0.8 * size[:2]), 0.12), finish=3)
        parts.append(lift)
    return parts


def mirror(rng: np.random.Generator) -> list[Part]:
    """Vehicles, animals, tools: a long body, parts before, behind and on top, and pairs at its sides."""
    long, wide, high = between(rng, 0.4, 0.9), between(rng, 0.18, 0.45), between(rng, 0.15, 0.45)
    kind = _pick(rng, BODIES)
    rolled = kind in (Kind.BARREL, Kind.CYLINDER)
    scale = (wide, high, long) if rolled else (wide, long, high)
    parts = [_part(rng, kind, (0, 0, 0), scale, turn=TO_Y.T if rolled else np.eye(3))]
    for side in (-1, 1):
        if rng.random() < 0.6:
            end = between(rng, 0.12, 0.4)
            place = (0, side * (long + 0.2 * end), between(rng, -0.3, 0.3) * high)
            parts.append(_part(rng, _pick(rng, ENDS), place, (end, end, end), finish=1))
    if rng.random() < 0.6:
        top = (wide * between(rng, 0.5, 0.95), long * between(rng, 0.2, 0.6), between(rng, 0.1, 0.4))
        place = (0, between(rng, -0.4, 0.4) * long, 0.8 * high + 0.7 * top[2])
        parts.append(_part(rng, _pick(rng, BODIES), place, top, finish=2))
    feet = _wheels if rng.random() < 0.5 else _limbs
    parts += feet(rng, parts[0], wide, long, high)
    return parts + (_wings(rng, wide, long) if rng.random() < 0.35 else [])


def _wheels(rng: np.random.Generator, body: Part, wide: float, long: float, high: float) -> list[Part]:
    size, thick = between(rng, 0.12, 0.35), between(rng, 0.06, 0.14)
    angular = body.kind in (Kind.BOX, Kind.WEDGE)
    kind = Kind.TORUS if angular and rng.random() < 0.3 else Kind.CYLINDER
    scale = (size, size, thick if kind == Kind.CYLINDER else size)
    place = (wide, 0.7 * long, -0.85 * high) if angular else (0.7 * wide, 0.5 * long, -0.4 * high)
    wheel = _part(rng, kind, place, scale, turn=TO_X, finish=3)
    return [twin for side in _pair(wheel) for twin in _pair(side, (0, 1, 0))]


def _limbs(rng: np.random.Generator, body: Part, wide: float, long: float, high: float) -> list[Part]:
    slim, length = between(rng, 0.05, 0.13), between(rng, 0.15, 0.5)
    place = (0.6 * wide, 0.6 * long, -0.5 * high - length)
    limb = _part(rng, _pick(rng, RODS), place, (slim, slim, length + 0.2 * high), finish=3)
    return [twin for side in _pair(limb) for twin in _pair(side, (0, 1, 0))]


def _wings(rng: np.random.Generator, wide: float, long: float) -> list[Part]:
    span = between(rng, 0.25, 0.6)
    scale = (span, between(rng, 0.15, 0.5) * long, between(rng, 0.03, 0.08))
    place = (0.45 * wide + 0.95 * span, between(rng, -0.3, 0.3) * long, 0)
    return _pair(_part(rng, _pick(rng, (Kind.BOX, Kind.ELLIPSOID, Kind.ROUNDED)), place, scale, finish=1))


def radial(rng: np.random.Generator) -> list[Part]:
    """Flowers, fans, chandeliers: a core and 3 to 6 arms about the axis, perhaps a stem."""
    core, arms = between(rng, 0.15, 0.4), 3 + int(4 * rng.random())
    parts = [_part(rng, _pick(rng, ROUND + SQUARE), (0, 0, 0), (core, core, between(rng, 0.1, 0.4)))]
    reach, thick = between(rng, 0.2, 0.5), between(rng, 0.05, 0.16)
    scale = (reach, between(rng, 0.5, 1.5) * max(thick, 0.3 * reach), thick)
    place = (0.2 * core + 0.9 * reach, 0, between(rng, -0.05, 0.05))
    arm = _part(rng, _pick(rng, (Kind.ELLIPSOID, Kind.ROUNDED, Kind.BOX)), place, scale, finish=1)
    if rng.random() < 0.4:
        arm = replace(arm, scale=arm.scale[[0, 2, 1]])
    parts += [arm.turned(about_z(2 * math.pi * copy / arms)) for copy in range(arms)]
    if rng.random() < 0.6:
        stem = between(rng, 0.2, 0.7)
        slim = 0.4 * core
        parts.append(_part(rng, _pick(rng, RODS), (0, 0, -stem), (slim, slim, stem), finish=2))
        if rng.random() < 0.5:
            parts.append(_part(rng, _pick(rng, PLATES), (0, 0, -2 * stem), (1.5 * core, 1.5 * core, 0.06), finish=2))
    if rng.random() < 0.35:  # stand the wheel up
        parts = [part.turned(TO_Y) for part in parts]
    return parts


PLANS = ((0.24, turned), (0.5, furniture), (0.64, cabinet), (0.88, mirror), (1.0, radial))


def _part(
    rng: np.random.Generator,
    kind: Kind,
    centre: Sequence[float],
    scale: Sequence[float],
    turn: np.ndarray | None = None,
    finish: int = 0,
) -> Part:
    rotation = np.eye(3) if turn is None else turn
    return Part(
        kind, np.array(centre, float), rotation, np.array(scale, float), draw_form(rng, kind), finish
    )


def _pick(rng: np.random.Generator, kinds: Sequence[Kind]) -> Kind:
    return kinds[int(rng.random() * len(kinds))]


def _pair(part: Part, axis: Sequence[float] = (1, 0, 0)) -> list[Part]:
    """The part and its mirror image in the plane through the origin."""
    return [part, mirrored(part, np.array(axis, float), np.zeros(3))]
