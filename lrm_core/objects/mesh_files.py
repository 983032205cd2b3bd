"""Coloured and textured meshes to GLB, OBJ and PLY files, the counterpart of `load_mesh`."""

from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Float, Int, UInt8
from PIL import Image

from lrm_core.atomic import replacing
from lrm_core.objects.materials import LINEAR_COLOURS, linear_from_display
from lrm_core.objects.mesh import UP_AXIS

WRITTEN = (".glb", ".obj", ".ply")
UNLIT = "KHR_materials_unlit"  # the light is in the colours already

Points = Float[np.ndarray, "V 3"]
Triples = Int[np.ndarray, "F 3"]


def write_mesh(path: Path, vertices: Points, faces: Triples, colours: Float[np.ndarray, "V 3"]) -> None:
    """Write a mesh with a colour at each vertex; an old file stays until the new is whole.

    GLB and OBJ have y up and the front of the object at +z; PLY keeps the axes of the world (z up, front at -y), as
    `load_mesh` reads them. GLB stores linear colours, the others store them as they are displayed; 8 bits a channel.

    Args:
        path: .glb, .obj or .ply.
        vertices: in world units, (V, 3).
        faces: indices of corners, anticlockwise from outside, (F, 3).
        colours: display-referred RGB in [0, 1], (V, 3).

    Raises:
        ValueError: for another suffix.
        OSError: if the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in WRITTEN:
        raise ValueError(f"{path}: unsupported suffix; meshes are written to {', '.join(WRITTEN)}")
    stored = linear_from_display(colours) if suffix in LINEAR_COLOURS else colours
    pixels = (np.clip(stored, 0, 1) * 255).round().astype(np.uint8)
    mesh = trimesh.Trimesh(turned(vertices, suffix), faces, vertex_colors=pixels, process=False)
    _write(path, mesh)


def write_textured_glb(
    path: Path,
    vertices: Points,
    faces: Triples,
    uv: Float[np.ndarray, "V 2"],
    texture: UInt8[np.ndarray, "H W 3"],
) -> None:
    """Write a mesh with a texture of its base colour, y up and the front of the object at +z.

    Args:
        path: .glb.
        vertices: in world units, (V, 3); repeated along the seams of the texture.
        faces: indices of corners, anticlockwise from outside, (F, 3).
        uv: texture coordinates in [0, 1], v pointing up, (V, 2).
        texture: display-referred RGB, 0 to 255, (H, W, 3).

    Raises:
        OSError: if the file cannot be written.
    """
    material = trimesh.visual.material.PBRMaterial(
        baseColorTexture=Image.fromarray(texture), metallicFactor=0.0, roughnessFactor=1.0
    )
    visual = trimesh.visual.TextureVisuals(uv=uv, material=material)
    mesh = trimesh.Trimesh(turned(vertices, ".glb"), faces, visual=visual, process=False)
    _write(path, mesh)


def turned(vertices: Points, suffix: str) -> Points:
    """World coordinates in the axes of a file: (x, z, -y) where y is up there."""
    if UP_AXIS[suffix] == "z":
        return vertices
    return np.stack([vertices[:, 0], vertices[:, 2], -vertices[:, 1]], axis=1)


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
