"""Photographs of an object together with the cameras that took them."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor


class Views(NamedTuple):
    """Images (views, 3, H, W) in [0, 1] on white, and their render cameras (views, 25)."""

    images: Float[Tensor, "views 3 H W"]
    cameras: Float[Tensor, "views 25"]
