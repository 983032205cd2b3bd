"""SHA-256 of values and files: what something was made of, and whether it is still up to date."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_IGNORED = {"__pycache__", ".ipynb_checkpoints"}

HASH_LENGTH = 16  # hexadecimal digits of a fingerprint in a record


def sha256(*parts: "str | bytes | Path | Tensor") -> str:
    """SHA-256, 64 hexadecimal digits, of parts one after the other.

    Args:
        parts: texts as UTF-8, bytes, files by their content, tensors by their values as they lie in memory.
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
    files = ((file, file.relative_to(path.parent).as_posix()) for path in paths for file in _files(path))
    return sha256(text, *(f"{name}\0{sha256(file)}\n" for file, name in files))


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(
        file for file in path.rglob("*") if file.is_file() and _IGNORED.isdisjoint(file.relative_to(path).parts)
    )
