"""Attention, and the plane transformer: plane tokens attend to image features and to each other.

It is modulated by the camera, after LRM (Hong et al. 2024) as OpenLRM 1.1 builds it; parameter names are OpenLRM's.
"""

import logging
import warnings
from collections.abc import Callable
from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

NORM_EPS = 1e-6


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


def join_heads(tokens: Float[Tensor, "batch heads tokens width"]) -> Float[Tensor, "batch tokens channels"]:
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


class ModulatedNorm(nn.Module):
    """LayerNorm(tokens) * (1 + scale) + shift, with (shift, scale) = Linear(SiLU(camera))."""

    def __init__(self, width: int, camera_width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.mlp = nn.Sequential(nn.SiLU(), nn.Linear(camera_width, 2 * width))

    def forward(self, tokens: Float[Tensor, "n t d"], camera: Float[Tensor, "n m"]) -> Float[Tensor, "n t d"]:
        """Tokens (N, T, d), normalised and modulated by embedded cameras (N, m)."""
        shift, scale = self.mlp(camera)[:, None].chunk(2, dim=-1)  # (N, 1, d) each
        return self.norm(tokens) * (1 + scale) + shift


class Attention(nn.Module):
    """Multi-head attention without biases, from tokens (N, T, d) to a context (N, S, e).

    Parameters: `in_proj_weight` (3d, d) where both widths agree, else `q_proj_weight` (d, d),
    `k_proj_weight` and `v_proj_weight` (d, e).
    """

    def __init__(self, width: int, context_width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.packed = width == context_width
        if self.packed:
            self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        else:
            self.q_proj_weight = nn.Parameter(torch.empty(width, width))
            self.k_proj_weight = nn.Parameter(torch.empty(width, context_width))
            self.v_proj_weight = nn.Parameter(torch.empty(width, context_width))
        self.out_proj = nn.Linear(width, width, bias=False)
        for name, weight in self.named_parameters(recurse=False):
            nn.init.xavier_uniform_(weight, gain=0.5**0.5 if name == "in_proj_weight" else 1.0)

    def projections(self) -> tuple[Float[Tensor, "d d"], Float[Tensor, "d e"], Float[Tensor, "d e"]]:
        """Weights of query (d, d), key (d, e) and value (d, e); views of the parameters."""
        if self.packed:
            return self.in_proj_weight.chunk(3)
        return self.q_proj_weight, self.k_proj_weight, self.v_proj_weight

    def forward(self, tokens: Float[Tensor, "n t d"], context: Float[Tensor, "n s e"]) -> Float[Tensor, "n t d"]:
        """What each token (N, T, d) finds in the context (N, S, e); (N, T, d)."""
        query_weight, key_weight, value_weight = self.projections()
        query = split_heads(F.linear(tokens, query_weight), self.heads)  # (N, heads, T, d / heads)
        key = split_heads(F.linear(context, key_weight), self.heads)  # (N, heads, S, d / heads)
        value = split_heads(F.linear(context, value_weight), self.heads)
        return self.out_proj(join_heads(attention(query, key, value)))


class Layer(nn.Module):
    """Cross-attention to the image, self-attention, MLP; each behind a modulated norm, each residual."""

    def __init__(self, width: int, context_width: int, camera_width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = ModulatedNorm(width, camera_width)
        self.cross_attn = Attention(width, context_width, heads)
        self.norm2 = ModulatedNorm(width, camera_width)
        self.self_attn = Attention(width, width, heads)
        self.norm3 = ModulatedNorm(width, camera_width)
        # The identity holds the place of a dropout of rate 0, so that the second layer is `mlp.3`.
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Identity(), nn.Linear(4 * width, width))

    def forward(
        self, tokens: Float[Tensor, "n t d"], features: Float[Tensor, "n s e"], camera: Float[Tensor, "n m"]
    ) -> Float[Tensor, "n t d"]:
        """Tokens (N, T, d) after image features (N, S, e), seen from cameras (N, m), were taken in."""
        tokens = tokens + self.cross_attn(self.norm1(tokens, camera), features)
        normed = self.norm2(tokens, camera)
        tokens = tokens + self.self_attn(normed, normed)
        return tokens + self.mlp(self.norm3(tokens, camera))


class PlaneTransformer(nn.Module):
    """`layers` modulated layers and a final LayerNorm."""

    def __init__(self, layers: int, width: int, context_width: int, camera_width: int, heads: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(width, context_width, camera_width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width, eps=NORM_EPS)

    def forward(
        self, tokens: Float[Tensor, "n t d"], features: Float[Tensor, "n s e"], camera: Float[Tensor, "n m"]
    ) -> Float[Tensor, "n t d"]:
        """Plane tokens (N, T, d) that know the image, of position embeddings; other arguments as in `Layer`."""
        for layer in self.layers:
            tokens = layer(tokens, features, camera)
        return self.norm(tokens)
