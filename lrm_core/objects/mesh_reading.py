"""Pieces of a mesh file: read by trimesh, with what it drops or cannot find mended or refused by name."""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import trimesh
from jaxtyping import Float
from PIL import Image

from lrm_core.objects.companions import Companions, Refused, option
from lrm_core.objects.gltf import COLOURS, load_gltf
from lrm_core.objects.materials import LINEAR_COLOURS, Material, display_from_linear, read_material

Triangles = Float[np.ndarray, "F 3 3"]  # of corners, normals too

END_OF_HEADER = b"end_header"  # of a PLY file


class Piece(NamedTuple):
    """Triangles of one material, in the axes of the file, with normals, uv and colours of each corner."""

    triangles: Triangles
    normals: Triangles
    uv: Float[np.ndarray, "F 3 2"]
    colours: Float[np.ndarray, "F 3 4"]
    material: Material


def read_pieces(path: Path) -> list[Piece]:
    """The meshes of a file that have faces, where its scene puts them; ValueError naming it and what is wrong."""
    companions, suffix = Companions(path), path.suffix.lower()
    try:
        read = load_gltf if suffix in LINEAR_COLOURS else _load_plain
        pieces = [_flatten(piece, suffix) for piece in read(path, companions) if len(piece.faces)]
        if not companions.faults:
            return pieces
    except Refused as error:
        raise ValueError(f"{path}: {error}") from error
    except Exception as error:  # the readers of trimesh raise whatever the broken bytes lead to
        if not companions.faults:
            raise ValueError(f"{path}: not readable as a mesh ({type(error).__name__}: {error})") from error
    raise ValueError(f"{path}: {'; '.join(dict.fromkeys(companions.faults))}")


def _load_plain(path: Path, companions: Companions) -> Iterator[trimesh.Trimesh]:
    """Meshes of an OBJ, PLY or STL file; colours of vertices that also have a material become an attribute."""
    content, suffix = path.read_bytes(), path.suffix.lower()
    if suffix == ".ply":
        content = _plain_ply(content)
    elif suffix == ".obj":
        back = re.search(rb"^f[^\n]*[\s/]-\d", content, re.MULTILINE)
        if back and re.search(rb"^v[tn]?\s", content[back.end() :], re.MULTILINE):
            raise Refused("counts back from vertices amid its faces (f -3 -2 -1), not read; export without")
    scene = trimesh.load_scene(BytesIO(content), file_type=suffix[1:], resolver=companions, process=False)
    for node in scene.graph.nodes_geometry:
        transform, name = scene.graph[node]
        if not isinstance(scene.geometry[name], trimesh.Trimesh):
            continue
        mesh = scene.geometry[name].copy()  # without the normals of the file: trimesh makes them of the faces
        if suffix == ".obj":
            _finish_obj(mesh, companions)
        colours = getattr(mesh.visual, "vertex_attributes", {}).get("color")
        if colours is not None:
            mesh.vertex_attributes[COLOURS] = colours
        mesh.apply_transform(transform)
        yield mesh


def _plain_ply(content: bytes) -> bytes:
    """The names that scanners' programs give to colours made those that trimesh knows."""
    header, end, rest = content.partition(END_OF_HEADER)
    if not re.search(rb"property\s+\w+\s+red\b", header):
        header = re.sub(rb"(property\s+\w+\s+)diffuse_(red|green|blue|alpha)\b", rb"\1\2", header)
    return header + end + rest


def _finish_obj(piece: trimesh.Trimesh, companions: Companions) -> None:
    """Options of `map_Kd`, and opacity from `d` and `map_d`, which trimesh leaves in the material."""
    material = getattr(piece.visual, "material", None)
    if material is None:
        return
    if material.image is not None and piece.visual.uv is not None:
        statement = material.image.info["file_path"]
        if option(statement, "t", 0) != (0, 0) or option(statement, "mm", 0) not in ((0, 0), (0, 1)):
            raise Refused(f"the option -t or -mm of map_Kd is not read: {statement}")
        piece.visual.uv = piece.visual.uv * option(statement, "s", 1) + option(statement, "o", 0)
    mask = material.kwargs.pop("map_d", None)
    if mask:
        material.image = _with_mask(material.image, Image.open(BytesIO(companions.get(" ".join(mask)))))


def _with_mask(image: Image.Image | None, mask: Image.Image) -> Image.Image:
    """A texture with the alpha of a mask, or its grey where it has none."""
    masked = (image or Image.new("RGB", mask.size, "white")).convert("RGB")
    alpha = mask.getchannel("A") if "A" in mask.getbands() else mask.convert("L")
    masked.putalpha(alpha.resize(masked.size))
    masked.info = image.info if image else {"file_path": ""}
    return masked


def _flatten(piece: trimesh.Trimesh, suffix: str) -> Piece:
    faces = piece.faces
    uv = getattr(piece.visual, "uv", None)
    if piece.vertices.shape[1] != 3 or (uv is not None and uv.shape[1] < 2):
        raise Refused("has vertices without three coordinates, or texture coordinates of fewer than two")
    bare = uv is None or len(uv) != len(piece.vertices)
    corner_uv = np.zeros((len(faces), 3, 2)) if bare else uv[faces][..., :2]
    colours = np.ones((len(faces), 3, 4))
    if piece.visual.kind == "vertex":
        colours = piece.visual.vertex_colors[faces] / 255.0
    elif piece.visual.kind == "face":
        colours = np.repeat(piece.visual.face_colors[:, None] / 255.0, 3, axis=1)
    elif COLOURS in piece.vertex_attributes:
        colours = _in_unit_range(piece.vertex_attributes[COLOURS])[faces]
    if suffix in LINEAR_COLOURS:
        colours[..., :3] = display_from_linear(colours[..., :3])
    corners, normals = piece.vertices[faces], piece.vertex_normals[faces]
    return Piece(corners, normals, corner_uv, colours, read_material(piece, suffix))


def _in_unit_range(colours: np.ndarray) -> Float[np.ndarray, "V 4"]:
    """RGBA as fractions, of RGB or RGBA in whole numbers or fractions."""
    largest = np.iinfo(colours.dtype).max if np.issubdtype(colours.dtype, np.integer) else 1
    opaque = np.ones((len(colours), 4))
    opaque[:, : colours.shape[1]] = colours / largest
    return opaque
