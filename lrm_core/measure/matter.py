"""Where an object is: the points in matter, and the texels that they read."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import max_pool2d

from lrm_core.model.lrm import LRM
from lrm_core.render import query_points

MATTER = 5.0  # density in 1 / world unit: a tenth of the box's side absorbs 63% of the light


@torch.no_grad()
def matter_lattice(
    model: LRM, planes: Float[Tensor, "3 c r r"]
) -> tuple[Float[Tensor, "r r r 3"], Bool[Tensor, "r r r"]]:
    """The texel centres of the box, indexed [z, y, x], in world units, and whether each lies in matter."""
    size = planes.shape[-1]
    centres = (torch.arange(size, device=planes.device) + 0.5) * (2 / size) - 1
    z, y, x = torch.meshgrid(centres, centres, centres, indexing="ij")
    points = torch.stack([x, y, z], dim=-1)
    density = query_points(planes[None], model.decoder, points.view(1, -1, 3)).density
    return points, (density > MATTER).view(size, size, size)


@torch.no_grad()
def matter_texels(model: LRM, planes: Float[Tensor, "3 c r r"]) -> Bool[Tensor, "3 r r"]:
    """Texels that some point in matter reads, from the densities at the texel centres of the box.

    A fit moves the other texels too (Adam makes steps of full size of the smallest gradients), but no image
    shows it. Bilinear lookups reach one texel further, hence a margin of one.
    """
    _, solid = matter_lattice(model, planes)
    read = torch.stack([solid.any(0), solid.any(1), solid.any(2).T])  # planes xy, xz, zy as [row, column]
    return max_pool2d(read.float(), 3, stride=1, padding=1) > 0


@torch.no_grad()
def points_in_matter(
    model: LRM, planes: Float[Tensor, "3 c r r"], draws: int, seed: int
) -> Float[Tensor, "points 3"]:
    """Those of so many uniform draws from the box that lie in matter."""
    points = 2 * torch.rand(draws, 3, generator=torch.Generator().manual_seed(seed)) - 1
    points = points.to(planes.device)
    return points[query_points(planes[None], model.decoder, points[None]).density[0, :, 0] > MATTER]
