"""Meshes with base colours from GLB, glTF, OBJ, PLY and STL files, turned upright and normalised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh
from jaxtyping import Float, Int
from PIL import Image

Texture = Float[np.ndarray, "H W 4"]
Triangles = Float[np.ndarray, "F 3 3"]  # of corners, normals too
Colour = Float[np.ndarray, "*shape"]

RADIUS = 0.95  # of the bounding sphere about the origin, in world units
UP_AXIS = {".glb": "y", ".gltf": "y", ".obj": "y", ".ply": "z", ".stl": "z"}
LINEAR_COLOURS = (".glb", ".gltf")  # have linear factors and vertex colours; other files, display-referred
CREASE = np.cos(np.radians(45))  # a vertex normal further from its face's normal than this is not used
ALPHA_CUTOFF = 0.5
COLOURS = "colours"  # the attribute of vertices that have a material too
NO_TEXTURE = np.ones((1, 1, 4), dtype=np.float32)


@dataclass(frozen=True)
class Material:
    """What a surface looks like before shading.

    Attributes:
        levels: the texture, (H, W, 4) display-referred straight RGBA in [0, 1], then halved again and
            again down to one texel.
        cutoff: rays pass where alpha is below; 0 for an opaque material.
    """

    levels: tuple[Texture, ...]
    cutoff: float


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


def load_mesh(path: str | Path, up: str = "auto") -> Mesh:
    """Read a file, flatten its scene and fit it into the sphere of radius 0.95 about the origin.

    The centre of the bounding box goes to the origin. The front of a y-up file (+z) turns to -y, where the
    source camera stands. Samplers' wrap modes are not read: textures repeat. Points and curves are left out.

    Args:
        path: .glb, .gltf, .obj, .ply or .stl.
        up: "y", "z", or "auto": y, except z for .ply and .stl.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for another suffix or up axis, an unreadable file, a mesh without faces or area, or NaN
            among the vertices.
    """
    path = Path(path)
    pieces = [_flatten(piece, path.suffix.lower()) for piece in _read_pieces(path)]
    if not pieces:
        raise ValueError(f"{path}: no faces; a surface is needed, not points or curves")
    triangles, normals, uv, colours = (np.concatenate(parts) for parts in list(zip(*pieces, strict=True))[:4])
    if not np.isfinite(triangles).all():
        raise ValueError(f"{path}: vertices hold NaN or infinity")
    material = np.repeat(np.arange(len(pieces)), [len(piece[0]) for piece in pieces])
    triangles, normals = _upright(triangles, path, up), _upright(normals, path, up)
    triangles = _normalise(triangles, path)
    kept = _areas(triangles) > 0
    return Mesh(
        triangles[kept],
        _shading_normals(triangles[kept], normals[kept]),
        uv[kept],
        colours[kept],
        material[kept],
        tuple(piece[4] for piece in pieces),
    )


def face_normals(triangles: Triangles) -> Float[np.ndarray, "F 3"]:
    """Unit normals (F, 3) of triangles (F, 3, 3) with positive area, on the side where corners turn anticlockwise."""
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    return normals / np.linalg.norm(normals, axis=-1, keepdims=True)


def display_from_linear(colour: Colour) -> Colour:
    """Encode linear light by the sRGB transfer function (IEC 61966-2-1); any shape, values in [0, 1]."""
    return np.where(
        colour <= 0.0031308, 12.92 * colour, 1.055 * np.maximum(colour, 0.0031308) ** (1 / 2.4) - 0.055
    )


def linear_from_display(colour: Colour) -> Colour:
    """Linear light of sRGB values; any shape, values in [0, 1]; the inverse of `display_from_linear`."""
    return np.where(colour <= 0.04045, colour / 12.92, ((np.maximum(colour, 0.04045) + 0.055) / 1.055) ** 2.4)


def sample_texture(texture: Texture, uv: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 4"]:
    """Bilinear lookup (n, 4) in a repeating texture (H, W, 4) at uv (n, 2), v pointing up."""
    height, width = texture.shape[:2]
    column, row = uv[:, 0] * width - 0.5, (1 - uv[:, 1]) * height - 0.5
    left, top = np.floor(column).astype(int), np.floor(row).astype(int)
    across, down = (column - left)[:, None], (row - top)[:, None]
    left, right, top, bottom = left % width, (left + 1) % width, top % height, (top + 1) % height
    upper = texture[top, left] * (1 - across) + texture[top, right] * across
    lower = texture[bottom, left] * (1 - across) + texture[bottom, right] * across
    return upper * (1 - down) + lower * down


def _read_pieces(path: Path) -> list[trimesh.Trimesh]:
    """The scene's meshes that have faces, in world coordinates of the file."""
    if path.suffix.lower() not in UP_AXIS:
        raise ValueError(f"{path}: unsupported suffix; meshes are read from {', '.join(UP_AXIS)}")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        pieces = [*_placed(trimesh.load_scene(path, process=False))]
    except Exception as error:  # the readers of trimesh raise whatever the broken bytes lead to
        raise ValueError(f"{path}: not readable as a mesh ({type(error).__name__}: {error})") from error
    return pieces


def _placed(scene: trimesh.Scene) -> Iterator[trimesh.Trimesh]:
    """Meshes with faces where the scene has them; colours of vertices that also have a material become an attribute.

    trimesh's own `dump` drops those.
    """
    for node in scene.graph.nodes_geometry:
        transform, name = scene.graph[node]
        if isinstance(scene.geometry[name], trimesh.Trimesh) and len(scene.geometry[name].faces):
            piece = scene.geometry[name].copy()
            colours = getattr(scene.geometry[name].visual, "vertex_attributes", {}).get("color")
            piece.apply_transform(transform)
            if colours is not None:
                piece.vertex_attributes[COLOURS] = colours
            yield piece


