"""Files that a disk, a download or a hand may have changed: their SHA-256, what they say, or what is wrong with them.

Who reads one gets a value, or a ValueError that names the file.
"""

import hashlib
import json
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrm_core.paths import data_dir

if TYPE_CHECKING:
    from torch import Tensor

HASH_LENGTH = 16  # hexadecimal digits of a fingerprint in a record
MANIFEST = "MANIFEST.json"
DIGEST = "sha256"  # in the header of tensors: of all that the file says
DIGITS = 52  # with these the entry in the header has 64 bytes, which leave the alignment of the tensors as it was
CACHES = {"__pycache__", ".ipynb_checkpoints"}
PNG_START = b"\x89PNG\r\n\x1a\n"


def printable(text: str) -> str:
    """A text with what was not UTF-8 in a file's name written as `\\xNN`."""
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")


def files_of(path: Path, suffixes: Collection[str], what: str) -> list[Path]:
    """A file itself, or those of a folder (not searched deeper) with one of the suffixes, in order of name.

    FileNotFoundError if there is none, which says `what` they are.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise FileNotFoundError(f"{path}: no such file or folder")
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in suffixes)
    if not files:
        raise FileNotFoundError(f"{path}: no {what}; expected files ending in {', '.join(suffixes)}")
    return files


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    FileNotFoundError if there is no such file. ValueError, naming the file, if it is not UTF-8, not JSON, nested too
    deeply, or says NaN or Infinity.
    """
    try:
        return parse_json(path.read_text(encoding="utf-8"), path)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not readable as JSON, it is not UTF-8 ({error.reason})") from error


def parse_json(text: str, path: Path) -> Any:
    """What a JSON text of the file `path` holds; ValueError as `read_json`."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError(f"{path}: not readable as JSON, it is nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"{path}: not readable as JSON ({error})") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"it holds {constant}, which is no number")


def sha256(*parts: "str | bytes | Path | Tensor") -> str:
    """SHA-256, 64 hexadecimal digits, of parts one after the other.

    Texts count as UTF-8, files by their content, tensors by their values as they lie in memory.
    """
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            with part.open("rb") as stream:
                hashlib.file_digest(stream, lambda: total)
        elif isinstance(part, str | bytes):
            total.update(part.encode() if isinstance(part, str) else part)
        else:
            import torch  # takes seconds, and files are hashed without it

            total.update(part.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return total.hexdigest()


def labelled(tensors: "Mapping[str, Tensor]", end: str = "\n") -> "Iterator[str | Tensor]":
    """Parts for `sha256`: name, type and shape of each tensor, and its values, in order of name."""
    for name in sorted(tensors):
        yield f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}{end}"
        yield tensors[name]


def fingerprint(paths: Iterable[Path], text: str = "") -> str:
    """SHA-256 over names and contents of files and folders, and over a text such as parameters.

    Args:
        paths: files or folders; a folder counts with everything below it, caches of Python excepted. A path
            that does not exist counts as absent, so that its appearance changes the hash.

    Returns:
        64 hexadecimal digits; the same wherever the files lie.
    """
    lines = (
        f"{file.relative_to(path.parent).as_posix()}\0{sha256(file)}\n"
        for path in paths
        for file in sorted([path, *path.rglob("*")])
        if file.is_file() and CACHES.isdisjoint(file.relative_to(path).parts)
    )
    return sha256(text, *lines)


def digest(path: Path) -> tuple[str, int]:
    """SHA-256 and size in bytes of a file or folder.

    The digest of a folder is that of the lines `<sha256>  <relative path>` of its files, in the order of the
    paths; `find * -type f | LC_ALL=C sort | xargs sha256sum | sha256sum` prints the same. What desktops leave there
    under names with a dot in front does not count.

    FileNotFoundError if there is neither.
    """
    if path.is_file():
        return sha256(path), path.stat().st_size
    if not path.is_dir():
        raise FileNotFoundError(f"{path}: no such file or folder")
    files = [file for file in path.rglob("*") if file.is_file() and not file.name.startswith(".")]
    names = sorted(file.relative_to(path).as_posix() for file in files)
    listing = (f"{sha256(path / name)}  {name}\n" for name in names)
    return sha256(*listing), sum(file.stat().st_size for file in files)


def check_listed(path: Path) -> None:
    """ValueError if a file or folder differs from its SHA-256 in the data's manifest; what is not listed passes."""
    data = data_dir().resolve()
    if not path.resolve().is_relative_to(data) or not (data / MANIFEST).is_file():
        return
    name, entries = path.resolve().relative_to(data).as_posix(), read_json(data / MANIFEST)
    for entry in entries:
        if entry.get("path") == name and (found := digest(path)[0]) != entry["sha256"]:
            raise ValueError(
                f"{path}: SHA-256 {found} instead of {entry['sha256']} as {MANIFEST} says, it is damaged or was "
                f"changed; `git checkout -- data/{name}` brings it back"
            )


def check_png(path: Path) -> None:
    """ValueError if a chunk of a PNG file is cut or differs from its checksum, which Pillow leaves out for pixels."""
    content, place, kind = path.read_bytes(), len(PNG_START), b""
    if not content.startswith(PNG_START):
        raise ValueError(f"{path}: corrupt or not a PNG")
    while kind != b"IEND":
        length, kind = int.from_bytes(content[place : place + 4]), content[place + 4 : place + 8]
        end = place + 8 + length
        if zlib.crc32(content[place + 4 : end]).to_bytes(4) != content[end : end + 4]:
            raise ValueError(f"{path}: corrupt, the checksum of a chunk at byte {place} differs; make it again")
        place = end + 4


def tensors_digest(tensors: Mapping[str, "Tensor"], metadata: Mapping[str, str]) -> str:
    """SHA-256 of names, types, shapes and values of tensors, and of the texts beside them."""
    texts = sorted((name, text) for name, text in metadata.items() if name != DIGEST)
    return sha256(repr(texts), *labelled(tensors))[:DIGITS]


def read_tensors(path: Path, advice: str) -> tuple[dict[str, "Tensor"], dict[str, str]]:
    """Tensors and texts of a safetensors file, after comparing them with the digest that `save_tensors` keeps there.

    FileNotFoundError if there is no such file. ValueError, naming it, with the advice, if it is cut or foreign,
    differs from its digest, or holds NaN or infinity.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path}: not a whole safetensors file ({error}); {advice}") from error
    if DIGEST in metadata and metadata[DIGEST] != tensors_digest(tensors, metadata):
        raise ValueError(f"{path}: its content does not have the SHA-256 in its header; {advice}")
    broken = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if broken:
        raise ValueError(f"{path}: {len(broken)} tensors hold NaN or infinity, first {broken[0]}; {advice}")
    return tensors, metadata
