"""Thirteen solids in their canonical frame: where a line enters them, and which way their surface faces.

Canonical solids lie in [-1, 1]^3 and contain the origin, but for the torus. Some have a `form` in (0, 1):

- the unit ball; the box; the torus about z with tube radius `form` <= 0.5 and ring radius 1 - `form`;
- solids of revolution, a quadric between two discs, and convex polyhedra, as half-spaces;
- ROUNDED, x^4 + y^4 + z^4 <= 1 (Barr 1981).

An affine map places them in the world. It keeps line parameters, so t needs no conversion, and it makes
ellipsoids, elliptic cylinders and so on out of them.
Components come first here, (3, lines), so that x, y and z are contiguous vectors.
"""

import enum
import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

TORUS_STEPS = 20
TORUS_POLISH = 4
ROUNDED_STEPS = 14
ON_SURFACE = 1e-4

Lines = Float[Tensor, "3 lines"]
Scalars = Float[Tensor, " lines"]


class Kind(enum.IntEnum):
    """The solids. `form` is the tube of the torus, the ratio of top to base of FRUSTUM and PYRAMID, of end to
    belly of the BARREL, of waist to ends of the SPOOL; the others have none.
    """

    ELLIPSOID = 0
    BOX = 1
    CYLINDER = 2
    CONE = 3
    TORUS = 4
    FRUSTUM = 5
    BARREL = 6
    SPOOL = 7
    DOME = 8
    WEDGE = 9
    PYRAMID = 10
    HEXAGON = 11
    ROUNDED = 12


class Revolved(NamedTuple):
    """x^2 + y^2 <= a + b z + c z^2, |z| <= 1; a, b and c are numbers or one value per line."""

    a: Tensor | float
    b: Tensor | float
    c: Tensor | float

    def enter(self, points: Lines, directions: Lines) -> Scalars:
        """First of the valid crossings with the side (a quadratic) and with the two discs; inf for a miss."""
        (x, y, z), (dx, dy, dz), (a, b, c) = points, directions, self
        square = dx * dx + dy * dy - c * dz * dz
        half = x * dx + y * dy - (b / 2 + c * z) * dz
        rest = x * x + y * y - self._square(z)
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

    def normal(self, points: Lines) -> Lines:
        """Outward direction, of any length, of the disc where it is nearer than the side."""
        x, y, z = points
        inward = self._square(z).clamp(min=0).sqrt() - torch.sqrt(x * x + y * y)
        on_disc = 1 - z.abs() < inward
        flat = torch.zeros_like(z)
        side = torch.stack([x, y, -(self.b / 2 + self.c * z)])
        return torch.where(on_disc, torch.stack([flat, flat, z]), side)

    def contains(self, points: Lines) -> Bool[Tensor, " lines"]:
        x, y, z = points
        return (x * x + y * y <= self._square(z)) & (z.abs() <= 1)

    def _square(self, z: Scalars) -> Scalars:
        """Squared radius at a height."""
        return self.a + z * (self.b + self.c * z)


class Polyhedron(NamedTuple):
    """n . x <= d for each face: normals n (faces, 3, lines or 1), offsets d (faces, lines or 1)."""

    normals: Tensor
    offsets: Tensor

    def enter(self, points: Lines, directions: Lines) -> Scalars:
        """Last of the planes that the line enters, if that is before the first that it leaves; else inf."""
        speed = (self.normals * directions).sum(1)  # (faces, lines)
        speed = torch.where(speed.abs() < 1e-12, 1e-12, speed)
        t = self._room(points) / speed
        near = torch.where(speed < 0, t, -math.inf).amax(0)
        far = torch.where(speed > 0, t, math.inf).amin(0)
        return torch.where(near <= far, near, math.inf)

    def normal(self, points: Lines) -> Lines:
        """Outward direction, of any length, of the face that each point is nearest to."""
        face = (self._room(points) / self.normals.norm(dim=1)).argmin(0)
        every = self.normals.expand(-1, -1, points.shape[1])
        return every.gather(0, face.expand(1, 3, -1))[0]

    def contains(self, points: Lines) -> Bool[Tensor, " lines"]:
        return self._room(points).amin(0) >= 0

    def _room(self, points: Lines) -> Float[Tensor, "faces lines"]:
        """d - n . x: how far each plane still is, in lengths of its normal."""
        return self.offsets - (self.normals * points).sum(1)


def wedge(form: Scalars) -> Polyhedron:
    """Triangle with base 2 at z = -1 and apex at z = 1, extruded along y."""
    return _fixed(form, [(1, 0, 0.5, 0.5), (-1, 0, 0.5, 0.5), (0, 0, -1, 1), (0, 1, 0, 1), (0, -1, 0, 1)])


def hexagon(form: Scalars) -> Polyhedron:
    """Regular hexagon with corners at x = -1 and x = 1, extruded along z."""
    turns = [math.radians(30 + 60 * side) for side in range(6)]
    sides = [(math.cos(turn), math.sin(turn), 0, math.sqrt(3) / 2) for turn in turns]
    return _fixed(form, [*sides, (0, 0, 1, 1), (0, 0, -1, 1)])


def pyramid(form: Scalars) -> Polyhedron:
    """Square with half side 1 at z = -1 and `form` at z = 1, straight between."""
    one, none, lean, middle = torch.ones_like(form), torch.zeros_like(form), (1 - form) / 2, (1 + form) / 2
    sides = [(one, none), (-one, none), (none, one), (none, -one)]
    normals = [torch.stack([x, y, lean]) for x, y in sides]
    ends = [torch.stack([none, none, one]), torch.stack([none, none, -one])]
    return Polyhedron(torch.stack([*normals, *ends]), torch.stack([middle] * 4 + [one] * 2))


