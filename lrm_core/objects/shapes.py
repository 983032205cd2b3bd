"""Five solids in their canonical frame: where a line enters them, and which way their surface faces.

Canonical solids lie in [-1, 1]^3: the unit ball; the cube; the cylinder x^2 + y^2 <= 1; the cone with its
apex at z = 1 and its unit base at z = -1; the torus about z with tube radius `tube` and ring radius
1 - `tube`. An affine map places them in the world. It keeps line parameters, so t needs no conversion, and it
makes ellipsoids, elliptic cylinders and so on out of them.
Components come first here, (3, lines), so that x, y and z are contiguous vectors.
"""

from __future__ import annotations

import enum
import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Lines = Float[Tensor, "3 lines"]
Scalars = Float[Tensor, " lines"]

TORUS_STEPS = 20
TORUS_POLISH = 4


class Kind(enum.IntEnum):
    ELLIPSOID = 0
    BOX = 1
    CYLINDER = 2
    CONE = 3
    TORUS = 4


def entry(kind: Kind, points: Lines, directions: Lines, tube: Scalars) -> Scalars:
    """Line parameter at which each line `points + t * directions` first enters a canonical solid.

    Args:
        kind: the solid, the same for all lines.
        points: a point on each line, near the solid for the sake of rounding; t may come out negative.
        directions: of any length but zero.
        tube: tube radius of the torus in (0, 0.5]; the other solids ignore it.

    Returns:
        t (lines,), inf where the line misses.
    """
    if kind == Kind.TORUS:
        return _enter_torus(points, directions, tube)
    return _ENTER[kind](points, directions)


def normal(kind: Kind, points: Lines, tube: Scalars) -> Lines:
    """Outward direction (3, lines), of any length, at points on the surface of a canonical solid.

    Points off the surface by rounding take the normal of the nearest face.
    """
    x, y, z = points
    radius = torch.sqrt(x * x + y * y)
    flat = torch.zeros_like(z)
    if kind == Kind.BOX:
        face = points.abs().argmax(dim=0, keepdim=True)
        return torch.zeros_like(points).scatter_(0, face, points.gather(0, face))
    if kind == Kind.CYLINDER:
        cap = z.abs() > radius
        return torch.where(cap, torch.stack([flat, flat, z]), torch.stack([x, y, flat]))
    if kind == Kind.CONE:
        base = z + 1 < (1 - z) / 2 - radius  # farther inside the side than above the base
        return torch.where(base, torch.stack([flat, flat, flat - 1]), torch.stack([x, y, radius / 2]))
    if kind == Kind.TORUS:
        inward = (1 - tube) / radius.clamp(min=1e-12)
        return torch.stack([x - x * inward, y - y * inward, z])
    return points


def contains(kind: Kind, points: Lines, tube: Scalars) -> Bool[Tensor, " lines"]:
    """Whether points lie in a canonical solid, its surface included."""
    x, y, z = points
    if kind == Kind.TORUS:
        return _torus_distance(points, tube) <= 0
    if kind == Kind.ELLIPSOID:
        return (points * points).sum(0) <= 1
    if kind == Kind.BOX:
        return points.abs().amax(0) <= 1
    width = (1 - z) / 2 if kind == Kind.CONE else torch.ones_like(z)
    return (x * x + y * y <= width * width) & (z.abs() <= 1)


def bounding_radius(
    kind: Float[Tensor, " *batch"], scale: Float[Tensor, "*batch 3"], tube: Float[Tensor, " *batch"]
) -> Float[Tensor, " *batch"]:
    """Radius of a sphere about the centre that holds the solid scaled by `scale` (half sizes)."""
    wide = torch.maximum(scale[..., 0], scale[..., 1])
    high = scale[..., 2]
    torus = torch.hypot(wide, high * tube)
    rimmed = torch.hypot(wide, high)  # cylinder and cone
    radius = torch.where(kind == Kind.TORUS, torus, rimmed)
    radius = torch.where(kind == Kind.BOX, scale.norm(dim=-1), radius)
    return torch.where(kind == Kind.ELLIPSOID, scale.amax(dim=-1), radius)


