"""Two kinds of canonical solid: of revolution, a quadric between two discs; and convex polyhedra, as half-spaces."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Lines = Float[Tensor, "3 lines"]
Scalars = Float[Tensor, " lines"]


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
        """Whether points lie in the solid, its surface included."""
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
        """Whether points lie in the solid, its surface included."""
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
