"""What benchmarks look from."""

import torch
from torch import Tensor

from lrm_core.render.cameras import orbit_poses, standard_camera


def orbit_cameras(count: int) -> Tensor:
    """Render cameras (count, 25) on an orbit, of the focal length of all objects."""
    intrinsics = torch.tensor([[0.75, 0.75], [0.5, 0.5], [1.0, 1.0]])
    return standard_camera(orbit_poses(count + 1)[:count], intrinsics[None])
