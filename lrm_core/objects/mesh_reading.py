"""Pieces of a mesh file, with what their surfaces look like before shading.

trimesh reads the files; what it drops or cannot find is mended, or refused by name.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import trimesh
from jaxtyping import Float
from PIL import Image
from trimesh.visual.material import PBRMaterial, SimpleMaterial

from lrm_core.objects.companions import Companions, Refused, option
from lrm_core.objects.gltf import load_gltf
from lrm_core.objects.gltf_arrays import posed

Triangles = Float[np.ndarray, "F 3 3"]  # of corners, normals too
Texture = Float[np.ndarray, "H W 4"]
Colour = Float[np.ndarray, "*shape"]

COLOURS = "colours"  # the attribute of vertices that have a material too
LINEAR_COLOURS = (".glb", ".gltf")  # have linear factors and vertex colours; other files, display-referred
ALPHA_CUTOFF = 0.5
NO_TEXTURE = np.ones((1, 1, 4), dtype=np.float32)


@dataclass(frozen=True)
class Material:
    """What a surface looks like before shading."""

    levels: tuple[Texture, ...]  # display-referred straight RGBA in [0, 1]; each half of the last, down to one texel
    cutoff: float  # rays pass where alpha is below; 0 for an opaque material


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
        scene = _scene(path, suffix, companions)
        if not companions.faults:
            return [_flatten(piece, suffix) for piece in _placed(scene)]
    except Refused as error:
        raise ValueError(f"{path}: {error}") from error
    except Exception as error:  # the readers of trimesh raise whatever the broken bytes lead to
        if not companions.faults:
            raise ValueError(f"{path}: not readable as a mesh ({type(error).__name__}: {error})") from error
    raise ValueError(f"{path}: {'; '.join(dict.fromkeys(companions.faults))}")


def _scene(path: Path, suffix: str, companions: Companions) -> trimesh.Scene:
    """The scene of a file; its companions keep what is missing."""
    if suffix in LINEAR_COLOURS:
        return load_gltf(path, companions)
    content = path.read_bytes()
    if suffix == ".ply":  # programs of scanners give names to colours that trimesh does not know
        header, end, rest = content.partition(b"end_header")
        if not re.search(rb"property\s+\w+\s+red\b", header):
            header = re.sub(rb"(property\s+\w+\s+)diffuse_(red|green|blue|alpha)\b", rb"\1\2", header)
        content = header + end + rest
    elif suffix == ".obj":
        back = re.search(rb"^f[^\n]*[\s/]-\d", content, re.MULTILINE)
        if back and re.search(rb"^v[tn]?\s", content[back.end() :], re.MULTILINE):
            raise Refused("counts back from vertices amid its faces (f -3 -2 -1), not read; export without")
    scene = trimesh.load_scene(BytesIO(content), file_type=suffix[1:], resolver=companions, process=False)
    if suffix == ".obj":
        for geometry in scene.geometry.values():
            _finish_obj(geometry, companions)
    return scene


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
    if named := material.kwargs.pop("map_d", None):
        mask = Image.open(BytesIO(companions.get(" ".join(named))))
        image = (material.image or Image.new("RGB", mask.size, "white")).convert("RGB")
        alpha = mask.getchannel("A") if "A" in mask.getbands() else mask.convert("L")  # its grey where it has none
        image.putalpha(alpha.resize(image.size))
        image.info = material.image.info if material.image else {"file_path": ""}
        material.image = image


def _placed(scene: trimesh.Scene) -> Iterator[trimesh.Trimesh]:
    """Meshes with faces where the scene has them; colours of vertices that also have a material become an attribute.

    trimesh's own `dump` drops those.
    """
    for node in scene.graph.nodes_geometry:
        transform, name = scene.graph[node]
        mesh = scene.geometry[name]
        if isinstance(mesh, trimesh.Trimesh) and len(mesh.faces):
            piece = mesh.copy()
            colours = getattr(mesh.visual, "vertex_attributes", {}).get("color")
            if colours is not None:
                piece.vertex_attributes[COLOURS] = colours
            yield from posed(scene, piece, transform)


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
    return Piece(corners, normals, corner_uv, colours, _material(getattr(piece.visual, "material", None)))


def _in_unit_range(colours: np.ndarray) -> Float[np.ndarray, "V 4"]:
    """RGBA as fractions, of RGB or RGBA in whole numbers or fractions."""
    largest = np.iinfo(colours.dtype).max if np.issubdtype(colours.dtype, np.integer) else 1
    opaque = np.ones((len(colours), 4))
    opaque[:, : colours.shape[1]] = colours / largest
    return opaque


def display_from_linear(colour: Colour) -> Colour:
    """Encode linear light by the sRGB transfer function (IEC 61966-2-1); any shape, values in [0, 1]."""
    return np.where(colour <= 0.0031308, 12.92 * colour, 1.055 * np.maximum(colour, 0.0031308) ** (1 / 2.4) - 0.055)


def linear_from_display(colour: Colour) -> Colour:
    """Linear light of sRGB values; any shape, values in [0, 1]; the inverse of `display_from_linear`."""
    return np.where(colour <= 0.04045, colour / 12.92, ((np.maximum(colour, 0.04045) + 0.055) / 1.055) ** 2.4)


def _material(source: PBRMaterial | SimpleMaterial | None) -> Material:
    """The base colour of a trimesh material, its factor and emission (as light) worked in."""
    if source is None:
        return Material((NO_TEXTURE,), ALPHA_CUTOFF)
    if not isinstance(source, PBRMaterial):  # display-referred, of another file than glTF
        factor = _factor(source.diffuse if "kd" in source.kwargs else None)  # trimesh's own is grey
        factor[3] *= float(source.kwargs.get("d", [1])[-1])
        return Material(_halvings((_pixels(source.image) * factor).astype(np.float32)), ALPHA_CUTOFF)
    texture, factor, glow = _pixels(source.baseColorTexture), _factor(source.baseColorFactor), source.emissiveFactor
    linear = linear_from_display(texture[..., :3]) * factor[:3]
    if glow is not None and glow.any():
        glow = linear_from_display(_pixels(source.emissiveTexture)[..., :3]) * glow
        linear, glow, texture = _same_size(linear, glow, texture)
        linear = np.minimum(linear + glow, 1)
    texture = np.concatenate([display_from_linear(linear), texture[..., 3:] * factor[3]], axis=-1)
    masked = source.alphaMode == "MASK" and source.alphaCutoff is not None
    cutoff = source.alphaCutoff if masked else ALPHA_CUTOFF
    return Material(_halvings(texture.astype(np.float32)), 0.0 if source.alphaMode in (None, "OPAQUE") else cutoff)


def _pixels(image: Image.Image | None) -> Texture:
    """Straight RGBA in [0, 1]; white without a picture."""
    if image is None:
        return NO_TEXTURE
    if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would clip
        grey = np.clip(np.asarray(image, dtype=np.float32) / 65535, 0, 1)
        return np.stack([grey, grey, grey, np.ones_like(grey)], axis=-1)
    return np.asarray(image.convert("RGBA"), dtype=np.float32) / 255


def _same_size(*textures: Float[np.ndarray, "..."]) -> list[Float[np.ndarray, "H W C"]]:
    """Textures with their texels repeated up to the size of the largest."""
    height, width = (max(texture.shape[axis] for texture in textures) for axis in (0, 1))
    rows, columns = np.arange(height), np.arange(width)
    return [t[rows * t.shape[0] // height][:, columns * t.shape[1] // width] for t in textures]


def _factor(colour: object) -> Float[np.ndarray, " 4"]:
    """RGBA in [0, 1], of RGB or RGBA in bytes or fractions; white for None."""
    factor = np.ones(4) if colour is None else np.asarray(colour)
    factor = factor / 255.0 if factor.dtype.kind in "iu" else factor.astype(np.float64)
    return factor if len(factor) == 4 else np.append(factor, 1.0)


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
