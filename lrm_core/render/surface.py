"""The surface of a triplane's field as a mesh, by marching cubes near it; colours of vertices, or a baked texture."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from scipy.ndimage import distance_transform_edt
from skimage.measure import marching_cubes
from torch import Tensor, nn

from lrm_core.render.field import Field, check_planes, query_points
from lrm_core.render.rays import BOX_MAX, BOX_MIN
from lrm_core.render.sparse_lattice import SparseLattice, sparse_lattice

SURFACE_DENSITY = 2.0  # 1 / world unit; half a world unit of it, about a thing, absorbs 63% of the light
COLOURED_AT_ONCE = 100_000  # points


@dataclass(frozen=True)
class Surface:
    """A triangle mesh in the world of the renderer (z up, the source camera on -y), on the CPU."""

    vertices: Float[Tensor, "V 3"]  # in world units
    faces: Int[Tensor, "F 3"]  # indices of corners, anticlockwise from outside
    colours: Float[Tensor, "V 3"]  # display-referred RGB of the field at the vertices, in [0, 1]
    evaluated: int  # points at which the density was computed


@torch.no_grad()
def extract_surface(
    planes: Float[Tensor, "3 C R R"], decoder: nn.Module, resolution: int = 128, density: float = SURFACE_DENSITY
) -> Surface:
    """Mesh of the points where the density passes a threshold, closed at the faces of the box.

    ValueError if a shape is wrong, a plane holds NaN or infinity, or no point is so dense.

    Args:
        resolution: cells along each axis of the box; multiples of 8 or 16 need the fewest evaluations.
        density: the threshold, in 1 / world unit.
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


TEXTURE_SIDE = 1024
GUTTER = 2  # texels between charts
FACES_AT_ONCE = 20_000


class TexturedSurface(NamedTuple):
    """A mesh whose vertices are repeated along the seams of its texture, on the CPU.

    vertices (V, 3) in world units; faces (F, 3); uv (V, 2) in [0, 1] with v pointing up; texture (H, W, 3),
    display-referred, 0 to 255.
    """

    vertices: Float[Tensor, "V 3"]
    faces: Int[Tensor, "F 3"]
    uv: Float[Tensor, "V 2"]
    texture: UInt8[np.ndarray, "H W 3"]


@torch.no_grad()
def bake(
    surface: Surface, planes: Float[Tensor, "3 C R R"], decoder: nn.Module, side: int = TEXTURE_SIDE
) -> TexturedSurface:
    """Unwrap a surface of these planes and look up the colour of the field at the point of each texel.

    The fewer its faces the sooner it is unwrapped. The atlas may need a little more than `side` texels.
    """
    vertices, faces, uv = unwrap(surface, side)
    face, barycentric = rasterise(uv[faces] * torch.tensor([1.0, -1.0]) + torch.tensor([0.0, 1.0]), side)
    texels = face >= 0
    corners = vertices[faces[face[texels]]]  # (texels, 3, 3)
    points = (barycentric[texels][..., None] * corners).sum(1)
    colour = torch.ones(side, side, 3)
    colour[texels] = colours_at(planes, decoder, points.to(planes.device)).cpu()
    nearest = distance_transform_edt(~texels.numpy(), return_distances=False, return_indices=True)
    texture = (colour.numpy()[tuple(nearest)] * 255).round().astype(np.uint8)
    return TexturedSurface(vertices, faces, uv, texture)


def unwrap(surface: Surface, side: int) -> tuple[Float[Tensor, "V 3"], Int[Tensor, "F 3"], Float[Tensor, "V 2"]]:
    """Charts of a surface packed into a square: vertices, faces and uv (v pointing up) of the cut mesh."""
    import xatlas

    atlas = xatlas.Atlas()
    atlas.add_mesh(surface.vertices.numpy(), surface.faces.numpy().astype(np.uint32))
    packing = xatlas.PackOptions()
    packing.resolution, packing.padding, packing.bilinear = side, GUTTER, True
    atlas.generate(pack_options=packing)
    origin, faces, uv = atlas[0]
    cut = surface.vertices[torch.from_numpy(origin.astype(np.int64))]
    return cut, torch.from_numpy(faces.astype(np.int64)), torch.from_numpy(uv.copy())


def rasterise(
    triangles: Float[Tensor, "F 3 2"], side: int
) -> tuple[Int[Tensor, "side side"], Float[Tensor, "side side 3"]]:
    """The triangle over each texel's centre, -1 for none, and barycentric coordinates in it.

    Corners are fractions of the texture, x to the right and y down. Where several are, it is one of the last.
    """
    found, barycentric = torch.full((side, side), -1), torch.zeros(side, side, 3)
    for first, part in enumerate((triangles * side).split(FACES_AT_ONCE)):
        face, column, row = _candidates(part, side)
        weights = _barycentric(part[face], torch.stack([column, row], dim=-1) + 0.5)
        inside = (weights >= -1e-5).all(-1)
        face, column, row = face[inside], column[inside], row[inside]
        found[row, column] = face + first * FACES_AT_ONCE
        barycentric[row, column] = weights[inside]
    return found, barycentric


def _candidates(
    triangles: Float[Tensor, "F 3 2"], side: int
) -> tuple[Int[Tensor, "n"], Int[Tensor, "n"], Int[Tensor, "n"]]:
    """Every texel in the bounding box of every triangle: triangle, column, row."""
    low = triangles.amin(1).floor().long().clamp(0, side)
    width, height = (triangles.amax(1).ceil().long().clamp(0, side) - low).unbind(-1)
    count = width * height
    face = torch.arange(len(triangles)).repeat_interleave(count)
    place = torch.arange(len(face)) - (count.cumsum(0) - count)[face]
    row = place.div(width[face], rounding_mode="floor")
    return face, low[face, 0] + place - row * width[face], low[face, 1] + row


def _barycentric(triangles: Float[Tensor, "n 3 2"], points: Float[Tensor, "n 2"]) -> Float[Tensor, "n 3"]:
    """Coordinates of points in their triangles; NaN where a triangle has no area."""
    a, b, c = (triangles - points[:, None]).unbind(1)
    areas = [p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0] for p, q in ((b, c), (c, a), (a, b))]
    weights = torch.stack(areas, dim=-1)
    return weights / weights.sum(-1, keepdim=True)
