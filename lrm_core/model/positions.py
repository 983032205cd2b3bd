"""Sine-cosine position embeddings of image patches and plane tokens in one shared coordinate system.

Every token has coordinates (u, v, y): u to the right and v downwards in the canonical source view, as
fractions of the image with the centre at 0, and y, the depth in the world. The canonical camera stands at
(0, -DISTANCE, 0) and looks along +y with FOCAL image widths, so a world point (x, y, z) is seen at
u = FOCAL x / (DISTANCE + y), v = -FOCAL z / (DISTANCE + y).
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

DISTANCE = 2.0
FOCAL = 0.75
LONGEST_WAVE = 4.0
SHORTEST_WAVE = 0.125


def patch_coordinates(grid: int) -> Float[Tensor, "patches 3"]:
    """Coordinates (u, v, 0), (grid * grid, 3), of grid x grid patches, row by row from the top."""
    centre = (torch.arange(grid) + 0.5) / grid - 0.5
    v, u = torch.meshgrid(centre, centre, indexing="ij")
    return torch.stack([u, v, torch.zeros_like(u)], dim=-1).flatten(0, 1)


def plane_coordinates(side: int) -> Float[Tensor, "3 tokens 3"]:
    """Coordinates (3, side * side, 3) of the tokens of planes 0 (x, y), 1 (x, z) and 2 (z, y), row by row.

    The first axis of a plane is its column and the second its row; the world coordinate that a plane
    leaves out is taken as 0.
    """
    centre = (2 * torch.arange(side) + 1) / side - 1
    second, first = (axis.flatten() for axis in torch.meshgrid(centre, centre, indexing="ij"))
    zero = torch.zeros_like(first)
    x = torch.stack([first, first, zero])  # (3, tokens) each: world coordinates
    y = torch.stack([second, zero, second])
    z = torch.stack([zero, second, first])
    return torch.stack([FOCAL * x / (DISTANCE + y), -FOCAL * z / (DISTANCE + y), y], dim=-1)


def sine_cosine(coordinates: Float[Tensor, "*tokens 3"], width: int) -> Float[Tensor, "*tokens width"]:
    """Embed (u, v, y), (..., 3) to (..., width), by sines and cosines (Vaswani et al. 2017, section 3.5).

    Each coordinate takes width // 6 wavelengths, running geometrically from LONGEST_WAVE to SHORTEST_WAVE
    image widths, so that neighbouring tokens of a 16 x 16 grid differ and still correlate. y counts by the
    image width that it would cover at the origin, FOCAL / DISTANCE. Channels beyond the last multiple of 6
    are 0.
    """
    waves = torch.logspace(math.log10(LONGEST_WAVE), math.log10(SHORTEST_WAVE), width // 6)
    scale = torch.tensor([1.0, 1.0, FOCAL / DISTANCE])
    phase = 2 * math.pi * (coordinates * scale)[..., None] / waves  # (*tokens, 3, width // 6)
    embedding = torch.cat([phase.sin(), phase.cos()], dim=-1).flatten(-2)
    return torch.nn.functional.pad(embedding, (0, width - embedding.shape[-1]))
