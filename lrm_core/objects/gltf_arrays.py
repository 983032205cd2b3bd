"""The bytes of a glTF file as arrays: accessors, dense or sparse, in views that may be packed by meshopt."""

import base64
import struct
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lrm_core.objects.companions import Companions, Refused, open_gltf

MESHOPT = ("EXT_meshopt_compression", "KHR_meshopt_compression")
COMPONENTS = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
SHAPES = {"SCALAR": (1,), "VEC2": (2,), "VEC3": (3,), "VEC4": (4,), "MAT2": (2, 2), "MAT3": (3, 3), "MAT4": (4, 4)}

Tree = dict[str, Any]


class GltfArrays:
    """The JSON tree of one file, and what that says of its bytes."""

    def __init__(self, path: Path, companions: Companions) -> None:
        self.tree, self._chunks = open_gltf(path)
        self._companions = companions
        self.view, self._buffer = cache(self._read_view), cache(self._read_buffer)

    def floats(self, name: str, index: int, array: np.ndarray | None = None) -> np.ndarray:
        """An attribute, fractions where the file says that whole numbers stand for them; joints stay as they are."""
        array = self.values(index, name) if array is None else array
        stays = name.startswith("JOINTS") or (name, array.dtype) == ("COLOR_0", np.uint8)
        if stays or array.dtype.kind == "f":
            return array
        if not self.tree["accessors"][index].get("normalized"):
            return array.astype(float)
        return np.maximum(array / np.iinfo(array.dtype).max, -1)

    def values(self, index: int, name: str) -> np.ndarray:
        """The array of an accessor as stored, with what a sparse one puts in the place of some."""
        accessor = self.tree["accessors"][index]
        sparse, component = accessor.get("sparse"), accessor["componentType"]
        shape = (accessor["count"], *SHAPES[accessor["type"]])
        if "bufferView" in accessor:
            array = self._stored(accessor, component, shape)
        elif sparse is None:
            raise Refused(f"its {name} has no data; an extension that is not read may hold them")
        else:
            array = np.zeros(shape, COMPONENTS[component])
        if sparse is not None:
            places = sparse["indices"]
            chosen = self._stored(places, places["componentType"], (sparse["count"],))
            array[chosen] = self._stored(sparse["values"], component, (sparse["count"], *shape[1:]))
        return array

    def _stored(self, part: Tree, component: int, shape: tuple[int, ...]) -> np.ndarray:
        """An array of this shape in a view, whose rows may lie apart."""
        kind, view = np.dtype(COMPONENTS[component]), self.tree["bufferViews"][part["bufferView"]]
        row = kind.itemsize * int(np.prod(shape[1:]))
        content, start = self.view(part["bufferView"]), part.get("byteOffset", 0)
        rows = np.ndarray((shape[0], row), np.uint8, content, start, (view.get("byteStride", row), 1))
        return rows.copy().view(kind).reshape(shape)

    def _read_view(self, index: int) -> bytes:
        """The bytes of a view of a buffer, unpacked where they are compressed."""
        view = self.tree["bufferViews"][index]
        packed = next((view["extensions"][n] for n in MESHOPT if n in view.get("extensions", {})), None)
        place = packed or view
        start = place.get("byteOffset", 0)
        content = self._buffer(place["buffer"])[start : start + place["byteLength"]]
        if len(content) != place["byteLength"]:
            raise ValueError("its buffer is too short")
        if not packed:
            return content
        from meshopt import decode_gltf_buffer

        if packed["count"] * packed["byteStride"] != view["byteLength"]:
            raise Refused("its meshopt data do not have the length that it says")
        kind = packed["mode"], packed.get("filter")
        return decode_gltf_buffer(content, packed["count"], packed["byteStride"], *kind).tobytes()

    def _read_buffer(self, index: int) -> bytes:
        uri = self.tree["buffers"][index].get("uri")
        if uri is None:
            return self._chunks[8 : 8 + struct.unpack_from("<I", self._chunks)[0]]
        return self.file(uri)

    def file(self, uri: str) -> bytes:
        """The bytes at an address, which lie in it or beside the mesh."""
        return base64.b64decode(uri.split("base64,", 1)[1]) if uri.startswith("data:") else self._companions[uri]
