"""Which folders are rendered objects (their layout is in `dataset.py`)."""

from pathlib import Path

PARTS = ("rgba", "pose", "intrinsics.npy")


def object_folders(data: Path) -> list[Path]:
    """The folder itself if it is a rendered object, else the rendered objects in it, in order of name.

    A folder with any part of an object counts as one, so that who loads it says which part is missing.

    Raises:
        FileNotFoundError: if there is none.
    """
    if _holds_parts(data):
        return [data]
    found = sorted(filter(_holds_parts, data.glob("[!.]*")))
    if not found:
        raise FileNotFoundError(
            f"{data}: expected a rendered object ({', '.join(PARTS)}) or a folder of them, found none; "
            "render some with `lrm render`"
        )
    return found


def _holds_parts(folder: Path) -> bool:
    return any((folder / part).exists() for part in PARTS)
