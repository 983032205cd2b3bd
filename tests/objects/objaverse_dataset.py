"""Objaverse in miniature: index files in the layout of the dataset, and boxes for objects."""

import gzip
import json
from pathlib import Path

import trimesh

LICENCES = ("by", "cc0", "by-nc", "by", "by-sa", "cc0", "by", "by")
UIDS = tuple(f"{number * 0x1234567:032x}" for number in range(1, len(LICENCES) + 1))


def annotations(number: int) -> dict:
    """What Objaverse says of an object, in its keys; of the third, as little as it can."""
    facts = {"uid": UIDS[number], "license": LICENCES[number], "faceCount": 12, "tags": [{"name": "box"}]}
    if number == 2:
        return facts | {"user": None}
    user = {"username": f"user{number}"} | ({"displayName": f"Maker {number}"} if number % 2 else {})
    return facts | {"name": f"Box {number}", "user": user, "viewerUrl": f"https://example.org/{number}"}


def box(number: int) -> bytes:
    """The GLB of an object."""
    return trimesh.creation.box((1.0, 1.0, 1 + number)).export(file_type="glb")


def dataset() -> dict[str, bytes]:
    """Content of every file by its path; the objects lie in two folders."""
    folders = [f"000-{number % 2:03d}" for number in range(len(UIDS))]
    paths = {uid: f"glbs/{folder}/{uid}.glb" for uid, folder in zip(UIDS, folders, strict=True)}
    files = {path: box(number) for number, path in enumerate(paths.values())}
    for folder in set(folders):
        inside = [number for number in range(len(UIDS)) if folders[number] == folder]
        files[f"metadata/{folder}.json.gz"] = packed({UIDS[number]: annotations(number) for number in inside})
    return files | {"object-paths.json.gz": packed(paths)}


def packed(content: object) -> bytes:
    """Gzipped JSON."""
    return gzip.compress(json.dumps(content).encode(), mtime=0)


def write_dataset(folder: Path) -> Path:
    """The dataset as a mirror."""
    for path, content in dataset().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder
