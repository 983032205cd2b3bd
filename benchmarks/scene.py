"""What benchmarks look from."""

import torch
from torch import Tensor, nn

from lrm_core.model.lrm import Decoder
from lrm_core.render.cameras import orbit_poses, standard_camera


def orbit_cameras(count: int) -> Tensor:
    """Render cameras (count, 25) on an orbit, of the focal length of all objects."""
    intrinsics = torch.tensor([[0.75, 0.75], [0.5, 0.5], [1.0, 1.0]])
    return standard_camera(orbit_poses(count + 1)[:count], intrinsics[None])


def ball(channels: int, side: int) -> tuple[Tensor, nn.Module]:
    """Planes (3, channels, side, side) and a frozen decoder of an opaque ball of radius 0.5 in empty space."""
    torch.manual_seed(0)
    square = ((2 * torch.arange(side) + 1) / side - 1).square()
    planes, decoder = 0.1 * torch.randn(3, channels, side, side), Decoder(channels).requires_grad_(False)
    planes[0, 0], planes[1, 0] = (
        square[:, None] + square,
        square[:, None].expand(side, side),
    )  # x^2 + y^2, z^2
    first, *hidden, last = (layer for layer in decoder.net if isinstance(layer, nn.Linear))
    for layer, read in ((first, [0, channels]), *((layer, [0]) for layer in hidden)):
        layer.weight[0], layer.bias[0] = 0, 0
        layer.weight[0, read] = 1.0  # the squared radius goes through
    last.weight[0], last.bias[0] = 0, 40.0
    last.weight[0, 0] = -160.0
    return planes, decoder
