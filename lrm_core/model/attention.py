"""Attention of queries to keys: one function, through xFormers on CUDA, else through PyTorch."""

import logging
import warnings
from collections.abc import Callable
from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def attention(
    query: Float[Tensor, "batch heads queries width"],
    key: Float[Tensor, "batch heads keys width"],
    value: Float[Tensor, "batch heads keys width"],
) -> Float[Tensor, "batch heads queries width"]:
    """softmax(query key^T / sqrt(width)) value, (batch, heads, queries, width) (Vaswani et al. 2017, eq. 1).

    On CUDA it runs through xFormers where that is installed and has an operator for the type and width,
    everywhere else through `scaled_dot_product_attention`.
    """
    operator = _xformers_operator(query.dtype, query.shape[-1], query.device) if query.is_cuda else None
    if operator is not None:
        return _tokens_first(operator, query, key, value)
    return F.scaled_dot_product_attention(query, key, value)


def split_heads(
    tokens: Float[Tensor, "batch tokens channels"], heads: int
) -> Float[Tensor, "batch heads tokens width"]:
    """Cut channels into equal parts: (batch, tokens, channels) to (batch, heads, tokens, channels / heads)."""
    return tokens.unflatten(-1, (heads, -1)).transpose(1, 2)


def join_heads(
    tokens: Float[Tensor, "batch heads tokens width"],
) -> Float[Tensor, "batch tokens channels"]:
    """Inverse of `split_heads`: (batch, heads, tokens, width) to (batch, tokens, heads * width)."""
    return tokens.transpose(1, 2).flatten(2)


def _tokens_first(operator: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """Call an operator that wants (batch, tokens, heads, width), as xFormers does."""
    return operator(*(tensor.transpose(1, 2) for tensor in tensors)).transpose(1, 2)


@lru_cache
def _xformers_operator(dtype: torch.dtype, width: int, device: torch.device) -> Callable[..., Tensor] | None:
    """xFormers' attention, if it runs forward and backward for this type and width on this device."""
    logging.getLogger("xformers").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from xformers.ops import memory_efficient_attention
        with torch.enable_grad():
            probe = torch.zeros(1, 8, 1, width, dtype=dtype, device=device, requires_grad=True)
            memory_efficient_attention(probe, probe, probe).sum().backward()
    except (ImportError, OSError, NotImplementedError, RuntimeError):
        return None
    return memory_efficient_attention
