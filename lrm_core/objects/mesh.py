"""Meshes with base colours from GLB, glTF, OBJ, PLY and STL files, turned upright and normalised."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from lrm_core.objects.materials import Material
from lrm_core.objects.mesh_reading import Triangles, read_pieces

RADIUS = 0.95  # of the bounding sphere about the origin, in world units
UP_AXIS = {".glb": "y", ".gltf": "y", ".obj": "y", ".ply": "z", ".stl": "z"}
CREASE = np.cos(np.radians(45))  # a vertex normal further from its face's normal than this is not used


@dataclass(frozen=True)
class Mesh:
    """Loose triangles in the world of the renderer: z up, the object's front towards -y.

    Attributes:
        triangles: corners in world units, (F, 3, 3).
        normals: unit shading normal of each corner, (F, 3, 3).
        uv: texture coordinates of each corner, v pointing up, (F, 3, 2).
        colours: display-referred RGBA in [0, 1] of each corner, to multiply the texture with, (F, 3, 4).
        material: index into `materials`, (F,).
        materials: at least one.
    """

    triangles: Triangles
    normals: Triangles
    uv: Float[np.ndarray, "F 3 2"]
    colours: Float[np.ndarray, "F 3 4"]
    material: Int[np.ndarray, " F"]
    materials: tuple[Material, ...]


def load_mesh(path: str | Path) -> Mesh:
    """Read a file, flatten its scene and fit it into the sphere of radius 0.95 about the origin.

    The centre of the bounding box goes to the origin. The front of a y-up file (+z) turns to -y, where the
    source camera stands. Parts are in their default pose. Samplers' wrap modes are not read: textures repeat. Points
    and curves are left out, as are maps other than those of the base colour, its opacity and emission.

    Args:
        path: .glb, .gltf or .obj with y up, .ply or .stl with z up.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming the file, for another suffix, an unreadable file, a feature that is not read, a
            missing texture, a mesh without faces or area, or NaN among the vertices.
    """
    path = Path(path)
    if path.suffix.lower() not in UP_AXIS:
        raise ValueError(f"{path}: unsupported suffix; meshes are read from {', '.join(UP_AXIS)}")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    pieces = read_pieces(path)
    if not pieces:
        raise ValueError(f"{path}: no faces; a surface is needed, not points or curves")
    if all(piece.material.levels[0][..., 3].max() < piece.material.cutoff for piece in pieces):
        raise ValueError(f"{path}: nothing to see; its materials are transparent")
    triangles, normals, uv, colours = (np.concatenate(parts) for parts in list(zip(*pieces, strict=True))[:4])
    if not np.isfinite(triangles).all():
        raise ValueError(f"{path}: vertices hold NaN or infinity")
    material = np.repeat(np.arange(len(pieces)), [len(piece.triangles) for piece in pieces])
    triangles, normals = _upright(triangles, path), _upright(normals, path)
    triangles = _normalise(triangles, path)
    kept = _has_area(triangles)
    return Mesh(
        triangles[kept],
        _shading_normals(triangles[kept], normals[kept]),
        uv[kept],
        colours[kept],
        material[kept],
        tuple(piece.material for piece in pieces),
    )


def face_normals(triangles: Triangles) -> Float[np.ndarray, "F 3"]:
    """Unit normals (F, 3) of triangles (F, 3, 3) with positive area, on the side where corners turn anticlockwise."""
    normals = edge_products(triangles)
    return normals / np.linalg.norm(normals, axis=-1, keepdims=True)


def edge_products(triangles: Triangles) -> Float[np.ndarray, "F 3"]:
    """Cross products (F, 3) of two edges of triangles (F, 3, 3): along the normals, twice as long as the areas."""
    return np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])


def _upright(vectors: Triangles, path: Path) -> Triangles:
    """Points or directions turned from the axes of the file to those of the world."""
    if UP_AXIS[path.suffix.lower()] == "z":
        return vectors
    return np.stack([vectors[..., 0], -vectors[..., 2], vectors[..., 1]], axis=-1)


def _normalise(triangles: Triangles, path: Path) -> Triangles:
    """Bounding box about the origin, farthest corner at `RADIUS`; what is scaled to nothing does not count."""
    corners = triangles[_has_area(triangles)].reshape(-1, 3)
    if not len(corners):
        raise ValueError(f"{path}: no faces with an area; the mesh has collapsed")
    centre = (corners.min(0) + corners.max(0)) / 2
    return (triangles - centre) * (RADIUS / np.linalg.norm(corners - centre, axis=-1).max())


def _has_area(triangles: Triangles) -> Bool[np.ndarray, " F"]:
    return np.linalg.norm(edge_products(triangles), axis=-1) > 0


def _shading_normals(triangles: Triangles, normals: Triangles) -> Triangles:
    """Corner normals, replaced by the face's own where they are missing or lie beyond the crease angle."""
    flat = face_normals(triangles)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = normals / np.linalg.norm(normals, axis=-1, keepdims=True)
    usable = np.abs((unit * flat).sum(-1, keepdims=True)) >= CREASE
    return np.where(usable, unit, flat)
