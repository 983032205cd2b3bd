"""Bytes of mesh files: of those beside them that they name, found as people write them, and of the arrays of glTF."""

import base64
import json
import re
import struct
from functools import cache
from io import BytesIO
from pathlib import Path
from posixpath import basename
from typing import Any
from unicodedata import normalize
from urllib.parse import unquote

import numpy as np
from PIL import Image
from trimesh.resolvers import FilePathResolver

JSON_CHUNK = 0x4E4F534A
MESHOPT = ("EXT_meshopt_compression", "KHR_meshopt_compression")
COMPONENTS = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
SHAPES = {"SCALAR": (1,), "VEC2": (2,), "VEC3": (3,), "VEC4": (4,), "MAT2": (2, 2), "MAT3": (3, 3), "MAT4": (4, 4)}
OPTION = re.compile(r"-(?:[ost]((?:\s+[-+.\de]+){1,3})|mm\s+\S+\s+\S+|[a-z]+\s+\S+)\s+", re.IGNORECASE)

Tree = dict[str, Any]


class Refused(ValueError):
    """What a file asks for and cannot be given; the path is added by who reads it."""


class Companions(FilePathResolver):
    """Resolver that stays in the mesh's folder and keeps the faults of files, which trimesh passes over."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.faults: list[str] = []

    def __getitem__(self, name: str) -> bytes:
        """Content of a buffer or of a picture of glTF, or of all the materials of an OBJ."""
        if Path(self.file_path).suffix.lower() == ".obj":
            return b"\n".join(self._read(library) for library in self.libraries())
        return self._read(name)

    def get(self, name: str) -> bytes:
        """Content of a picture that an OBJ or PLY file names."""
        content = self._read(without_options(name))
        try:
            Image.open(BytesIO(content))
        except Exception as error:  # whatever Pillow makes of the bytes
            self.faults.append(f"the texture {without_options(name)} is not a readable picture")
            raise Refused(self.faults[-1]) from error
        return content

    def libraries(self) -> list[str]:
        """Names of the material files of an OBJ, one or several a line."""
        text = Path(self.file_path).read_bytes().decode(errors="replace")
        lines = [line.strip() for line in re.findall(r"^[ \t]*mtllib[ \t]+(.+)$", text, re.MULTILINE)]
        return [name for line in lines for name in ([line] if self.find(line) else line.split())]

    def find(self, name: str) -> Path | None:
        """The file that is meant: slashes, percent signs and accents may be written in any way."""
        name, plain = name.strip(), name.strip().replace("\\", "/")
        written = [normalize(form, text) for text in (name, plain, unquote(plain)) for form in ("NFC", "NFD")]
        for spelling in [*written, *(text.lstrip("/") for text in written), *map(basename, written)]:
            try:
                path = self.absolute(spelling)
                if path.is_file():
                    return path
            except (ValueError, OSError):  # out of the folder, or not a name at all
                continue
        return None

    def _read(self, name: str) -> bytes:
        path = self.find(name)
        if path is None:
            self.faults.append(f"{name} is missing, which the mesh needs; put it into the mesh's folder")
            raise FileNotFoundError(name)
        return path.read_bytes()


def open_gltf(path: Path) -> tuple[Tree, bytes]:
    """JSON of a .glb or .gltf file, and the bytes of a GLB that come after it; raises ValueError for another file."""
    content = path.read_bytes()
    text, rest = content, b""
    if content[:4] == b"glTF":
        version, _, size, kind = struct.unpack_from("<4I", content, 4)
        if version != 2:
            raise Refused(f"is a GLB of version {version}, which is not read; version 2 is")
        if kind != JSON_CHUNK:
            raise ValueError("expected the JSON chunk first")
        text, rest = content[20 : 20 + size], content[20 + size :]
    tree = json.loads(text)
    version = str(tree.get("asset", {}).get("version", "2.0"))
    if version.split(".")[0] != "2":
        raise Refused(f"is glTF {version}, which is not read; version 2 is")
    return tree, rest


def mesh_parts(path: Path) -> list[Path]:
    """A mesh file and the files that it names and that are there: all that its views depend on."""
    companions, suffix = Companions(path), path.suffix.lower()
    try:
        if suffix in (".glb", ".gltf"):
            tree, _ = open_gltf(path)
            parts = [*tree.get("buffers", []), *tree.get("images", [])]
            names = [part["uri"] for part in parts if not part.get("uri", "data:").startswith("data:")]
        elif suffix == ".obj":
            names = companions.libraries()
            texts = [found.read_text(errors="replace") for name in names if (found := companions.find(name))]
            maps = re.findall(r"^\s*map_(?:Kd|d)\s+(.+)$", "\n".join(texts), re.MULTILINE | re.IGNORECASE)
            names += map(without_options, maps)
        else:
            header = path.read_bytes().partition(b"end_header")[0] if suffix == ".ply" else b""
            names = re.findall(r"TextureFile\s+(.+)", header.decode(errors="replace"), re.IGNORECASE)
    except Exception:  # not readable, as who loads it says
        names = []
    return [path, *filter(None, map(companions.find, names))]


def without_options(statement: str) -> str:
    """The file name in what follows `map_Kd` in a material file."""
    statement = statement.strip()
    while match := OPTION.match(statement):
        statement = statement[match.end() :]
    return statement


def option(statement: str, letter: str, default: float) -> tuple[float, float]:
    """First two numbers of an option such as `-s 2 2 1`; what is missing is the default."""
    found = re.search(rf"(?:^|\s)-{letter}((?:\s+[-+.\de]+){{1,3}})\s", statement)
    numbers = [float(number) for number in found[1].split()] if found else []
    return tuple([*numbers, default, default][:2])


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
