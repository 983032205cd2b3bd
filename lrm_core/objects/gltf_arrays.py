"""Arrays of glTF primitives: made plain before trimesh builds a mesh of them, and posed after."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Float, Int
from scipy.spatial.transform import Rotation
from trimesh.exchange.gltf.extensions import draco_decode

from lrm_core.objects.companions import Refused

Tree = dict[str, Any]

DRACO, TRANSFORM = "KHR_draco_mesh_compression", "KHR_texture_transform"
STRIP, FAN, TRIANGLES = 5, 6, 4
BONES, JOINTS, WEIGHTS, PLACES = "_LRM_BONES", "_LRM_JOINTS", "_LRM_WEIGHTS", "_LRM_PLACES"


class Arrays:
    """The arrays that trimesh read of the accessors of a file, and more at their end."""

    def __init__(self, accessors: list[Tree], arrays: list[np.ndarray]) -> None:
        self._accessors, self.arrays = accessors, arrays

    def put(self, array: np.ndarray, index: int | None = None) -> int:
        """Where an array is found from now on: at its old index if it is the one that is there."""
        if index is not None and array is self.arrays[index]:
            return index
        self.arrays.append(array)
        return len(self.arrays) - 1

    def values(self, index: int) -> np.ndarray:
        """As stored, with what a sparse accessor puts in the place of some."""
        array, sparse = self.arrays[index], self._accessors[index].get("sparse")
        if sparse is None:
            return array
        array = array.copy()
        array[self.arrays[sparse["indices"]].reshape(-1)] = self.arrays[sparse["values"]]
        return array

    def attribute(self, name: str, index: int) -> np.ndarray:
        """As floats, fractions where the file says that whole numbers stand for them."""
        array = self.values(index)
        stays = name.startswith("JOINTS") or (name, array.dtype) == ("COLOR_0", np.uint8)
        if stays or array.dtype.kind == "f":
            return array
        if not self._accessors[index].get("normalized"):
            return array.astype(float)
        return np.maximum(array / np.iinfo(array.dtype).max, -1)


def dense_accessors(accessors: list[Tree]) -> None:
    """Have trimesh read the places and values of sparse accessors too, as accessors at the end of the list."""
    for accessor in [accessor for accessor in accessors if "sparse" in accessor]:
        sparse = accessor["sparse"]
        for part, kind in (("indices", {"type": "SCALAR"}), ("values", {"type": accessor["type"]})):
            common = {"componentType": accessor["componentType"], "count": sparse["count"]}
            accessors.append(common | kind | sparse[part])
            sparse[part] = len(accessors) - 1


def undo_draco(primitive: Tree, draco: Tree, arrays: list[np.ndarray], views: list[bytes]) -> None:
    """Replace the arrays of a primitive by what its Draco data hold; raises Refused if they cannot be decoded."""
    try:
        draco_decode({"data": draco, "primitive": primitive, "accessors": arrays, "views": views})
    except Exception as error:
        raise Refused(f"its Draco data ({DRACO}) cannot be decoded: {error}") from error
    primitive["mode"] = TRIANGLES


def triangles(indices: Int[np.ndarray, " n"], mode: int | None) -> Int[np.ndarray, "F 3"]:
    """Faces of a strip, a fan or separate triangles, all turning the same way."""
    if mode == FAN:
        return np.stack([np.full(len(indices) - 2, indices[0]), indices[1:-1], indices[2:]], axis=1)
    if mode == STRIP:
        faces = np.stack([indices[:-2], indices[1:-1], indices[2:]], axis=1)
        faces[1::2] = faces[1::2, [1, 0, 2]]
        return faces
    return indices.reshape(-1, 3)


def coordinates(info: Tree) -> tuple[int, Tree]:
    """Which set of texture coordinates a texture lies on, and how they are transformed."""
    transform = info.get("extensions", {}).get(TRANSFORM, {})
    return transform.get("texCoord", info.get("texCoord", 0)), transform


def place_texture(attributes: dict[str, int], info: Tree, plain: Arrays) -> None:
    """Make the coordinates that a texture lies on the first set, transformed as KHR_texture_transform says."""
    chosen, transform = coordinates(info)
    uv = attributes.pop(f"TEXCOORD_{chosen}", None)
    attributes.pop("TEXCOORD_0", None)
    if uv is None:
        return
    values = plain.arrays[uv]
    if transform:
        turn = transform.get("rotation", 0)
        matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        values = values * transform.get("scale", [1, 1]) @ matrix.T + transform.get("offset", [0, 0])
    attributes["TEXCOORD_0"] = plain.put(values, uv)


def add_skin(attributes: dict[str, int], skin: Tree, plain: Arrays) -> None:
    """Keep joints, weights and bones with the vertices, for `posed`."""
    joints = np.array(skin["joints"])
    bind = np.broadcast_to(np.eye(4), (len(joints), 4, 4))
    if "inverseBindMatrices" in skin:
        bind = plain.values(skin["inverseBindMatrices"]).transpose(0, 2, 1)[: len(joints)]
    nodes = np.broadcast_to(joints[:, None, None], (len(joints), 1, 4))
    attributes[BONES] = plain.put(np.concatenate([nodes, bind], axis=1))
    for key, name in ((JOINTS, "JOINTS_"), (WEIGHTS, "WEIGHTS_")):
        parts = [plain.arrays[attributes[found]] for found in sorted(attributes) if found.startswith(name)]
        attributes[key] = plain.put(np.concatenate(parts, axis=1))


def add_places(attributes: dict[str, int], instances: Tree, plain: Arrays) -> None:
    """Keep the matrices of instances with the vertices, for `posed`."""
    parts = {name: plain.attribute(name, index) for name, index in instances.items()}
    matrices = np.tile(np.eye(4), (len(next(iter(parts.values()))), 1, 1))
    if "ROTATION" in parts:
        matrices[:, :3, :3] = Rotation.from_quat(parts["ROTATION"]).as_matrix()
    if "SCALE" in parts:
        matrices[:, :3, :3] *= parts["SCALE"][:, None]
    if "TRANSLATION" in parts:
        matrices[:, :3, 3] = parts["TRANSLATION"]
    attributes[PLACES] = plain.put(matrices)


def posed(
    scene: trimesh.Scene, piece: trimesh.Trimesh, transform: Float[np.ndarray, "4 4"]
) -> Iterator[trimesh.Trimesh]:
    """A mesh of a scene, which is changed, where its node's transform, its bones or each of its instances put it."""
    extra = piece.vertex_attributes
    if BONES in extra:
        _bend(scene, piece)
        yield piece
        return
    for place in extra.get(PLACES, [np.eye(4)]):
        copy = piece.copy()
        copy.apply_transform(transform @ place)
        yield copy


def _bend(scene: trimesh.Scene, piece: trimesh.Trimesh) -> None:
    """Move vertices and normals by the weighted matrices of their joints."""
    extra = piece.vertex_attributes
    nodes, bind = extra[BONES][:, 0, 0].astype(int), extra[BONES][:, 1:]
    bones = np.stack([scene.graph[str(node)][0] for node in nodes]) @ bind  # (J, 4, 4)
    total = np.maximum(extra[WEIGHTS].sum(1), np.finfo(float).tiny)
    blend = np.zeros((len(piece.vertices), 4, 4))
    for joint, weight in zip(extra[JOINTS].astype(int).T, (extra[WEIGHTS] / total[:, None]).T, strict=True):
        blend += weight[:, None, None] * bones[joint]
    linear = blend[:, :3, :3]
    cofactors = np.cross(np.roll(linear, -1, 2), np.roll(linear, -2, 2), axis=1)
    normals = np.einsum("nij,nj->ni", cofactors, piece.vertex_normals)
    piece.vertices = np.einsum("nij,nj->ni", linear, piece.vertices) + blend[:, :3, 3]
    piece.vertex_normals = normals
