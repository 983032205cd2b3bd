"""Random camera poses about an object: view 0 in front of it, the others on a shell around it."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.render.cameras import look_at

SOURCE_DISTANCE = (1.9, 2.2)  # world units, view 0
SHELL_DISTANCE = (1.9, 2.6)  # world units, every other view
SOURCE_ELEVATION = (-15.0, 15.0)  # degrees, view 0
SHELL_ELEVATION = (-30.0, 75.0)  # degrees, every other view


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
