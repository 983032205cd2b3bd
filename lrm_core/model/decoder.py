"""Decoder of the field: plane features at a point to density and colour."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

HIDDEN = 64


class Activated(NamedTuple):
    """Colour (..., 3), within [-0.001, 1.001], and density (..., 1) in 1 / world unit."""

    colour: Float[Tensor, "*points 3"]
    density: Float[Tensor, "*points 1"]


class Decoder(nn.Module):
    """MLP 3C -> 64 -> 64 -> 64 -> 4 with ReLU between: raw density, then raw colour."""

    def __init__(self, plane_channels: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(3 * plane_channels, HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, 4),
        )

    def forward(self, features: Float[Tensor, "*points channels"]) -> Float[Tensor, "*points 4"]:
        """Raw density (first) and raw colour of features (..., 3C): the planes' C-vectors, plane 0 first."""
        return self.net(features)


def activate(raw: Float[Tensor, "*points 4"]) -> Activated:
    """Colour = sigmoid(raw) * 1.002 - 0.001 (as in Mip-NeRF); density, which comes first, = softplus(raw - 1)."""
    return Activated(colour=colour_of(raw[..., 1:]), density=F.softplus(raw[..., :1] - 1))


def colour_of(raw: Float[Tensor, "*values"]) -> Float[Tensor, "*values"]:
    """Sigmoid, stretched so that it reaches 0 and 1 (as in Mip-NeRF)."""
    return torch.sigmoid(raw) * 1.002 - 0.001
