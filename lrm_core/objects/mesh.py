"""Meshes with base colours: from GLB, glTF, OBJ, PLY and STL files, upright and normalised; to GLB, OBJ and PLY."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Bool, Float, Int, UInt8
from PIL import Image

from lrm_core.atomic import replacing
from lrm_core.objects.mesh_reading import LINEAR_COLOURS, Material, Triangles, linear_from_display, read_pieces

RADIUS = 0.95  # of the bounding sphere about the origin, in world units
UP_AXIS = {".glb": "y", ".gltf": "y", ".obj": "y", ".ply": "z", ".stl": "z"}
WRITTEN = (".glb", ".obj", ".ply")
UNLIT = "KHR_materials_unlit"  # the light is in the colours already
CREASE = np.cos(np.radians(45))  # a vertex normal further from its face's normal than this is not used

Points = Float[np.ndarray, "V 3"]
Triples = Int[np.ndarray, "F 3"]


@dataclass(frozen=True)
class Mesh:
    """Loose triangles in the world of the renderer: z up, the object's front towards -y."""

    triangles: Triangles  # corners in world units
    normals: Triangles  # unit shading normal of each corner
    uv: Float[np.ndarray, "F 3 2"]  # texture coordinates of each corner, v pointing up
    colours: Float[np.ndarray, "F 3 4"]  # display-referred RGBA in [0, 1] of each corner, times the texture
    material: Int[np.ndarray, " F"]  # index into `materials`
    materials: tuple[Material, ...]  # at least one


def load_mesh(path: str | Path) -> Mesh:
    """Read a file, flatten its scene and fit it into the sphere of radius 0.95 about the origin.

    The centre of the bounding box goes to the origin. The front of a y-up file (+z) turns to -y, where the
    source camera stands. Parts are in their default pose. Samplers' wrap modes are not read: textures repeat. Points
    and curves are left out, as are maps other than those of the base colour, its opacity and emission. Files are
    .glb, .gltf or .obj with y up, .ply or .stl with z up.

    FileNotFoundError if there is no such file. ValueError, naming it, for another suffix, an unreadable file, a
    feature that is not read, a missing texture, a mesh without faces or area, or NaN among the vertices.
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
    triangles = _normalise(_upright(triangles, path), path)
    kept = _has_area(triangles)
    triangles, normals = triangles[kept], _shading_normals(triangles[kept], _upright(normals, path)[kept])
    materials = tuple(piece.material for piece in pieces)
    return Mesh(triangles, normals, uv[kept], colours[kept], material[kept], materials)


def face_normals(triangles: Triangles) -> Float[np.ndarray, "F 3"]:
    """Unit normals of triangles with positive area, on the side where corners turn anticlockwise."""
    normals = edge_products(triangles)
    return normals / np.linalg.norm(normals, axis=-1, keepdims=True)


def edge_products(triangles: Triangles) -> Float[np.ndarray, "F 3"]:
    """Cross products (F, 3) of two edges of triangles (F, 3, 3): along the normals, twice as long as the areas."""
    return np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])


def _upright(vectors: Triangles, path: Path) -> Triangles:
    """Points or directions turned from the axes of the file to those of the world."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    return vectors if UP_AXIS[path.suffix.lower()] == "z" else np.stack([x, -z, y], axis=-1)


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


def write_mesh(path: Path, vertices: Points, faces: Triples, colours: Float[np.ndarray, "V 3"]) -> None:
    """Write a mesh with a colour at each vertex; an old file stays until the new is whole.

    GLB and OBJ have y up and the front of the object at +z; PLY keeps the axes of the world (z up, front at -y), as
    `load_mesh` reads them. GLB stores linear colours, the others store them as they are displayed; 8 bits a channel.

    Vertices are in world units; corners of faces turn anticlockwise seen from outside; colours are display-referred
    RGB in [0, 1]. Raises ValueError for another suffix than .glb, .obj or .ply, OSError if it cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in WRITTEN:
        raise ValueError(f"{path}: unsupported suffix; meshes are written to {', '.join(WRITTEN)}")
    stored = linear_from_display(colours) if suffix in LINEAR_COLOURS else colours
    pixels = (np.clip(stored, 0, 1) * 255).round().astype(np.uint8)
    _write(path, trimesh.Trimesh(turned(vertices, suffix), faces, vertex_colors=pixels, process=False))


def write_textured_glb(
    path: Path, vertices: Points, faces: Triples, uv: Float[np.ndarray, "V 2"], texture: UInt8[np.ndarray, "H W 3"]
) -> None:
    """Write a GLB with a texture of its base colour (display-referred, 0 to 255), otherwise as `write_mesh`.

    Vertices are repeated along the seams of the texture; its coordinates `uv` are in [0, 1], v pointing up.
    """
    matt = {"metallicFactor": 0.0, "roughnessFactor": 1.0}
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=Image.fromarray(texture), **matt)
    visual = trimesh.visual.TextureVisuals(uv=uv, material=material)
    _write(path, trimesh.Trimesh(turned(vertices, ".glb"), faces, visual=visual, process=False))


def turned(vertices: Points, suffix: str) -> Points:
    """World coordinates in the axes of a file: (x, z, -y) where y is up there."""
    x, y, z = vertices.T
    return vertices if UP_AXIS[suffix] == "z" else np.stack([x, z, -y], axis=1)


def _unlit(tree: dict[str, Any]) -> None:
    """Have viewers show the colours of a glTF tree as they are."""
    for material in tree.setdefault("materials", [{"pbrMetallicRoughness": {}}]):
        material["extensions"] = {UNLIT: {}}
    for mesh in tree["meshes"]:
        for primitive in mesh["primitives"]:
            primitive.setdefault("material", 0)
    tree["extensionsUsed"] = [*tree.get("extensionsUsed", []), UNLIT]


def _write(path: Path, mesh: trimesh.Trimesh) -> None:
    suffix = path.suffix.lower()
    options = {"tree_postprocessor": _unlit} if suffix == ".glb" else {}
    content = mesh.export(file_type=suffix[1:], **options)
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
