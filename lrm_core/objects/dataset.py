"""Rendered objects on disk, in the layout of experiment E0, and the random poses of their views.

    <root>/<name>/rgba/NNN.png        straight alpha, 8 bits a channel, views numbered from 000
    <root>/<name>/pose/NNN.npy        3x4 camera-to-world, Blender axes, world units
    <root>/<name>/intrinsics.npy      [[fx, fy], [cx, cy], [width, height]] in pixels, shared by the views
    <root>/<name>/render.json         fingerprint of the mesh; who rendered it, if not our ray casters
    <root>/meta/{all,train,val}_uids.json

Everything that is read is checked; a fault is a ValueError or FileNotFoundError that names the file.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Self

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torch.nn.functional import avg_pool2d

from lrm_core.atomic import appearing
from lrm_core.data_url import to_pixels
from lrm_core.files import HASH_LENGTH, labelled, sha256
from lrm_core.objects.files import check_intrinsics, check_pose, read_array, read_rgba, split_names
from lrm_core.render.cameras import Views, about_up, look_at, normalize_poses, principal_camera, standard_camera

SETTINGS = "render.json"
SOURCE_DISTANCE = (1.9, 2.2)  # world units, view 0
SHELL_DISTANCE = (1.9, 2.6)  # world units, every other view
SOURCE_ELEVATION = (-15.0, 15.0)  # degrees, view 0
SHELL_ELEVATION = (-30.0, 75.0)  # degrees, every other view


@dataclass(frozen=True)
class Source:
    """What the encoder is told and shown of view 0; the defaults are the truth."""

    told: float = 1.0  # distance told over the true one
    turned: float = 0.0  # degrees by which the told camera is turned about the vertical axis of the world
    focal: float = 1.0  # focal length told over the true one
    blur: float = 0.0  # standard deviation in pixels of the Gaussian that blurs the image


@dataclass(frozen=True)
class RenderedObject:
    """One object seen from all sides; view 0 is the source. All tensors are float32."""

    name: str  # of the object's folder
    images: Float[Tensor, "V 3 H W"]  # composited on white, in [0, 1]
    masks: Float[Tensor, "V 1 H W"]  # alpha, in [0, 1]
    poses: Float[Tensor, "V 3 4"]  # camera-to-world as stored
    intrinsics: Float[Tensor, "3 2"]  # [[fx, fy], [cx, cy], [width, height]] in pixels
    source: Source = Source()

    def normalized_poses(self) -> Float[Tensor, "V 3 4"]:
        """Poses (V, 3, 4) in the world where view 0 is the canonical source camera at its own distance."""
        return normalize_poses(self.poses, "auto")

    def cameras(self) -> Float[Tensor, "V 25"]:
        """Render cameras (V, 25) of all views, in the normalised world."""
        return standard_camera(self.normalized_poses(), self.intrinsics)

    def source_camera(self) -> Float[Tensor, "1 16"]:
        """What the encoder is told about view 0, (1, 16), in the normalised world."""
        pose = self.normalized_poses()[:1].clone()
        pose[..., 3] *= self.source.told
        intrinsics = self.intrinsics.clone()
        intrinsics[0] *= self.source.focal
        return principal_camera(about_up(self.source.turned).to(pose) @ pose, intrinsics)

    def source_image(self) -> Float[Tensor, "1 3 H W"]:
        """What the encoder is shown of view 0."""
        sigma = (0, 0, self.source.blur, self.source.blur)
        return torch.from_numpy(gaussian_filter(self.images[:1].numpy(), sigma, mode="nearest"))

    def first(self, count: int | None) -> Self:
        """The object with its first `count` views only; with all of them if None."""
        return replace(self, images=self.images[:count], masks=self.masks[:count], poses=self.poses[:count])

    def averaged(self, side: int | None) -> Self:
        """The object in smaller square images, each pixel the mean of those it covers; as it is if `side` is None.

        Raises ValueError if the images are not square, or their side is no multiple of the one asked for.
        """
        height, width = self.images.shape[-2:]
        if side is None or height == width == side:
            return self
        if height != width or width % side:
            size = f"{self.name}: images of {width}x{height} pixels"
            raise ValueError(f"{size} cannot be averaged to {side}x{side}; expected a multiple of that")
        images, masks = (avg_pool2d(picture, width // side) for picture in (self.images, self.masks))
        return replace(self, images=images, masks=masks, intrinsics=self.intrinsics * (side / width))

    def views(self, indices: Sequence[int]) -> Views:
        """Images and render cameras of some views; raises ValueError if an index is outside 0 .. V-1."""
        wrong = [index for index in indices if not 0 <= index < len(self.images)]
        if wrong:
            raise ValueError(f"{self.name}: no view {wrong[0]}, the object has views 0 to {len(self.images) - 1}")
        return Views(self.images[list(indices)], self.cameras()[list(indices)])


def data_hash(item: RenderedObject) -> str:
    """Digest of images, masks, poses, intrinsics, and what is told wrong of the source; the name does not count."""
    tensors = {name: getattr(item, name) for name in ("images", "masks", "poses", "intrinsics")}
    for field in fields(item.source):
        if (value := getattr(item.source, field.name)) != field.default:
            tensors[field.name] = torch.tensor(value, dtype=torch.float64)
    return sha256(*labelled(tensors, end=""))[:HASH_LENGTH]


def load_object(folder: str | Path, views: Sequence[int] | None = None) -> RenderedObject:
    """Read and check one rendered object.

    Views are read in the order of their indices, all of them if None; the first becomes the source. Raises
    FileNotFoundError if the folder, a view's image or its pose is missing, ValueError if a file cannot be read or
    does not agree with the others.
    """
    folder = Path(folder)
    poses, intrinsics = load_cameras(folder)
    indices = list(range(len(poses)) if views is None else views)
    paths = [folder / "rgba" / f"{index:03d}.png" for index in indices]
    pictures, expected = [read_rgba(path) for path in paths], "{}x{}".format(*intrinsics[2].int().tolist())
    sizes = ["{1}x{0}".format(*picture.shape) for picture in pictures]
    for path, found in zip(paths, sizes, strict=True):
        if found != sizes[0]:
            raise ValueError(f"{path}: size {found}, but {paths[0].name} has {sizes[0]}; views must agree")
    if sizes[0] != expected:
        raise ValueError(f"{paths[0]}: size {sizes[0]}, but intrinsics.npy says {expected} pixels")
    rgba = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
    alpha = rgba[:, 3:]
    images = rgba[:, :3] * alpha + (1 - alpha)
    return RenderedObject(folder.resolve().name, images, alpha.clone(), poses[indices], intrinsics)


def load_split(root: str | Path, split: str) -> list[RenderedObject]:
    """Read every object of a split ("train", "val" or "all"), in the order of its list.

    Raises FileNotFoundError if the list or an object is missing, ValueError if one is faulty or the split unknown.
    """
    return [load_object(Path(root) / name) for name in split_names(root, split)]


def load_cameras(folder: Path) -> tuple[Float[Tensor, "V 3 4"], Float[Tensor, "3 2"]]:
    """Poses (V, 3, 4) as stored and intrinsics (3, 2) in pixels, without the images; raises as `load_object`."""
    paths = [folder / "pose" / f"{index:03d}.npy" for index in range(count_views(folder))]
    intrinsics = check_intrinsics(folder / "intrinsics.npy", read_array(folder / "intrinsics.npy"))
    poses = np.stack([check_pose(path, read_array(path)) for path in paths])
    return torch.from_numpy(poses), torch.from_numpy(intrinsics)


def save_object(
    folder: str | Path,
    rgba: Float[Tensor, "V 4 H W"],
    poses: Float[Tensor, "V 3 4"],
    intrinsics: Float[Tensor, "3 2"],
    settings: Mapping[str, str | int] | None = None,
) -> None:
    """Write one rendered object; the folder, whose parent is made, appears complete or not at all.

    Args:
        rgba: straight alpha, in [0, 1]; stored in 8 bits a channel.
        poses: camera-to-world, Blender axes, world units.
        intrinsics: [[fx, fy], [cx, cy], [width, height]] in pixels.
        settings: fingerprint of the mesh, and of another renderer than our ray casters, for `render.json`.

    FileExistsError if `folder` exists; ValueError if `load_object` would refuse a shape, a pose or the intrinsics.
    """
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(f"{folder}: exists already; remove it to write the object again")
    _check_to_save(folder, rgba, poses, intrinsics)
    with appearing(folder) as temporary:
        (temporary / "rgba").mkdir()
        (temporary / "pose").mkdir()
        for index, (image, pose) in enumerate(zip(rgba, poses, strict=True)):
            Image.fromarray(to_pixels(image)).save(temporary / "rgba" / f"{index:03d}.png", optimize=True)
            np.save(temporary / "pose" / f"{index:03d}.npy", pose.float().numpy())
        np.save(temporary / "intrinsics.npy", intrinsics.float().numpy())
        if settings:
            (temporary / SETTINGS).write_text(json.dumps(settings) + "\n", encoding="utf-8")


def count_views(folder: Path) -> int:
    """Number of views, numbered alike from 000; FileNotFoundError if a part, an image or a pose is missing."""
    for part in (folder, folder / "rgba", folder / "pose"):
        if not part.is_dir():
            raise FileNotFoundError(f"{part}: no such folder; objects hold rgba/, pose/ and intrinsics.npy")
    images = {path.stem for path in (folder / "rgba").glob("*.png")}
    poses = {path.stem for path in (folder / "pose").glob("*.npy")}
    if not images and not poses:
        raise FileNotFoundError(f"{folder}: no views; expected rgba/000.png and pose/000.npy")
    expected = {f"{index:03d}" for index in range(len(images | poses))}
    for absent, file, fault in (
        (poses - images, "rgba/{}.png", "missing view, although its pose exists"),
        (images - poses, "pose/{}.npy", "missing pose, although its image exists"),
        (expected - images, "rgba/{}.png", "missing view; views are numbered from 000"),
    ):
        if absent:
            raise FileNotFoundError(f"{folder / file.format(min(absent))}: {fault}")
    return len(images)


def _check_to_save(folder: Path, rgba: Tensor, poses: Tensor, intrinsics: Tensor) -> None:
    """Raise the ValueErrors of `save_object`; the tensors may have any shape."""
    if rgba.ndim != 4 or rgba.shape[1] != 4 or not len(rgba) or len(rgba) != len(poses):
        found = f"{tuple(rgba.shape)} and {tuple(poses.shape)}"
        raise ValueError(f"{folder}: expected rgba (V, 4, H, W) and poses (V, 3, 4), found {found}")
    if not torch.isfinite(rgba).all() or rgba.min() < 0 or rgba.max() > 1:
        raise ValueError(f"{folder}: rgba must be finite and in [0, 1]")
    size = check_intrinsics(folder / "intrinsics.npy", intrinsics.numpy())[2]
    if (size[0], size[1]) != (rgba.shape[3], rgba.shape[2]):
        found = f"{rgba.shape[3]}x{rgba.shape[2]}"
        raise ValueError(f"{folder}: images are {found}, intrinsics say {size[0]:g}x{size[1]:g} pixels")
    for index, pose in enumerate(poses):
        check_pose(folder / "pose" / f"{index:03d}.npy", pose.numpy())


def sample_poses(generator: torch.Generator, count: int) -> Float[Tensor, "count 3 4"]:
    """Draw camera-to-world poses that look at the origin with world z up.

    View 0 stands in front of the object, at azimuth 0 (the -y direction), with the elevation uniform in
    degrees. The other views are uniform over the directions of the sphere between the elevation limits.
    Distances are uniform, in world units. Poses are float32, with Blender axes (x right, y up, the camera looks along
    -z). Raises ValueError if `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"count of poses must be at least 1, found {count}")
    draw = torch.rand(count, 3, generator=generator, dtype=torch.float64)
    azimuth = 2 * math.pi * draw[:, 0]
    low, high = (math.sin(math.radians(limit)) for limit in SHELL_ELEVATION)
    elevation = torch.asin(low + (high - low) * draw[:, 1])
    distance = _between(SHELL_DISTANCE, draw[:, 2])
    azimuth[0] = 0
    elevation[0] = torch.deg2rad(_between(SOURCE_ELEVATION, draw[0, 1]))
    distance[0] = _between(SOURCE_DISTANCE, draw[0, 2])
    level = elevation.cos()
    towards = torch.stack([azimuth.sin() * level, -azimuth.cos() * level, elevation.sin()], dim=-1)
    return look_at(distance[:, None] * towards).float()


def _between(limits: tuple[float, float], fraction: Tensor) -> Tensor:
    return limits[0] + (limits[1] - limits[0]) * fraction