def _flatten(
    piece: trimesh.Trimesh, suffix: str
) -> tuple[Triangles, Triangles, Float[np.ndarray, "F 3 2"], Float[np.ndarray, "F 3 4"], Material]:
    """Triangles, normals, uv and colours per corner, and the material of one mesh."""
    faces = piece.faces
    uv = getattr(piece.visual, "uv", None)
    corner_uv = np.zeros((len(faces), 3, 2)) if uv is None or len(uv) != len(piece.vertices) else uv[faces]
    colours = np.ones((len(faces), 3, 4))
    if piece.visual.kind == "vertex":
        colours = piece.visual.vertex_colors[faces] / 255.0
    elif piece.visual.kind == "face":
        colours = np.repeat(piece.visual.face_colors[:, None] / 255.0, 3, axis=1)
    elif COLOURS in piece.vertex_attributes:
        colours = _in_unit_range(piece.vertex_attributes[COLOURS])[faces]
    if suffix in LINEAR_COLOURS:
        colours[..., :3] = display_from_linear(colours[..., :3])
    return piece.vertices[faces], piece.vertex_normals[faces], corner_uv, colours, _material(piece, suffix)


def _in_unit_range(colours: np.ndarray) -> Float[np.ndarray, "V 4"]:
    """RGBA as fractions, of RGB or RGBA in whole numbers or fractions."""
    largest = np.iinfo(colours.dtype).max if np.issubdtype(colours.dtype, np.integer) else 1
    opaque = np.ones((len(colours), 4))
    opaque[:, : colours.shape[1]] = colours / largest
    return opaque


def _material(piece: trimesh.Trimesh, suffix: str) -> Material:
    """The base colour of one mesh, its factor multiplied into the texture."""
    source = getattr(piece.visual, "material", None)
    if source is None:
        return Material((NO_TEXTURE,), ALPHA_CUTOFF)
    image, factor, mode, cutoff = _base_colour(source)
    texture = NO_TEXTURE if image is None else np.asarray(image.convert("RGBA"), dtype=np.float32) / 255
    if suffix in LINEAR_COLOURS:
        rgb = display_from_linear(linear_from_display(texture[..., :3]) * factor[:3])
    else:
        rgb = texture[..., :3] * factor[:3]
    texture = np.concatenate([rgb, texture[..., 3:] * factor[3]], axis=-1).astype(np.float32)
    return Material(_halvings(texture), 0.0 if mode == "OPAQUE" else cutoff)


def _base_colour(source: object) -> tuple[Image.Image | None, Float[np.ndarray, " 4"], str, float]:
    """Texture, RGBA factor in [0, 1], glTF alpha mode and cutoff of a trimesh material."""
    if isinstance(source, trimesh.visual.material.PBRMaterial):
        image, colour = source.baseColorTexture, source.baseColorFactor
        mode = source.alphaMode or "OPAQUE"
        cutoff = source.alphaCutoff if mode == "MASK" and source.alphaCutoff is not None else ALPHA_CUTOFF
    else:
        image, colour, mode, cutoff = source.image, source.diffuse, "BLEND", ALPHA_CUTOFF
    factor = np.ones(4) if colour is None else np.asarray(colour)
    factor = factor / 255.0 if factor.dtype.kind in "iu" else factor.astype(np.float64)
    return image, factor if len(factor) == 4 else np.append(factor, 1.0), mode, float(cutoff)


def _halvings(texture: Texture) -> tuple[Texture, ...]:
    """The texture and its successive 2x2 averages; colours are averaged with their alpha as weight."""
    levels = [texture]
    while max(levels[-1].shape[:2]) > 1:
        last = levels[-1]
        rows, columns = (max(side // 2, 1) for side in last.shape[:2])
        step = (last.shape[0] // rows, last.shape[1] // columns)
        blocks = last[: rows * step[0], : columns * step[1]].reshape(rows, step[0], columns, step[1], 4)
        weight = blocks[..., 3:] + 1e-6
        colour = (blocks[..., :3] * weight).sum((1, 3)) / weight.sum((1, 3))
        levels.append(np.concatenate([colour, blocks[..., 3:].mean((1, 3))], axis=-1))
    return tuple(levels)


def _upright(vectors: Triangles, path: Path, up: str) -> Triangles:
    """Points or directions turned from the axes of the file to those of the world."""
    axis = UP_AXIS[path.suffix.lower()] if up == "auto" else up
    if axis not in ("y", "z"):
        raise ValueError(f"up axis {up!r}: choose y, z or auto")
    return np.stack([vectors[..., 0], -vectors[..., 2], vectors[..., 1]], axis=-1) if axis == "y" else vectors


def _normalise(triangles: Triangles, path: Path) -> Triangles:
    """Bounding box about the origin, farthest corner at `RADIUS`."""
    corners = triangles.reshape(-1, 3)
    centred = triangles - (corners.min(0) + corners.max(0)) / 2
    radius = np.linalg.norm(centred, axis=-1).max()
    if radius == 0 or not (_areas(centred) > 0).any():
        raise ValueError(f"{path}: no faces with an area; the mesh has collapsed")
    return centred * (RADIUS / radius)


def _areas(triangles: Triangles) -> Float[np.ndarray, " F"]:
    edges = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    return np.linalg.norm(edges, axis=-1) / 2


def _shading_normals(triangles: Triangles, normals: Triangles) -> Triangles:
    """Corner normals, replaced by the face's own where they are missing or lie beyond the crease angle."""
    flat = face_normals(triangles)[:, None]
    length = np.linalg.norm(normals, axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = normals / length
    usable = np.abs((unit * flat).sum(-1, keepdims=True)) >= CREASE
    return np.where(usable, unit, flat)
