"""Anti-aliased views of one procedural object, with depth and the visibility from view 0."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lrm_core.objects.caster import cast, visible_from
from lrm_core.objects.procedural import ProceduralBatch, sample_objects


def render_object(
    seed: int, poses: Float[Tensor, "V 3 4"], resolution: int, focal: float = 0.75, supersample: int = 2
) -> tuple[Float[Tensor, "V 4 H W"], Float[Tensor, "V 1 H W"], Bool[Tensor, "V 1 H W"]]:
    """Render the object with the given number from pinhole cameras.

    Args:
        seed: the number of the object.
        poses: (V, 3, 4), camera-to-world, Blender axes, world units; cameras outside of the unit sphere.
        resolution: image width and height, in pixels.
        focal: focal length as a fraction of the width.
        supersample: rays per pixel and axis.

    Returns:
        rgba: (V, 4, H, W), straight (not premultiplied) colour and the share of rays that hit, in [0, 1].
        depth: (V, 1, H, W), mean distance from the camera centre over the rays that hit, in world units; inf if
            none did.
        visible: (V, 1, H, W), whether at least half of the points that were hit see the camera centre of
            view 0.

    Raises:
        ValueError: if the seed is negative.
    """
    batch = sample_objects([seed])
    samples = [
        _cast_view(batch, *pixel_rays(pose, resolution * supersample, focal), poses[:1, :, 3])
        for pose in poses
    ]
    grid = torch.cat(samples).mT.unflatten(2, (resolution * supersample,) * 2)  # (V, 6, sH, sW)
    rgb, alpha, depth, visible = torch.nn.functional.avg_pool2d(grid, supersample).split([3, 1, 1, 1], dim=1)
    share = alpha.clamp(min=1e-6)
    depth = torch.where(alpha > 0, depth / share, torch.inf)
    return torch.cat([rgb / share, alpha], dim=1), depth, (alpha > 0) & (visible / share > 0.49)


def pixel_rays(
    pose: Float[Tensor, "3 4"], resolution: int, focal: float
) -> tuple[Float[Tensor, "1 K 3"], Float[Tensor, "1 K 3"]]:
    """Origins and unit directions of the rays through the pixel centres, in the world.

    Args:
        pose: (3, 4), camera-to-world, Blender axes, world units.
        resolution: image width and height, in pixels.
        focal: focal length as a fraction of the width.

    Returns:
        Both (1, K, 3), row by row from the top, K = resolution squared.
    """
    centre = ((torch.arange(resolution) + 0.5) / resolution - 0.5) / focal
    v, u = torch.meshgrid(-centre, centre, indexing="ij")
    local = torch.stack([u, v, -torch.ones_like(u)], dim=-1).view(1, -1, 3)
    directions = torch.nn.functional.normalize(local @ pose[:, :3].mT, dim=-1)
    return pose[:, 3].expand_as(directions), directions


def _cast_view(
    batch: ProceduralBatch,
    origins: Float[Tensor, "1 K 3"],
    directions: Float[Tensor, "1 K 3"],
    eye: Float[Tensor, "1 3"],
) -> Float[Tensor, "1 K 6"]:
    """Colour, alpha, depth and visibility of each ray; 0 where missed."""
    hits = cast(batch, origins, directions)
    depth = hits.depth.where(hits.alpha > 0, 0)
    visible = torch.zeros_like(depth)
    hit = hits.alpha[0, :, 0] > 0
    points = (origins + depth * directions)[:, hit]
    visible[0, hit, 0] = visible_from(batch, points, eye)[0].to(depth.dtype)
    return torch.cat([hits.rgb, hits.alpha, depth, visible], dim=-1)
