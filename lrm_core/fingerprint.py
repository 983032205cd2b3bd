"""One hash for a set of files: whether something made from them is still up to date."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

_IGNORED = {"__pycache__", ".ipynb_checkpoints"}


def fingerprint(paths: Iterable[Path], text: str = "") -> str:
    """SHA-256 over names and contents of files and folders, and over a text such as parameters.

    Args:
        paths: files or folders; a folder counts with everything below it, caches of Python excepted. A path
            that does not exist counts as absent, so that its appearance changes the hash.

    Returns:
        64 hexadecimal digits; the same wherever the files lie.
    """
    total = hashlib.sha256(text.encode())
    for path in paths:
        for file in _files(path):
            name = file.relative_to(path.parent).as_posix()
            total.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(
        file
        for file in path.rglob("*")
        if file.is_file() and _IGNORED.isdisjoint(file.relative_to(path).parts)
    )
