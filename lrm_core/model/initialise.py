"""Parameters to start training from; what lets a small model leave the blob stage is explained here.

A plane token has to find the patches in which its points are seen, and to pass on what they show. From random
parameters both have to be learned, and until then the planes are an average over the image. Here they are given:

- Positions in shared coordinates fill the first half of the channels of patches and of plane
  tokens. Queries and keys read only that half, by the same projection, so the largest scores lie where a plane
  token projects onto a patch, whatever the patch shows.
- The second half carries content: the mean colour of a patch in three channels, its detail in the others.
  Values, outputs and the upsampler pass it on unchanged, so the first channels of the planes start as colour.
- Every other branch writes to the second half only.

Nothing of this is fixed: every parameter is free to leave its start.

Every token has coordinates (u, v, y): u to the right and v downwards in the canonical source view, as fractions of
the image with the centre at 0, and y, the depth in the world. The canonical camera stands at (0, -DISTANCE, 0) and
looks along +y with FOCAL image widths, so a world point (x, y, z) is seen at u = FOCAL x / (DISTANCE + y),
v = -FOCAL z / (DISTANCE + y).
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lrm_core.model.encoder import VisionTransformer
from lrm_core.model.lrm import LRM
from lrm_core.model.transformer import Attention, ModulatedNorm

DISTANCE = 2.0
FOCAL = 0.75
LONGEST_WAVE = 4.0
SHORTEST_WAVE = 0.125
TOKEN_DEVIATION = 0.02
PLANE_DEVIATION = 0.1
LINEAR_GAIN = 0.64
QUERY_GAIN = 3.0
DETAIL_GAIN = 0.5
COLOUR_GAIN = 2.0
BLOCK_GAIN = 0.5
PLANE_DETAIL_GAIN = 0.2
WHITE = 1.0


@torch.no_grad()
def initialise(model: LRM, generator: torch.Generator) -> LRM:
    """Set every parameter of `model`, on the CPU and in place, for training from scratch; returns the model."""
    for module in model.modules():
        _initialise_module(module, generator)
    positions = min(model.config.transformer_dim, model.config.encoder_feat_dim) // 2
    _initialise_patches(model.encoder.model, positions, generator)
    _initialise_plane_tokens(model, positions, generator)
    for block in model.encoder.model.blocks:
        for branch in (block.attn.proj, block.mlp.fc2):
            _spare_positions(branch.weight, positions, BLOCK_GAIN)
    for layer in model.transformer.layers:
        _initialise_cross_attention(layer.cross_attn, positions, generator)
        for branch in (layer.self_attn.out_proj, layer.mlp[3]):
            _spare_positions(branch.weight, positions, (2 * len(model.transformer.layers)) ** -0.5)
    _initialise_field(model, positions, generator)
    return model


def _truncated(weight: Tensor, deviation: float, generator: torch.Generator) -> None:
    """Normal values cut at two deviations."""
    nn.init.trunc_normal_(weight, std=deviation, a=-2 * deviation, b=2 * deviation, generator=generator)


def _linear(weight: Tensor, generator: torch.Generator, gain: float = LINEAR_GAIN) -> None:
    """Deviation gain / sqrt(inputs); the default is the usual 0.02 at 1024 inputs."""
    _truncated(weight, gain / weight[0].numel() ** 0.5, generator)


def _initialise_module(module: nn.Module, generator: torch.Generator) -> None:
    """Linear maps, norms and layer scales; modulation starts at the identity."""
    if isinstance(module, nn.Linear):
        _linear(module.weight, generator)
        if module.bias is not None:
            module.bias.zero_()
    elif isinstance(module, nn.LayerNorm):
        module.reset_parameters()
    elif isinstance(module, Attention):
        for weight in module.projections():
            _linear(weight, generator)
    elif isinstance(module, ModulatedNorm):
        module.mlp[1].weight.zero_()
        module.mlp[1].bias.zero_()
    elif hasattr(module, "gamma"):
        module.gamma.fill_(1.0)


def _initialise_patches(encoder: VisionTransformer, positions: int, generator: torch.Generator) -> None:
    """Position, then mean colour, then detail; white, the background, starts as no content at all."""
    for tokens in (encoder.cls_token, encoder.register_tokens):
        _truncated(tokens, TOKEN_DEVIATION, generator)
    encoder.pos_embed.zero_()
    grid = patch_coordinates(encoder.config.pos_grid)
    encoder.pos_embed[0, 1:, :positions] = sine_cosine(grid, positions)
    projection = encoder.patch_embed.proj
    _linear(projection.weight, generator, gain=DETAIL_GAIN)
    projection.weight[: positions + 3] = 0
    for channel in range(3):
        projection.weight[positions + channel, channel] = COLOUR_GAIN / encoder.config.patch_size**2
    projection.bias.copy_(-WHITE * projection.weight.sum(dim=(1, 2, 3)))


def _initialise_plane_tokens(model: LRM, positions: int, generator: torch.Generator) -> None:
    """Shared positions, and a vector per plane that tells the planes apart."""
    low = model.config.triplane_low_res
    shared = sine_cosine(plane_coordinates(low), positions)  # (3, tokens, positions)
    plane = PLANE_DEVIATION * torch.randn(3, 1, model.config.transformer_dim - positions, generator=generator)
    tokens = torch.cat([shared, plane.expand(-1, shared.shape[1], -1)], dim=-1)
    model.pos_embed.copy_(tokens.flatten(0, 1)[None])


def _initialise_cross_attention(attention: Attention, positions: int, generator: torch.Generator) -> None:
    """Queries and keys read the position by one projection; values and output are the identity on content."""
    query, key, value = attention.projections()
    _linear(query, generator, gain=QUERY_GAIN)
    query[:, positions:] = 0
    key.zero_()
    key[:, :positions] = query[:, :positions]
    content, out = min(value.shape) - positions, attention.out_proj.weight
    copies = value.shape[0] // content  # as many as fit into the values; the output takes their mean
    value.zero_()
    out.zero_()
    for start in range(0, copies * content, content):
        value[start : start + content, positions : positions + content] = torch.eye(content)
        out[positions : positions + content, start : start + content] = torch.eye(content) / copies


def _spare_positions(weight: Tensor, positions: int, gain: float) -> None:
    """Scale a branch's output and keep it out of the channels that carry the position."""
    weight.mul_(gain)
    weight[:positions] = 0


def _initialise_field(model: LRM, positions: int, generator: torch.Generator) -> None:
    """Planes that start with the content, and a field that is a faint grey haze.

    Raw density near 0 makes a density of softplus(-1) = 0.31: a ray through the middle of the box loses
    about half its light, so that both more and less density change the image. Raw colour near 0 is mid-grey.
    """
    weight = model.upsampler.weight  # (d, C, 2, 2)
    content = weight.shape[0] - positions
    _truncated(weight, PLANE_DETAIL_GAIN / content**0.5, generator)
    weight[:positions] = 0
    passed = torch.arange(min(content, weight.shape[1]))
    weight[positions + passed, passed] += 1.0
    model.upsampler.bias.zero_()
    layers = [module for module in model.decoder.net if isinstance(module, nn.Linear)]
    for layer in layers[:-1]:
        _linear(layer.weight, generator, gain=2**0.5)
    _linear(layers[-1].weight, generator, gain=0.5)


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