def _enter_ball(points: Lines, directions: Lines) -> Scalars:
    square = (directions * directions).sum(0)
    closest = -(points * directions).sum(0) / square
    offset = points + closest * directions
    free = (1 - (offset * offset).sum(0)) / square
    return torch.where(free >= 0, closest - free.clamp(min=0).sqrt(), math.inf)


def _slabs(points: Lines, directions: Lines, half: Tensor | float) -> tuple[Scalars, Scalars]:
    """Entry and exit of the slabs |x_i| <= half_i, together."""
    inverse = 1 / torch.where(directions.abs() < 1e-12, 1e-12, directions)
    middle = -points * inverse
    reach = inverse.abs() * half
    return (middle - reach).amax(0), (middle + reach).amin(0)


def _enter_box(points: Lines, directions: Lines) -> Scalars:
    near, far = _slabs(points, directions, 1.0)
    return torch.where(near <= far, near, math.inf)


def _enter_cylinder(points: Lines, directions: Lines) -> Scalars:
    across, beside = directions[:2], points[:2]
    square = (across * across).sum(0).clamp(min=1e-12)
    middle = -(across * beside).sum(0) / square
    offset = beside + middle * across
    free = (1 - (offset * offset).sum(0)) / square
    reach = free.clamp(min=0).sqrt()
    low, high = _slabs(points[2:], directions[2:], 1.0)
    near, far = torch.maximum(middle - reach, low), torch.minimum(middle + reach, high)
    return torch.where((free >= 0) & (near <= far), near, math.inf)


def _enter_cone(points: Lines, directions: Lines) -> Scalars:
    """First of the valid crossings with the side (a quadratic) and with the base."""
    (x, y, z), (dx, dy, dz) = points, directions
    width, slope = (1 - z) / 2, dz / 2  # radius at height z, and its loss per unit of t
    square = dx * dx + dy * dy - slope * slope
    half = x * dx + y * dy + width * slope
    rest = x * x + y * y - width * width
    root = (half * half - square * rest).sqrt()  # NaN where there is no crossing, and NaN compares false
    stable = -(half + torch.where(half < 0, -root, root))
    first = torch.full_like(x, math.inf)
    for t in (stable / square, rest / stable):
        on_side = (z + t * dz).abs() <= 1
        first = torch.where(on_side, torch.minimum(first, t), first)
    t = -(1 + z) / dz
    on_base = (x + t * dx) ** 2 + (y + t * dy) ** 2 <= 1
    return torch.where(on_base, torch.minimum(first, t), first)


def _enter_torus(points: Lines, directions: Lines, tube: Scalars) -> Scalars:
    """Sphere tracing (Hart 1996) between the faces of the bounding box, ended by Newton steps."""
    entry_t = torch.full_like(tube, math.inf)
    near, far = _slabs(points, directions, torch.stack([torch.ones_like(tube), torch.ones_like(tube), tube]))
    length = directions.norm(dim=0)
    inside = (near <= far).nonzero()[:, 0]
    start, unit, tube = points[:, inside], directions[:, inside] / length[inside], tube[inside]
    t, end = near[inside] * length[inside], far[inside] * length[inside]
    for _ in range(TORUS_STEPS):
        t = t + _torus_distance(start + t * unit, tube)
    for _ in range(TORUS_POLISH):
        place = start + t * unit
        distance = _torus_distance(place, tube)
        slope = (normal(Kind.TORUS, place, tube) * unit).sum(0) / (distance + tube)
        t = t - (distance / slope.clamp(max=-1e-3)).clamp(-0.05, 0.05)
    on_surface = _torus_distance(start + t * unit, tube).abs() < 1e-4
    t = torch.where(on_surface & (t <= end + 1e-4), t, math.inf)
    entry_t[inside] = t / length[inside]
    return entry_t


def _torus_distance(points: Lines, tube: Scalars) -> Scalars:
    x, y, z = points
    return torch.hypot(torch.sqrt(x * x + y * y) - (1 - tube), z) - tube


_ENTER = {
    Kind.ELLIPSOID: _enter_ball,
    Kind.BOX: _enter_box,
    Kind.CYLINDER: _enter_cylinder,
    Kind.CONE: _enter_cone,
}
