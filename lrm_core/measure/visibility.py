"""What a camera sees of a surface, and how the errors on that surface split by it (E4, claim C7)."""

from math import degrees, nan
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lrm_core.render.rays import camera_rays

STEEPEST = 5.0  # slope of a surface against the image: deeper by so many widths of a pixel from one to the next
ANGLE_BINS = 9  # of 20 degrees each, from facing the camera (0) over grazing (90) to facing away (180)
FEWEST = 10  # points of a bin of angles below which it has no mean


def unproject(cameras: Float[Tensor, "views 25"], depth: Float[Tensor, "views h h"]) -> Float[Tensor, "views h h 3"]:
    """World points that the pixels of depth maps show; NaN where the depth, a distance, is not finite."""
    rays = camera_rays(cameras, depth.shape[-1])
    distance = depth.flatten(1).masked_fill(~depth.flatten(1).isfinite(), nan)[..., None]
    return (rays.origins + distance * rays.directions).unflatten(1, depth.shape[1:])


def hidden_by_depth(
    points: Float[Tensor, "points 3"],
    camera: Float[Tensor, "25"],
    depth: Float[Tensor, "h w"],
    tolerance: float,
) -> Bool[Tensor, "points"]:
    """Whether a camera's depth map has something in front of each point; true also outside of its image.

    Args:
        points: in world units.
        camera: from `standard_camera`.
        depth: distance from the camera to the first surface in each pixel, inf where there is none.
        tolerance: how far behind that a point still counts as part of the surface, in world units.
    """
    pose, intrinsics = camera[:16].view(4, 4), camera[16:].view(3, 3)
    local = (points - pose[:3, 3]) @ pose[:3, :3]  # x right, y up, looking along -z
    forward = -local[:, 2]
    across = local[:, :2] * local.new_tensor([1.0, -1.0]) / forward.clamp(min=1e-6)[:, None]
    uv = across * intrinsics.diagonal()[:2] + intrinsics[:2, 2]
    height, width = depth.shape
    column, row = (uv * uv.new_tensor([width, height])).floor().long().unbind(1)
    inside = (forward > 0) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    first = depth[row.clamp(0, height - 1), column.clamp(0, width - 1)]
    return ~inside | (local.norm(dim=1) > first + tolerance)


def facing(
    points: Float[Tensor, "*lead 3"], normals: Float[Tensor, "*lead 3"], eye: Float[Tensor, "3"]
) -> Float[Tensor, "*lead"]:
    """Cosine of the angle between the outward normal and the way to a camera; NaN where there is no normal.

    Above 0 the surface faces the camera (visible by normals), below 0 it faces away.
    """
    return (torch.nn.functional.normalize(eye - points, dim=-1) * normals).sum(-1).clamp(-1, 1)


def depth_normals(
    cameras: Float[Tensor, "views 25"], depth: Float[Tensor, "views h h"]
) -> Float[Tensor, "views h h 3"]:
    """Unit normals of the surface in depth maps, towards their camera, by central differences.

    NaN at the border of the image, beside pixels without a surface and where the depth jumps: where the next
    pixel but one is further away than on a surface of the slope `STEEPEST`.
    """
    points = unproject(cameras, depth)
    across = points[:, 1:-1, 2:] - points[:, 1:-1, :-2]
    down = points[:, 2:, 1:-1] - points[:, :-2, 1:-1]
    normal = torch.nn.functional.normalize(torch.linalg.cross(down, across, dim=-1), dim=-1)
    focal = cameras[:, 16, None, None] * depth.shape[-1]  # in pixels
    widest = 2 * (1 + STEEPEST**2) ** 0.5 * depth[:, 1:-1, 1:-1] / focal
    jump = torch.maximum(across.norm(dim=-1), down.norm(dim=-1)) > widest
    away = (normal * (points[:, 1:-1, 1:-1] - cameras[:, None, None, 3:12:4])).sum(-1, keepdim=True) > 0
    normal = torch.where(away, -normal, normal).masked_fill(jump[..., None], nan)
    return torch.nn.functional.pad(normal, (0, 0, 1, 1, 1, 1), value=nan)


def split_errors(error: Float[Tensor, "points"], hidden: Bool[Tensor, "points"]) -> dict[str, float | None]:
    """Mean error of the visible and of the hidden points, and how they compare.

    Returns:
        visible, hidden: mean errors;
        ratio: hidden over visible (published: 1.16);
        hidden_share: of the points;
        excess: share of all error that would be gone if hidden points were as good as visible ones.
        None where a group is empty, or the visible error zero.
    """
    count, away = len(error), int(hidden.sum())
    seen = float(error[~hidden].mean()) if away < count else None
    unseen = float(error[hidden].mean()) if away else None
    known = bool(seen) and unseen is not None
    return {
        "visible": seen,
        "hidden": unseen,
        "ratio": unseen / seen if known else None,
        "hidden_share": away / count if count else None,
        "excess": away / count * (unseen - seen) / float(error.mean()) if known else None,
    }


def shuffled_ratio(
    error: Float[Tensor, "points"], hidden: Bool[Tensor, "points"], draws: int, generator: torch.Generator
) -> dict[str, float | None]:
    """The ratio of `split_errors` when the labels are dealt out at random: mean and std over the draws.

    The mean is 1 for any error. The std is that of independent points; those of an object are not.
    """
    orders = (torch.randperm(len(error), generator=generator).to(hidden.device) for _ in range(draws))
    ratios = [split_errors(error, hidden[order])["ratio"] for order in orders]
    if not ratios or None in ratios:
        return {"mean": None, "std": None}
    found = torch.tensor(ratios, dtype=torch.float64)
    return {"mean": float(found.mean()), "std": float(found.std(correction=0))}


def angle_curve(error: Float[Tensor, "points"], cosine: Float[Tensor, "points"]) -> dict[str, list[Any]]:
    """Mean error against the angle between normal and camera; points whose cosine is NaN are left out.

    Returns:
        angle: middle of each bin, in degrees; error: its mean, None for fewer than `FEWEST` points;
        relative: over the mean of all points with an angle; share: of these points.
    """
    known = cosine.isfinite()
    error, angle = error[known].double(), torch.rad2deg(cosine[known].double().acos())
    width = 180 / ANGLE_BINS
    place = (angle / width).long().clamp(max=ANGLE_BINS - 1)
    count = torch.bincount(place, minlength=ANGLE_BINS)
    total = torch.bincount(place, weights=error, minlength=ANGLE_BINS)
    means = [float(t / n) if n >= FEWEST else None for t, n in zip(total, count, strict=True)]
    overall = float(error.mean()) if len(error) else 0.0
    return {
        "angle": [(k + 0.5) * width for k in range(ANGLE_BINS)],
        "error": means,
        "relative": [None if m is None or not overall else m / overall for m in means],
        "share": (count / max(len(error), 1)).tolist(),
    }


def angle_between(first: Float[Tensor, "3"], second: Float[Tensor, "3"]) -> float:
    """Angle between two directions, in degrees."""
    cosine = torch.nn.functional.cosine_similarity(first.double(), second.double(), dim=0)
    return degrees(float(cosine.clamp(-1, 1).acos()))
