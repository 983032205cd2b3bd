"""The surface of a triplane's field as a coloured mesh: marching cubes on a lattice evaluated near the surface."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from skimage.measure import marching_cubes
from torch import Tensor, nn

from lrm_core.render.field import Field, check_planes, query_points
from lrm_core.render.rays import BOX_MAX, BOX_MIN
from lrm_core.render.sparse_lattice import SparseLattice, sparse_lattice

SURFACE_DENSITY = 2.0  # 1 / world unit; half a world unit of it, about a thing, absorbs 63% of the light
COLOURED_AT_ONCE = 100_000  # points


@dataclass(frozen=True)
class Surface:
    """A triangle mesh in the world of the renderer (z up, the source camera on -y), on the CPU.

    Attributes:
        vertices: in world units, (V, 3).
        faces: indices of corners, anticlockwise from outside, (F, 3).
        colours: display-referred RGB of the field at the vertices, in [0, 1], (V, 3).
        evaluated: points at which the density was computed.
    """

    vertices: Float[Tensor, "V 3"]
    faces: Int[Tensor, "F 3"]
    colours: Float[Tensor, "V 3"]
    evaluated: int


@torch.no_grad()
def extract_surface(
    planes: Float[Tensor, "3 C R R"],
    decoder: nn.Module,
    resolution: int = 128,
    density: float = SURFACE_DENSITY,
) -> Surface:
    """Mesh of the points where the density passes a threshold, closed at the faces of the box.

    Args:
        planes: one triplane.
        decoder: the model's decoder.
        resolution: cells along each axis of the box; multiples of 8 or 16 need the fewest evaluations.
        density: the threshold, in 1 / world unit.

    Raises:
        ValueError: if a shape is wrong, a plane holds NaN or infinity, or no point is so dense.
    """
    check_planes(planes, 4)
    field = Field(planes, decoder)
    level = raw_level(density)
    texel = (BOX_MAX - BOX_MIN) / field.resolution
    lattice = sparse_lattice(lambda points: field.raw(points)[:, 0], resolution, level, texel, planes.device)
    if not lattice.crossed.any():
        raise ValueError(
            f"no surface: the density stays below {density:g} on a lattice of {resolution} cells a side; "
            "the model sees nothing in this picture"
        )
    vertices, faces = triangles(lattice)
    colours = colours_at(planes, decoder, vertices.to(planes.device)).cpu()
    return Surface(vertices, faces, colours, lattice.evaluated)


def raw_level(density: float) -> float:
    """The decoder's output that `activate` turns into a density in 1 / world unit."""
    return density + math.log(-math.expm1(-density)) + 1


def triangles(lattice: SparseLattice) -> tuple[Float[Tensor, "V 3"], Int[Tensor, "F 3"]]:
    """Marching cubes (Lewiner et al. 2003) in the crossed cells of a lattice; vertices in world units."""
    used = lattice.crossed.nonzero()
    low, high = used.amin(0).tolist(), (used.amax(0) + 1).tolist()
    cells = tuple(slice(first, last) for first, last in zip(low, high, strict=True))
    corners = tuple(slice(first, last + 1) for first, last in zip(low, high, strict=True))
    volume = lattice.values[corners].nan_to_num(lattice.level - 1).cpu().numpy()
    mask = np.zeros(volume.shape, dtype=bool)
    mask[1:, 1:, 1:] = lattice.crossed[cells].cpu().numpy()  # scikit-image names a cell by its highest corner
    vertices, faces, _, _ = marching_cubes(volume, lattice.level, mask=mask, gradient_direction="ascent")
    cell = (BOX_MAX - BOX_MIN) / len(lattice.crossed)
    world = (torch.from_numpy(vertices.copy()) + torch.tensor(low)) * cell + BOX_MIN
    return world, torch.from_numpy(faces.astype(np.int64))


def colours_at(
    planes: Float[Tensor, "3 C R R"], decoder: nn.Module, points: Float[Tensor, "n 3"]
) -> Float[Tensor, "n 3"]:
    """Display-referred RGB of the field at points, in [0, 1]; the decoder has no viewing direction."""
    parts = [query_points(planes[None], decoder, part[None]).rgb[0] for part in points.split(COLOURED_AT_ONCE)]
    return torch.cat(parts).clamp(0, 1)
