"""Anti-aliased views of one procedural object, with depth and the visibility from view 0."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lrm_core.objects.caster import cast, visible_from
from lrm_core.objects.procedural import ProceduralBatch, sample_objects
from lrm_core.render.cameras import pinhole_intrinsics, standard_camera
from lrm_core.render.rays import camera_rays

SAMPLES = 2  # rays per pixel along each axis


def render_object(
    seed: int, poses: Float[Tensor, "V 3 4"], resolution: int
) -> tuple[Float[Tensor, "V 4 H W"], Float[Tensor, "V 1 H W"], Bool[Tensor, "V 1 H W"]]:
    """Render the object with the given number from pinhole cameras.

    Args:
        seed: the number of the object.
        poses: (V, 3, 4), camera-to-world, Blender axes, world units; cameras outside of the unit sphere.
        resolution: image width and height, in pixels.

    Returns:
        rgba: (V, 4, H, W), straight (not premultiplied) colour and the share of rays that hit, in [0, 1].
        depth: (V, 1, H, W), mean distance from the camera centre over the rays that hit, in world units; inf if
            none did.
        visible: (V, 1, H, W), whether at least half of the points that were hit see the camera centre of
            view 0.

    Raises:
        ValueError: if the seed is negative.
    """
    batch, cameras = sample_objects([seed]), standard_camera(poses, pinhole_intrinsics())
    rays = (camera_rays(camera[None], resolution * SAMPLES) for camera in cameras)
    samples = [_cast_view(batch, *part, poses[:1, :, 3]) for part in rays]
    grid = torch.cat(samples).mT.unflatten(2, (resolution * SAMPLES,) * 2)  # (V, 6, sH, sW)
    rgb, alpha, depth, visible = torch.nn.functional.avg_pool2d(grid, SAMPLES).split([3, 1, 1, 1], dim=1)
    share = alpha.clamp(min=1e-6)
    depth = torch.where(alpha > 0, depth / share, torch.inf)
    return torch.cat([rgb / share, alpha], dim=1), depth, (alpha > 0) & (visible / share > 0.49)


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
