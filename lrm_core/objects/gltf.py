"""glTF files: the meshes of their default scene and pose, as trimesh's; what cannot be read is refused by name.

Normals of the file are not read: trimesh makes them of the faces.
"""

import json
from collections.abc import Iterator
from functools import cache, cached_property
from io import BytesIO
from pathlib import Path

import numpy as np
import trimesh
from jaxtyping import Float, Int
from PIL import Image
from trimesh.transformations import quaternion_matrix, translation_matrix
from trimesh.visual import TextureVisuals
from trimesh.visual.gloss import specular_to_pbr
from trimesh.visual.material import PBRMaterial

from lrm_core.objects.companions import MESHOPT, Companions, GltfArrays, Refused, Tree

DRACO, TRANSFORM, INSTANCES = "KHR_draco_mesh_compression", "KHR_texture_transform", "EXT_mesh_gpu_instancing"
GLOSSY, STRENGTH = "KHR_materials_pbrSpecularGlossiness", "KHR_materials_emissive_strength"
VISIBILITY, WEBP = "KHR_node_visibility", "EXT_texture_webp"
READ = {DRACO, INSTANCES, TRANSFORM, *MESHOPT, WEBP, "KHR_mesh_quantization"}
# what is not in the base colour
UNSEEN = ("KHR_materials_", "KHR_lights_", "EXT_lights_", "KHR_animation_", "KHR_xmp")
TRIANGLES, STRIP, FAN = 4, 5, 6
COLOURS = "colours"  # the attribute of vertices that have a material too

Arrays = dict[str, np.ndarray]  # by the names of attributes
Matrix = Float[np.ndarray, "4 4"]


def load_gltf(path: Path, companions: Companions) -> Iterator[trimesh.Trimesh]:
    """Meshes of a .glb or .gltf file, each where its node, its bones or each of its instances put it.

    Faults of the companions, which find buffers and pictures, are left to who called. Raises Refused, naming a
    feature or a texture that cannot be read, and whatever broken bytes lead to.
    """
    scene = _Scene(path, companions)
    for index, matrix in scene.places.items():
        node = scene.tree["nodes"][index]
        mesh = scene.tree["meshes"][node["mesh"]] if "mesh" in node else {"primitives": []}
        for primitive in mesh["primitives"]:
            arrays = scene.attributes(primitive, node.get("weights", mesh.get("weights", [])))
            if (piece := scene.piece(primitive, arrays)) is None:
                continue
            if "skin" in node:
                yield _bent(piece, arrays, scene.bones(node["skin"]))
                continue
            for instance in scene.instances(node):
                copy = piece.copy()
                copy.apply_transform(matrix @ instance)
                yield copy


