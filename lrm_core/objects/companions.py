"""Files beside a mesh that it names: buffers, pictures, materials; found as people write them, or a fault."""

import json
import re
import struct
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from PIL import Image
from trimesh.resolvers import FilePathResolver

JSON_CHUNK = 0x4E4F534A
OPTION = re.compile(r"-(?:[ost]((?:\s+[-+.\de]+){1,3})|mm\s+\S+\s+\S+|[a-z]+\s+\S+)\s+", re.IGNORECASE)


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
        for spelling in _spellings(name):
            with suppress(ValueError, OSError):  # out of the folder, or not a name at all
                if (path := self.absolute(spelling)).is_file():
                    return path
        return None

    def _read(self, name: str) -> bytes:
        if (path := self.find(name)) is None:
            self.faults.append(f"{name} is missing, which the mesh needs; put it into the mesh's folder")
            raise FileNotFoundError(name)
        return path.read_bytes()


def open_gltf(path: Path) -> tuple[dict[str, Any], bytes]:
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


def _spellings(name: str) -> Iterator[str]:
    plain = name.strip().replace("\\", "/")
    written = (name.strip(), plain, unquote(plain))
    forms = [unicodedata.normalize(form, spelling) for spelling in written for form in ("NFC", "NFD")]
    yield from dict.fromkeys(forms)
    yield from dict.fromkeys(form.lstrip("/") for form in forms)
    yield from dict.fromkeys(PurePosixPath(form).name for form in forms)
