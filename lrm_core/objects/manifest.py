"""The list of data files: where each comes from, under which licence, and its SHA-256."""

from dataclasses import asdict, dataclass
from pathlib import Path

from lrm_core.files import MANIFEST as NAME
from lrm_core.files import digest, read_json
from lrm_core.objects.splits import write_json


@dataclass(frozen=True)
class Entry:
    """One file, or one folder that is used as a whole.

    Attributes:
        path: relative to the data folder, with forward slashes.
        source: where it was taken from, or how it was made.
        licence: SPDX identifier.
        sha256: of the file; of a folder, see `digest`.
        bytes: of the file, or of all files in the folder.
        seed: number of a procedural object, or what a random split was drawn with; else None.
    """

    path: str
    source: str
    licence: str
    sha256: str
    bytes: int
    seed: int | None = None


def make_entry(data: Path, path: str, *, source: str, licence: str, seed: int | None = None) -> Entry:
    """Entry for a file or folder `path` of the data folder; raises FileNotFoundError if there is none."""
    sha256, size = digest(data / path)
    return Entry(path, source, licence, sha256, size, seed)


def read_manifest(data: Path) -> list[Entry]:
    """Entries of `MANIFEST.json` in the data folder; FileNotFoundError if there is none, ValueError if damaged."""
    path = Path(data) / NAME
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        return [Entry(**entry) for entry in read_json(path)]
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: not a readable manifest ({error})") from error


def record_entries(data: Path, entries: list[Entry]) -> None:
    """Put entries into the manifest, in place of older ones for the same paths."""
    data = Path(data)
    old = read_manifest(data) if (data / NAME).exists() else []
    merged = {entry.path: entry for entry in [*old, *entries]}
    write_json(data / NAME, [asdict(merged[path]) for path in sorted(merged)])


def forget_missing(data: Path) -> None:
    """Drop the entries of files and folders that are no longer there."""
    kept = [entry for entry in read_manifest(data) if (data / entry.path).exists()]
    write_json(data / NAME, [asdict(entry) for entry in kept])
