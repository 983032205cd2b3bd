"""Writes small glTF files for tests: a JSON tree and arrays, as a GLB."""

import json
import struct

import numpy as np

TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
COMPONENTS = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125, "f4": 5126}
SQUARE = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32)
SQUARE_UV = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)  # v down
FACES = np.array([0, 1, 2, 0, 2, 3], np.uint16)


class Gltf:
    """A tree with one buffer; what is added is known by its index from then on."""

    def __init__(self, **tree):
        self.tree = {"asset": {"version": "2.0"}, "accessors": [], "bufferViews": [], **tree}
        self.buffer = b""

    def view(self, content):
        self.tree["bufferViews"].append({"buffer": 0, "byteOffset": len(self.buffer), "byteLength": len(content)})
        self.buffer += content + bytes(-len(content) % 4)
        return len(self.tree["bufferViews"]) - 1

    def array(self, values, **more):
        values = np.asarray(values)
        width = values.size // len(values)
        entry = {"componentType": COMPONENTS[values.dtype.str[1:]], "count": len(values), "type": TYPES[width]}
        self.tree["accessors"].append({"bufferView": self.view(values.tobytes()), **entry, **more})
        return len(self.tree["accessors"]) - 1

    def square(self, position=SQUARE, **primitive):
        """Index of a mesh with one square."""
        attributes = {"POSITION": self.array(position), "TEXCOORD_0": self.array(SQUARE_UV)}
        attributes |= primitive.pop("attributes", {})
        mesh = primitive.pop("mesh", {})
        part = {"attributes": attributes, "indices": self.array(FACES), **primitive}
        self.tree.setdefault("meshes", []).append({"primitives": [part], **mesh})
        return len(self.tree["meshes"]) - 1

    def save(self, path, nodes):
        self.tree |= {"nodes": nodes, "buffers": [{"byteLength": len(self.buffer)}]}
        text = json.dumps(self.tree).encode()
        text += b" " * (-len(text) % 4)
        length = 28 + len(text) + len(self.buffer)
        head = struct.pack("<4s4I", b"glTF", 2, length, len(text), 0x4E4F534A)
        path.write_bytes(head + text + struct.pack("<I4s", len(self.buffer), b"BIN\0") + self.buffer)
        return path