class _Scene(GltfArrays):
    """One file: where its nodes are, what its primitives and its materials look like."""

    def __init__(self, path: Path, companions: Companions) -> None:
        super().__init__(path, companions)
        self._material = cache(self._read_material)
        needed = self.tree.get("extensionsRequired", [])
        unknown = [name for name in needed if name not in READ and not name.startswith(UNSEEN)]
        if unknown:
            raise Refused(f"needs the glTF extension {', '.join(unknown)}, which is not read; export without")

    @cached_property
    def places(self) -> dict[int, Matrix]:
        """Transforms to the world of the nodes of the scene, by their indices; each node counts once."""
        nodes, found = self.tree.get("nodes", []), {}
        if scenes := self.tree.get("scenes"):
            roots = scenes[self.tree.get("scene", 0)].get("nodes", [])
        else:
            below = {child for node in nodes for child in node.get("children", [])}
            roots = [index for index in range(len(nodes)) if index not in below]
        waiting = [(root, np.eye(4)) for root in roots]
        while waiting:
            index, parent = waiting.pop()
            if index in found:
                continue
            node = nodes[index]
            if node.get("extensions", {}).get(VISIBILITY, {}).get("visible") is False:
                raise Refused(f"hides parts by {VISIBILITY}, which is not read; export without them")
            found[index] = parent @ _transform(node)
            waiting += [(child, found[index]) for child in node.get("children", [])]
        return found

    def piece(self, primitive: Tree, arrays: Arrays) -> trimesh.Trimesh | None:
        """The mesh of a primitive in the frame of its node; None for points and lines."""
        mode, vertices = primitive.get("mode", TRIANGLES), arrays["POSITION"]
        if mode not in (TRIANGLES, STRIP, FAN):
            return None
        indices = arrays["indices"] if "indices" in arrays else np.arange(len(vertices))
        faces, colours = _triangles(indices.reshape(-1), mode), arrays.get("COLOR_0")
        if colours is not None and len(colours) != len(vertices):
            colours = None
        if "material" not in primitive:
            return trimesh.Trimesh(vertices, faces, vertex_colors=colours, process=False)
        material, drawn = self._material(primitive["material"])
        uv = _texture_coordinates(arrays, drawn[0] if drawn else {})
        visual = TextureVisuals(uv if uv is None else np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1), material)
        more = {} if colours is None else {COLOURS: colours}
        return trimesh.Trimesh(vertices, faces, visual=visual, vertex_attributes=more, process=False)

    def attributes(self, primitive: Tree, weights: list[float]) -> Arrays:
        """Attributes of a primitive as floats, morphed, and its "indices", if it has some."""
        accessors, draco = primitive["attributes"], primitive.get("extensions", {}).get(DRACO)
        packed = self._unpacked(primitive, draco) if draco else {}
        if "indices" in primitive and "indices" not in packed:
            packed["indices"] = self.values(primitive["indices"], "indices")
        arrays = packed | {n: self.floats(n, index, packed.get(n)) for n, index in accessors.items()}
        for target, weight in zip(primitive.get("targets", []), weights, strict=False):
            for name in target.keys() & accessors.keys() if weight else ():
                arrays[name] = arrays[name] + weight * self.floats(name, target[name])
        return arrays

    def _unpacked(self, primitive: Tree, draco: Tree) -> Arrays:
        """What the Draco data of a primitive hold; raises Refused if they cannot be decoded."""
        try:
            import DracoPy

            decoded = DracoPy.decode(self.view(draco["bufferView"]))
            primitive["mode"] = TRIANGLES
            arrays = {attribute["unique_id"]: attribute["data"] for attribute in decoded.attributes}
            return {"indices": decoded.faces} | {name: arrays[place] for name, place in draco["attributes"].items()}
        except Exception as error:
            raise Refused(f"its Draco data ({DRACO}) cannot be decoded: {error}") from error

    def _read_material(self, index: int) -> tuple[PBRMaterial, list[Tree]]:
        """A material with its strength of emission, and what the tree says of its drawn textures."""
        material = self.tree["materials"][index]
        extensions = material.get("extensions", {})
        base, strength = material | material.get("pbrMetallicRoughness", {}), extensions.get(STRENGTH, {})
        emission = [strength.get("emissiveStrength", 1) * x for x in material.get("emissiveFactor", [0, 0, 0])]
        colour = extensions[GLOSSY].get("diffuseTexture") if GLOSSY in extensions else base.get("baseColorTexture")
        drawn = {"baseColorTexture": colour} if colour else {}
        if any(emission) and "emissiveTexture" in base:
            drawn["emissiveTexture"] = base["emissiveTexture"]
        if len({json.dumps(_coordinates(info), sort_keys=True) for info in drawn.values()}) > 1:
            raise Refused(f"material {index} has its emission on other coordinates than its colour: not read")
        look = {key: base[key] for key in ("alphaMode", "alphaCutoff") if key in base}
        if "baseColorFactor" in base:
            look["baseColorFactor"] = np.array(base["baseColorFactor"], float)
        look |= {name: self._image(info, f"{name} of material {index}") for name, info in drawn.items()}
        if GLOSSY in extensions:
            gloss = extensions[GLOSSY].items()
            factors = {key: np.float64(value) for key, value in gloss if key.endswith("Factor")}
            textures = {
                k: self._image(info, f"{k} of material {index}") for k, info in gloss if k.endswith("Texture")
            }
            look |= specular_to_pbr(**factors, **textures)
        return PBRMaterial(emissiveFactor=emission, **look), list(drawn.values())

    def _image(self, info: Tree, what: str) -> Image.Image:
        """The picture of a texture; raises Refused, saying what it is, if it is missing or of another kind."""
        texture = self.tree["textures"][info["index"]]
        extensions = texture.get("extensions", {})
        source = extensions.get(WEBP, {}).get("source", texture.get("source"))
        image = {} if source is None else self.tree["images"][source]
        try:
            content = self.view(image["bufferView"]) if "bufferView" in image else self.file(image["uri"])
            return Image.open(BytesIO(content))
        except Exception as error:
            kind = ", ".join(filter(None, [*extensions, image.get("uri", "")[:80] or image.get("mimeType", "")]))
            reason = "is missing or of a kind that is not read; PNG, JPEG and WebP are"
            raise Refused(f"the {what} ({kind}) {reason}") from error

    def instances(self, node: Tree) -> list[Matrix]:
        """Transforms of the instances of a node's mesh; the identity where it is there once."""
        instances = node.get("extensions", {}).get(INSTANCES, {}).get("attributes")
        if not instances:
            return [np.eye(4)]
        parts = {name.lower(): self.floats(name, index) for name, index in instances.items()}
        return [_transform(dict(zip(parts, values, strict=True))) for values in zip(*parts.values(), strict=True)]

    def bones(self, skin: int) -> Float[np.ndarray, "J 4 4"]:
        """What each joint of a skin makes of the vertices that follow it."""
        joints, inverse = self.tree["skins"][skin]["joints"], self.tree["skins"][skin].get("inverseBindMatrices")
        bones = np.stack([self.places[joint] for joint in joints])
        if inverse is None:
            return bones
        return bones @ self.values(inverse, "skin").transpose(0, 2, 1)[: len(joints)]


