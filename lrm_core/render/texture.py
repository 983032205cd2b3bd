"""A baked texture for a mesh: an atlas (xatlas), and the colour of the field at every texel."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from scipy.ndimage import distance_transform_edt
from torch import Tensor, nn

from lrm_core.render.surface import Surface, colours_at

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


class Raster(NamedTuple):
    """What covers each texel's centre: face (H, W), -1 for none, and barycentric coordinates in it (H, W, 3)."""

    face: Int[Tensor, "H W"]
    barycentric: Float[Tensor, "H W 3"]


@torch.no_grad()
def bake(
    surface: Surface, planes: Float[Tensor, "3 C R R"], decoder: nn.Module, side: int = TEXTURE_SIDE
) -> TexturedSurface:
    """Unwrap a surface and look up the colour of the field at the point of each texel.

    Args:
        surface: of these planes; the fewer its faces the sooner it is unwrapped.
        planes, decoder: the field.
        side: of the texture, in texels; the atlas may need a little more.
    """
    vertices, faces, uv = unwrap(surface, side)
    raster = rasterise(uv[faces] * torch.tensor([1.0, -1.0]) + torch.tensor([0.0, 1.0]), side)
    texels = raster.face >= 0
    corners = vertices[faces[raster.face[texels]]]  # (texels, 3, 3)
    points = (raster.barycentric[texels][..., None] * corners).sum(1)
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


def rasterise(triangles: Float[Tensor, "F 3 2"], side: int) -> Raster:
    """Find the triangle over each texel's centre; where several are, one of the last.

    Args:
        triangles: corners as fractions of the texture, x to the right and y down.
        side: of the texture, in texels.
    """
    raster = Raster(torch.full((side, side), -1), torch.zeros(side, side, 3))
    for first, part in enumerate((triangles * side).split(FACES_AT_ONCE)):
        face, column, row = _candidates(part, side)
        weights = _barycentric(part[face], torch.stack([column, row], dim=-1) + 0.5)
        inside = (weights >= -1e-5).all(-1)
        face, column, row = face[inside], column[inside], row[inside]
        raster.face[row, column] = face + first * FACES_AT_ONCE
        raster.barycentric[row, column] = weights[inside]
    return raster


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
