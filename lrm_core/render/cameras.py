"""Camera conventions of OpenLRM: poses, intrinsics and the vectors that carry both.

A pose is a 3x4 camera-to-world matrix with Blender axes (x right, y up, the camera looks along -z) in a world
whose z axis points up. Intrinsics are [[fx, fy], [cx, cy], [width, height]] in pixels.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

UP = (0.0, 0.0, 1.0)
FOCAL = 0.75  # of the image size, in every camera of this project


def canonical_pose(distance: float) -> Float[Tensor, "3 4"]:
    """The pose at (0, -distance, 0) that looks along +y."""
    return torch.tensor([[1.0, 0, 0, 0], [0, 0, -1, -distance], [0, 1, 0, 0]])


def normalize_poses(poses: Float[Tensor, "views 3 4"], distance: float | str = "auto") -> Float[Tensor, "views 3 4"]:
    """Move the world so that view 0 becomes the canonical source camera.

    That is canonical(distance) @ inverse(pose 0) @ poses, camera-to-world. The distance is that of the canonical
    camera to the origin, in world units; "auto" keeps that of view 0. ValueError if `poses` has another shape.
    """
    if poses.ndim != 3 or poses.shape[1:] != (3, 4):
        raise ValueError(f"poses: expected shape (views, 3, 4), found {tuple(poses.shape)}")
    if distance == "auto":
        distance = float(poses[0, :, 3].norm())
    rotation, translation = poses[..., :3], poses[..., 3:]
    canonical = canonical_pose(float(distance)).to(poses)
    turn = canonical[:, :3] @ rotation[0].T  # (3, 3)
    shift = canonical[:, 3:] - turn @ translation[0]  # (3, 1)
    return torch.cat([turn @ rotation, turn @ translation + shift], dim=-1)


def pinhole_intrinsics(resolution: float = 1.0) -> Float[Tensor, "3 2"]:
    """[[fx, fy], [cx, cy], [w, h]] of the project's square cameras, in pixels, or as fractions of the image."""
    size = float(resolution)
    return torch.tensor([[FOCAL * size, FOCAL * size], [size / 2, size / 2], [size, size]])


def _fractions(intrinsics: Float[Tensor, "*batch 3 2"]) -> tuple[Tensor, Tensor]:
    if intrinsics.shape[-2:] != (3, 2):
        raise ValueError(f"intrinsics: expected shape (..., 3, 2), found {tuple(intrinsics.shape)}")
    size = intrinsics[..., 2, :]
    return intrinsics[..., 0, :] / size, intrinsics[..., 1, :] / size


def standard_camera(
    poses: Float[Tensor, "*batch 3 4"], intrinsics: Float[Tensor, "*batch 3 2"]
) -> Float[Tensor, "*batch 25"]:
    """The render camera: 4x4 camera-to-world, then the 3x3 intrinsics as fractions of the image size."""
    batch = poses.shape[:-2]
    focal, centre = (part.expand(*batch, 2) for part in _fractions(intrinsics))
    last_row = torch.tensor([0.0, 0, 0, 1]).to(poses).expand(*batch, 1, 4)
    matrix = torch.zeros(*batch, 3, 3).to(poses)
    matrix[..., 0, 0], matrix[..., 1, 1] = focal[..., 0], focal[..., 1]
    matrix[..., :2, 2], matrix[..., 2, 2] = centre, 1
    return torch.cat([torch.cat([poses, last_row], dim=-2).flatten(-2), matrix.flatten(-2)], dim=-1)


def principal_camera(
    poses: Float[Tensor, "*batch 3 4"], intrinsics: Float[Tensor, "*batch 3 2"]
) -> Float[Tensor, "*batch 16"]:
    """The camera that the encoder is told: 3x4 pose row by row, then fx, fy, cx, cy as fractions."""
    focal, centre = (part.expand(*poses.shape[:-2], 2) for part in _fractions(intrinsics))
    return torch.cat([poses.flatten(-2), focal, centre], dim=-1)


def canonical_source_camera(distance: float = 2.0, focal: float = FOCAL) -> Float[Tensor, "1 16"]:
    """The source camera of OpenLRM's inference: canonical pose, focal length as a fraction of the image size."""
    intrinsics = torch.tensor([[focal, focal], [0.5, 0.5], [1.0, 1.0]])
    return principal_camera(canonical_pose(distance)[None], intrinsics[None])


def about_up(degrees: float) -> Float[Tensor, "3 3"]:
    """Rotation about world z, against the clock seen from above."""
    angle = math.radians(degrees)
    turn = torch.eye(3)
    turn[:2, :2] = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return turn


def look_at(position: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 4"]:
    """Poses at `position` that look at the origin with world z up; undefined on the z axis."""
    backward = torch.nn.functional.normalize(position, dim=-1)
    right = torch.linalg.cross(torch.tensor(UP).to(position).expand_as(position), backward, dim=-1)
    right = torch.nn.functional.normalize(right, dim=-1)
    up = torch.linalg.cross(backward, right, dim=-1)
    return torch.stack([right, up, backward, position], dim=-1)


def orbit_poses(count: int, radius: float = 2.0, height: float = 0.8) -> Float[Tensor, "count 3 4"]:
    """Poses on a circle about the z axis, the first at azimuth -pi/2 (in front of the canonical source).

    They are evenly spaced, and the last repeats the first, as in OpenLRM's turntable. The radius is the distance to
    the origin (not that of the circle) and above the height, the z coordinate, in world units; else ValueError.
    """
    if abs(height) >= radius:
        raise ValueError(f"orbit_poses: height {height} must be less than the radius {radius}")
    azimuth = torch.linspace(-math.pi / 2, 1.5 * math.pi, count)
    ground = math.sqrt(radius**2 - height**2)
    position = torch.stack(
        [ground * azimuth.cos(), ground * azimuth.sin(), torch.full((count,), float(height))], dim=-1
    )
    return look_at(position)


class Views(NamedTuple):
    """Images (views, 3, H, W) in [0, 1] on white, and their render cameras (views, 25)."""

    images: Float[Tensor, "views 3 H W"]
    cameras: Float[Tensor, "views 25"]
