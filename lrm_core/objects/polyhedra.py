"""Convex polyhedra as half-spaces n . x <= d: prisms (extrusions) and pyramids.

Faces are (normals (faces, 3, lines or 1), offsets (faces, lines or 1)).
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Lines = Float[Tensor, "3 lines"]
Scalars = Float[Tensor, " lines"]
Faces = tuple[Tensor, Tensor]


def wedge(form: Scalars) -> Faces:
    """Triangle with base 2 at z = -1 and apex at z = 1, extruded along y."""
    return _fixed(form, [(1, 0, 0.5, 0.5), (-1, 0, 0.5, 0.5), (0, 0, -1, 1), (0, 1, 0, 1), (0, -1, 0, 1)])


def hexagon(form: Scalars) -> Faces:
    """Regular hexagon with corners at x = -1 and x = 1, extruded along z."""
    turns = [math.radians(30 + 60 * side) for side in range(6)]
    sides = [(math.cos(turn), math.sin(turn), 0, math.sqrt(3) / 2) for turn in turns]
    return _fixed(form, [*sides, (0, 0, 1, 1), (0, 0, -1, 1)])


def pyramid(form: Scalars) -> Faces:
    """Square with half side 1 at z = -1 and `form` at z = 1, straight between."""
    one, none, lean, middle = torch.ones_like(form), torch.zeros_like(form), (1 - form) / 2, (1 + form) / 2
    sides = [(one, none), (-one, none), (none, one), (none, -one)]
    normals = [torch.stack([x, y, lean]) for x, y in sides]
    ends = [torch.stack([none, none, one]), torch.stack([none, none, -one])]
    return torch.stack([*normals, *ends]), torch.stack([middle] * 4 + [one] * 2)


def enter(faces: Faces, points: Lines, directions: Lines) -> Scalars:
    """Last of the planes that the line enters, if that is before the first that it leaves; else inf."""
    normals, _ = faces
    speed = (normals * directions).sum(1)  # (faces, lines)
    speed = torch.where(speed.abs() < 1e-12, 1e-12, speed)
    t = _room(faces, points) / speed
    near = torch.where(speed < 0, t, -math.inf).amax(0)
    far = torch.where(speed > 0, t, math.inf).amin(0)
    return torch.where(near <= far, near, math.inf)


def normal(faces: Faces, points: Lines) -> Lines:
    """Outward direction, of any length, of the face that each point is nearest to."""
    normals, _ = faces
    face = (_room(faces, points) / normals.norm(dim=1)).argmin(0)
    every = normals.expand(-1, -1, points.shape[1])
    return every.gather(0, face.expand(1, 3, -1))[0]


def contains(faces: Faces, points: Lines) -> Bool[Tensor, " lines"]:
    """Whether points lie in the solid, its surface included."""
    return _room(faces, points).amin(0) >= 0


def _room(faces: Faces, points: Lines) -> Float[Tensor, "faces lines"]:
    """d - n . x: how far each plane still is, in lengths of its normal."""
    normals, offsets = faces
    return offsets - (normals * points).sum(1)


def _fixed(form: Scalars, rows: list[tuple[float, float, float, float]]) -> Faces:
    """Faces (x, y, z of the normal, offset) that are the same for all lines."""
    table = form.new_tensor(rows)
    return table[:, :3, None], table[:, 3:]
