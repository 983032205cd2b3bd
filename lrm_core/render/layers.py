"""Layers of the decoder without autograd: fused by oneDNN on a CPU, plain elsewhere."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import linear, pad

TILE = 4_096  # rows at a time: more fall out of the cache
ROUND = 256  # rows are filled up to a multiple of it, since oneDNN compiles a kernel for each number of rows

Layer = tuple[Float[Tensor, "outputs inputs"], Float[Tensor, "outputs"]]


def fused(like: Tensor) -> bool:
    """Whether oneDNN's layer takes such numbers; for few inputs and outputs it takes half the time of a product."""
    return (
        like.dtype == torch.float32
        and like.device.type == "cpu"
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


def tiles(index: Tensor, like: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Where each piece of the last axis begins, and the piece; the last one is filled up with zeros.

    Args:
        index: cut along its last axis.
        like: numbers that the layers will be applied to.
    """
    if not index.shape[-1]:
        return iter(())
    if fused(like):
        index = pad(index, (0, -index.shape[-1] % ROUND))
    return ((place * TILE, part) for place, part in enumerate(index.split(TILE, dim=-1)))


def affine(x: Float[Tensor, "*rows inputs"], layer: Layer, relu: bool) -> Float[Tensor, "*rows outputs"]:
    """x W^T + b, and what is negative of it set to 0 if wanted."""
    if fused(x):
        return torch.ops.mkldnn._linear_pointwise(x, *layer, "relu" if relu else "none", [], "")
    return linear(x, *layer).relu_() if relu else linear(x, *layer)


def pulled(grad: Float[Tensor, "rows outputs"], layer: Layer) -> Float[Tensor, "rows inputs"]:
    """The gradient of what enters a layer, grad W."""
    if fused(grad):
        return torch.ops.mkldnn._linear_pointwise(grad, layer[0].T.contiguous(), None, "none", [], "")
    return grad @ layer[0]
