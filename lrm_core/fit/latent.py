"""The numbers that test-time optimisation moves: plane tokens, planes, or the low band of the planes (E12)."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.model.lrm import LRM
from lrm_core.spectral import split_bands

Space = Literal["tokens", "planes", "low_band"]
Planes = Float[Tensor, "3 c r r"]


@dataclass(frozen=True)
class Latent:
    """Numbers that may move, and the planes that they stand for.

    Attributes:
        values: a leaf that gradients reach.
        decode: values -> planes (3, C, R, R), differentiable.
    """

    values: Float[Tensor, "..."]
    decode: Callable[[Tensor], Planes]

    def planes(self) -> Planes:
        """The planes of the present values."""
        return self.decode(self.values)


@torch.no_grad()
def plane_tokens(
    model: LRM, image: Float[Tensor, "1 3 h w"], source_camera: Float[Tensor, "1 16"]
) -> Float[Tensor, "3 d low low"]:
    """What the transformer hands to the upsampler for one image: (3, d, R / 2, R / 2)."""
    seen: list[Tensor] = []
    hook = model.upsampler.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    try:
        model.predict_planes(image, source_camera)
    finally:
        hook.remove()
    return seen[0].float()


@torch.no_grad()
def make_latent(
    model: LRM,
    image: Float[Tensor, "1 3 h w"],
    source_camera: Float[Tensor, "1 16"],
    space: Space,
    cutoff: float = 0.3,
) -> Latent:
    """The latent of a prediction; its planes are T_pred to begin with.

    Args:
        model: unchanged.
        image, source_camera: as in `LRM.predict_planes`, of one object.
        space: "tokens" are those before the upsampler, which makes the planes of them; "planes" are all numbers of
            T_pred; "low_band" is a change of T_pred of which only what lies below the cutoff counts.
        cutoff: in x Nyquist.

    Raises:
        ValueError: if the space is unknown; as `LRM.predict_planes`.
    """
    if space not in get_args(Space):
        raise ValueError(f"unknown space {space!r}; expected one of {', '.join(get_args(Space))}")
    upsampler = copy.deepcopy(model.upsampler).requires_grad_(False)
    tokens = plane_tokens(model, image, source_camera)
    if space == "tokens":
        return Latent(tokens.clone().requires_grad_(), upsampler)
    predicted = upsampler(tokens)
    if space == "planes":
        return Latent(predicted.clone().requires_grad_(), lambda planes: planes)
    change = torch.zeros_like(predicted).requires_grad_()
    return Latent(change, lambda change: predicted + split_bands(change, (0.0, cutoff))[0])
