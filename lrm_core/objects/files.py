"""The files of rendered objects, each with its own complaint: arrays, pictures and lists; see `dataset.py`."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, UInt8
from PIL import Image, UnidentifiedImageError

from lrm_core.atomic import replacing
from lrm_core.files import check_png, read_json

SPLITS = ("all", "train", "val")
VALIDATION_SHARE = 0.2
RIGID_TOLERANCE = 1e-3  # largest entry of R^T R - 1
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


def read_array(path: Path) -> Float32[np.ndarray, "..."]:
    """A real-valued array of any shape from an .npy file, as float32; never unpickles.

    Raises FileNotFoundError if there is no such file, ValueError if it is not a readable .npy file of real numbers.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        with path.open("rb") as stream:
            array = np.lib.format.read_array(stream, allow_pickle=False)
    except Exception as error:  # NumPy evaluates the header: a damaged one raises a dozen unrelated types
        raise ValueError(f"{path}: not a readable .npy array ({error})") from error
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{path}: expected real numbers, found dtype {array.dtype}")
    return array.astype(np.float32)


def read_rgba(path: Path) -> UInt8[np.ndarray, "H W 4"]:
    """Pixels of a PNG with straight alpha, 0 to 255; ValueError if it is none that can be read, or has no alpha."""
    try:
        check_png(path)
        with Image.open(path, formats=["PNG"]) as image:
            image.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise ValueError(f"{path}: corrupt or not a PNG ({reason})") from error
    if image.mode != "RGBA":
        raise ValueError(f"{path}: expected RGBA, found {image.mode}; alpha says where the object is")
    return np.asarray(image)


def check_pose(path: Path, pose: Float[np.ndarray, "..."]) -> Float[np.ndarray, "3 4"]:
    """The pose itself, if it is a rigid camera-to-world matrix: a rotation and a place in world units.

    Raises ValueError for another shape, NaN or infinity, a rotation with |R^T R - 1| > 1e-3, or a reflection.
    """
    if pose.shape != (3, 4):
        raise ValueError(f"{path}: expected a pose of shape (3, 4), found {pose.shape}")
    if not np.isfinite(pose).all():
        raise ValueError(f"{path}: the pose holds NaN or infinity")
    rotation = pose[:, :3].astype(np.float64)
    error = np.abs(rotation.T @ rotation - np.eye(3)).max()
    if error > RIGID_TOLERANCE:
        raise ValueError(f"{path}: the pose is not rigid, |R^T R - 1| is {error:.2g} > {RIGID_TOLERANCE:g}")
    if np.linalg.det(rotation) < 0:
        raise ValueError(f"{path}: the pose is a reflection (determinant -1), not a rotation")
    return pose


def check_intrinsics(path: Path, intrinsics: Float[np.ndarray, "..."]) -> Float[np.ndarray, "3 2"]:
    """The intrinsics themselves, if they are [[fx, fy], [cx, cy], [width, height]] of a camera, in pixels.

    Raises ValueError for another shape, NaN or infinity, a focal length that is not positive, or a size that is not a
    positive whole number of pixels.
    """
    if intrinsics.shape != (3, 2):
        raise ValueError(f"{path}: expected shape (3, 2), found {intrinsics.shape}")
    if not np.isfinite(intrinsics).all():
        raise ValueError(f"{path}: the intrinsics hold NaN or infinity")
    focal, _, size = intrinsics
    if (focal <= 0).any():
        raise ValueError(f"{path}: focal lengths must be positive, found {focal.tolist()} pixels")
    if (size < 1).any() or (size != size.round()).any():
        raise ValueError(f"{path}: width and height must be positive whole numbers, found {size.tolist()}")
    return intrinsics