def _fixed(form: Scalars, rows: list[tuple[float, float, float, float]]) -> Polyhedron:
    """Faces (x, y, z of the normal, offset) that are the same for all lines."""
    table = form.new_tensor(rows)
    return Polyhedron(table[:, :3, None], table[:, 3:])


PROFILES = {  # by the form
    Kind.CYLINDER: lambda form: Revolved(1.0, 0.0, 0.0),
    Kind.CONE: lambda form: Revolved(0.25, -0.5, 0.25),  # radius 1 at z = -1, 0 at z = 1
    Kind.FRUSTUM: lambda form: Revolved((1 + form) ** 2 / 4, (form**2 - 1) / 2, (1 - form) ** 2 / 4),  # straight
    Kind.BARREL: lambda form: Revolved(1.0, 0.0, form**2 - 1),  # radius 1 at z = 0, bulging
    Kind.SPOOL: lambda form: Revolved(form**2, 0.0, 1 - form**2),  # radius 1 at both ends, hollow-sided
    Kind.DOME: lambda form: Revolved(0.75, -0.5, -0.25),  # half a ball, stretched: radius 1 at z = -1, 0 at z = 1
}
SOLIDS = {**PROFILES, Kind.WEDGE: wedge, Kind.PYRAMID: pyramid, Kind.HEXAGON: hexagon}
POINTED = (Kind.CONE, Kind.FRUSTUM, Kind.DOME, Kind.WEDGE, Kind.PYRAMID)  # not their own image in z = 0


def entry(kind: Kind, points: Lines, directions: Lines, form: Scalars) -> Scalars:
    """t (lines,) at which each line `points + t * directions` first enters a canonical solid; inf where it misses.

    Points are near the solid for the sake of rounding; t may come out negative. Directions have any length but zero.
    """
    if kind in SOLIDS:
        return SOLIDS[kind](form).enter(points, directions)
    if kind == Kind.TORUS:
        return _enter_torus(points, directions, form)
    if kind == Kind.ROUNDED:
        return _enter_rounded(points, directions)
    if kind == Kind.BOX:
        near, far = _slabs(points, directions, 1.0)
        return torch.where(near <= far, near, math.inf)
    square = (directions * directions).sum(0)
    closest = -(points * directions).sum(0) / square
    free = (1 - (points + closest * directions).square().sum(0)) / square
    return torch.where(free >= 0, closest - free.clamp(min=0).sqrt(), math.inf)


def normal(kind: Kind, points: Lines, form: Scalars) -> Lines:
    """Outward direction (3, lines), of any length, at points on the surface of a canonical solid.

    Points off the surface by rounding take the normal of the nearest face.
    """
    if kind in SOLIDS:
        return SOLIDS[kind](form).normal(points)
    if kind == Kind.BOX:
        face = points.abs().argmax(dim=0, keepdim=True)
        return torch.zeros_like(points).scatter_(0, face, points.gather(0, face))
    if kind == Kind.TORUS:
        x, y, z = points
        inward = (1 - form) / torch.sqrt(x * x + y * y).clamp(min=1e-12)
        return torch.stack([x - x * inward, y - y * inward, z])
    return points**3 if kind == Kind.ROUNDED else points


def contains(kind: Kind, points: Lines, form: Scalars) -> Bool[Tensor, " lines"]:
    """Whether points lie in a canonical solid, its surface included."""
    if kind in SOLIDS:
        return SOLIDS[kind](form).contains(points)
    if kind == Kind.TORUS:
        return _torus_distance(points, form) <= 0
    if kind == Kind.BOX:
        return points.abs().amax(0) <= 1
    return (points ** (4 if kind == Kind.ROUNDED else 2)).sum(0) <= 1


def _slabs(points: Lines, directions: Lines, half: Tensor | float) -> tuple[Scalars, Scalars]:
    """Entry and exit of the slabs |x_i| <= half_i, together."""
    inverse = 1 / torch.where(directions.abs() < 1e-12, 1e-12, directions)
    middle = -points * inverse
    reach = inverse.abs() * half
    return (middle - reach).amax(0), (middle + reach).amin(0)


def _enter_rounded(points: Lines, directions: Lines) -> Scalars:
    """Newton from the face of the box: the quartic is convex along the line, so it never steps past the root."""
    near, far = _slabs(points, directions, 1.0)
    t, missed = near, near > far
    for _ in range(ROUNDED_STEPS):
        place = points + t * directions
        cube = place**3
        slope = 4 * (cube * directions).sum(0)
        step = ((cube * place).sum(0) - 1) / slope
        missed = missed | (slope >= 0)
        t = torch.where(missed, t, t - step)
    return torch.where(missed | ~(step.abs() * directions.norm(dim=0) < ON_SURFACE), math.inf, t)


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
    on_surface = _torus_distance(start + t * unit, tube).abs() < ON_SURFACE
    t = torch.where(on_surface & (t <= end + 1e-4), t, math.inf)
    entry_t[inside] = t / length[inside]
    return entry_t


def _torus_distance(points: Lines, tube: Scalars) -> Scalars:
    x, y, z = points
    return torch.hypot(torch.sqrt(x * x + y * y) - (1 - tube), z) - tube