def _transform(node: Tree) -> Matrix:
    """From the frame of a node, or of an instance in it, to that around it."""
    matrix, turn = np.reshape(node.get("matrix", np.eye(4)), (4, 4)).T, node.get("rotation", [0, 0, 0, 1])
    matrix = matrix @ translation_matrix(node.get("translation", [0, 0, 0]))
    return matrix @ quaternion_matrix(np.reshape(turn, 4)[[3, 0, 1, 2]]) @ np.diag([*node.get("scale", [1, 1, 1]), 1])


def _triangles(indices: Int[np.ndarray, " n"], mode: int) -> Int[np.ndarray, "F 3"]:
    """Faces of a strip, a fan or separate triangles, all turning the same way."""
    if mode == FAN:
        return np.stack([np.full(len(indices) - 2, indices[0]), indices[1:-1], indices[2:]], axis=1)
    if mode == STRIP:
        faces = np.stack([indices[:-2], indices[1:-1], indices[2:]], axis=1)
        faces[1::2] = faces[1::2, [1, 0, 2]]
        return faces
    return indices.reshape(-1, 3)


def _coordinates(info: Tree) -> tuple[int, Tree]:
    """Which set of texture coordinates a texture lies on, and how they are transformed."""
    transform = info.get("extensions", {}).get(TRANSFORM, {})
    return transform.get("texCoord", info.get("texCoord", 0)), transform


def _texture_coordinates(arrays: Arrays, info: Tree) -> Float[np.ndarray, "V 2"] | None:
    """The coordinates that a texture lies on, v down, transformed as KHR_texture_transform says."""
    chosen, transform = _coordinates(info)
    uv = arrays.get(f"TEXCOORD_{chosen}")
    if uv is None or not transform:
        return uv
    turn = transform.get("rotation", 0)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return uv * transform.get("scale", [1, 1]) @ matrix.T + transform.get("offset", [0, 0])


def _bent(piece: trimesh.Trimesh, arrays: Arrays, bones: Float[np.ndarray, "J 4 4"]) -> trimesh.Trimesh:
    """The mesh with vertices and normals moved by the weighted matrices of their joints."""
    joints, weights = (
        np.concatenate([arrays[name] for name in sorted(arrays) if name.startswith(start)], axis=1)
        for start in ("JOINTS_", "WEIGHTS_")
    )
    weights = weights / np.maximum(weights.sum(1, keepdims=True), np.finfo(float).tiny)
    blend = np.zeros((len(piece.vertices), 4, 4))
    for joint, weight in zip(joints.astype(int).T, weights.T, strict=True):
        blend += weight[:, None, None] * bones[joint]
    linear = blend[:, :3, :3]
    cofactors = np.cross(np.roll(linear, -1, 2), np.roll(linear, -2, 2), axis=1)
    normals = np.einsum("nij,nj->ni", cofactors, piece.vertex_normals)
    piece.vertices = np.einsum("nij,nj->ni", linear, piece.vertices) + blend[:, :3, 3]
    piece.vertex_normals = normals
    return piece
