"""Which objects a folder holds (their layout is in `dataset.py`), and which of them train and which validate."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lrm_core.atomic import replacing
from lrm_core.files import read_json
from lrm_core.objects.dataset import RenderedObject, load_object

SPLITS = ("all", "train", "val")
VALIDATION_SHARE = 0.2
PARTS = ("rgba", "pose", "intrinsics.npy")


def object_folders(data: Path) -> list[Path]:
    """The folder itself if it is a rendered object, else the rendered objects in it, in order of name.

    A folder with any part of an object counts as one, so that who loads it says which part is missing. Raises
    FileNotFoundError if there is none.
    """
    if _holds_parts(data):
        return [data]
    found = sorted(filter(_holds_parts, data.glob("[!.]*")))
    if not found:
        expected = f"a rendered object ({', '.join(PARTS)}) or a folder of them"
        raise FileNotFoundError(f"{data}: expected {expected}, found none; render some with `lrm render`")
    return found


def _holds_parts(folder: Path) -> bool:
    return any((folder / part).exists() for part in PARTS)


def load_split(root: str | Path, split: str) -> list[RenderedObject]:
    """Read every object of a split ("train", "val" or "all"), in the order of its list.

    Raises FileNotFoundError if the list or an object is missing, ValueError if one is faulty or the split unknown.
    """
    return [load_object(Path(root) / name) for name in split_names(root, split)]


def split_names(root: str | Path, split: str) -> list[str]:
    """Names of the objects in `meta/<split>_uids.json`; raises as `load_split`."""
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}; choose one of {', '.join(SPLITS)}")
    return read_names(Path(root) / "meta" / f"{split}_uids.json")


def read_names(path: Path) -> list[str]:
    """Names of the objects in a list of any place; raises as `load_split`."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such list of objects")
    names = read_json(path)
    if not isinstance(names, list) or any(name in ("", "..") or Path(str(name)).name != name for name in names):
        raise ValueError(f"{path}: expected a list of folder names")
    return names


def write_splits(root: str | Path, names: Sequence[str], seed: int) -> None:
    """Write the three lists beside the objects: a random fifth of `names` validates."""
    names = sorted(names)
    order = np.random.default_rng(seed).permutation(len(names))
    validating = round(len(names) * VALIDATION_SHARE) or int(len(names) > 1)
    lists = {"all": range(len(names)), "val": order[:validating], "train": order[validating:]}
    for split, members in lists.items():
        write_json(Path(root) / "meta" / f"{split}_uids.json", [names[index] for index in sorted(members)])


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON under a temporary name, then rename it."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
