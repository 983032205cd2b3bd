"""Layers of the decoder without autograd: fused by oneDNN on a CPU, plain elsewhere."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import linear, pad

TILE = 8_192  # rows at a time: more fall out of the cache
CUDA_TILE = 2**17  # fewer leave a GPU idle
ROUND = 512  # rows are filled up to a multiple of it, since oneDNN compiles a kernel for each number of rows

Layer = tuple[Float[Tensor, "outputs inputs"], Float[Tensor, "outputs"]]


ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def fused(like: Tensor) -> bool:
    """Whether oneDNN's layer takes such numbers; with so few outputs it needs half the time of a product."""
    return ONEDNN and like.dtype == torch.float32 and not like.is_cuda


def filled_up(index: Tensor, like: Tensor) -> Tensor:
    """More along the last axis by some zeros, for layers that will be applied to numbers such as `like`."""
    return pad(index, (0, -index.shape[-1] % ROUND)) if fused(like) else index


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
