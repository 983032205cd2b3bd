"""Parameters to start training from; what lets a small model leave the blob stage is explained here.

A plane token has to find the patches in which its points are seen. Positions in shared coordinates
(`positions.py`), together with a key projection that equals the query projection, give that to it from the
first step: a query and a key are then the same map of almost the same vector wherever a plane token
projects onto a patch, so the largest scores of every head lie there. With random positions the
correspondence has itself to be learned, and until then the planes are an average over the image.
"""

import torch
from torch import Tensor, nn

from lrm_core.model.encoder import VisionTransformer
from lrm_core.model.lrm import LRM
from lrm_core.model.positions import patch_coordinates, plane_coordinates, sine_cosine
from lrm_core.model.transformer import Attention, Layer, ModulatedNorm

TOKEN_DEVIATION = 0.02
PLANE_DEVIATION = 0.1
LINEAR_GAIN = 0.64
QUERY_GAIN = 2.0
WHITE = 1.0


@torch.no_grad()
def initialise(model: LRM, generator: torch.Generator) -> LRM:
    """Set every parameter of `model`, in place, for training from scratch; returns the model.

    Args:
        model: on the CPU, any sizes.
        generator: on the CPU; the same seed gives the same parameters.
    """
    for module in model.modules():
        _initialise_module(module, generator)
    _initialise_patches(model.encoder.model, generator)
    _initialise_plane_tokens(model, generator)
    for layer in model.transformer.layers:
        _initialise_cross_attention(layer.cross_attn, generator)
        _quieten(layer, len(model.transformer.layers))
    _initialise_field(model, generator)
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


def _initialise_patches(encoder: VisionTransformer, generator: torch.Generator) -> None:
    """Positions dominate at first; white, the background, starts as no content at all."""
    for tokens in (encoder.cls_token, encoder.register_tokens):
        _truncated(tokens, TOKEN_DEVIATION, generator)
    encoder.pos_embed[:, 0] = 0
    encoder.pos_embed[0, 1:] = sine_cosine(
        patch_coordinates(encoder.config.pos_grid), encoder.config.embed_dim
    )
    projection = encoder.patch_embed.proj
    _linear(projection.weight, generator, gain=1.0)
    projection.bias.copy_(-WHITE * projection.weight.sum(dim=(1, 2, 3)))


def _initialise_plane_tokens(model: LRM, generator: torch.Generator) -> None:
    """Shared positions, and a vector per plane that tells the planes apart."""
    width = model.config.transformer_dim
    positions = sine_cosine(plane_coordinates(model.config.triplane_low_res), width)  # (3, tokens, d)
    plane = PLANE_DEVIATION * torch.randn(3, 1, width, generator=generator)
    model.pos_embed.copy_((positions + plane).flatten(0, 1)[None])


def _initialise_cross_attention(attention: Attention, generator: torch.Generator) -> None:
    """Key projection = query projection on the channels that both widths share; values at full strength."""
    query, key, value = attention.projections()
    _linear(query, generator, gain=QUERY_GAIN)
    shared = min(query.shape[1], key.shape[1])
    key[:, :shared] = query[:, :shared]
    for weight in (value, attention.out_proj.weight):
        _linear(weight, generator, gain=1.0)


def _quieten(layer: Layer, layers: int) -> None:
    """Scale the other two branches by 1 / sqrt(2 layers) (GPT-2), so that the image leads at first."""
    for branch in (layer.self_attn.out_proj, layer.mlp[3]):
        branch.weight.mul_((2 * layers) ** -0.5)


def _initialise_field(model: LRM, generator: torch.Generator) -> None:
    """Planes of deviation about 0.5, and a field that is a faint grey haze.

    Raw density near 0 makes a density of softplus(-1) = 0.31: a ray through the middle of the box loses
    about half its light, so that both more and less density change the image. Raw colour near 0 is mid-grey.
    """
    _truncated(model.upsampler.weight, 0.5 / model.upsampler.in_channels**0.5, generator)
    model.upsampler.bias.zero_()
    layers = [module for module in model.decoder.net if isinstance(module, nn.Linear)]
    for layer in layers[:-1]:
        _linear(layer.weight, generator, gain=2**0.5)
    _linear(layers[-1].weight, generator, gain=0.5)
