"""Image encoder: a DINOv2 vision transformer with registers (Oquab et al. 2023, Darcet et al. 2023)."""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lrm_core.model.config import ViTConfig
from lrm_core.model.transformer import NORM_EPS, attention, join_heads, split_heads


class SelfAttention(nn.Module):
    """Multi-head self-attention with biases, (N, T, E) -> (N, T, E)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Float[Tensor, "n t e"]) -> Float[Tensor, "n t e"]:
        """Each token (N, T, E) after looking at all of its image."""
        query, key, value = (split_heads(part, self.heads) for part in self.qkv(tokens).chunk(3, dim=-1))
        return self.proj(join_heads(attention(query, key, value)))


class LayerScale(nn.Module):
    """A learned factor per channel (Touvron et al. 2021)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, tokens: Float[Tensor, "n t e"]) -> Float[Tensor, "n t e"]:
        """Tokens (N, T, E) times the factors (E,)."""
        return tokens * self.gamma


class Block(nn.Module):
    """Pre-norm transformer block: attention, then MLP, each behind a LayerScale."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=NORM_EPS)
        self.attn = SelfAttention(width, heads)
        self.ls1 = LayerScale(width)
        self.norm2 = nn.LayerNorm(width, eps=NORM_EPS)
        mlp = {"fc1": nn.Linear(width, 4 * width), "gelu": nn.GELU(), "fc2": nn.Linear(4 * width, width)}
        self.mlp = nn.Sequential(OrderedDict(mlp))
        self.ls2 = LayerScale(width)

    def forward(self, tokens: Float[Tensor, "n t e"]) -> Float[Tensor, "n t e"]:
        """Tokens (N, T, E) with what attention and MLP add."""
        tokens = tokens + self.ls1(self.attn(self.norm1(tokens)))
        return tokens + self.ls2(self.mlp(self.norm2(tokens)))


class PatchEmbed(nn.Module):
    """Linear map of every patch to a token, row by row: (N, 3, H, W) -> (N, P, E)."""

    def __init__(self, width: int, patch_size: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch_size, stride=patch_size)

    def forward(self, image: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n p e"]:
        """Tokens (N, P, E) of images (N, 3, H, W) in [0, 1]."""
        return self.proj(image).flatten(2).transpose(1, 2)


class VisionTransformer(nn.Module):
    """Tokens of an image: class token and patches, (N, 3, H, W) -> (N, 1 + P, E)."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.config = config
        width, grid = config.embed_dim, config.pos_grid
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, 1 + grid * grid, width))
        self.register_tokens = nn.Parameter(0.02 * torch.randn(1, config.num_register_tokens, width))
        self.patch_embed = PatchEmbed(width, config.patch_size)
        self.blocks = nn.ModuleList(Block(width, config.num_heads) for _ in range(config.depth))
        self.norm = nn.LayerNorm(width, eps=NORM_EPS)

    def positions(self, rows: int, columns: int) -> Float[Tensor, "1 tokens e"]:
        """Position embedding (1, 1 + rows * columns, E) of class token and patches, resized bicubically."""
        grid = self.config.pos_grid
        if (rows, columns) == (grid, grid):
            return self.pos_embed
        stored = self.pos_embed[:, 1:].unflatten(1, (grid, grid)).permute(0, 3, 1, 2)  # (1, E, grid, grid)
        resized = F.interpolate(stored, size=(rows, columns), mode="bicubic", antialias=True)
        return torch.cat([self.pos_embed[:, :1], resized.flatten(2).transpose(1, 2)], dim=1)

    def forward(self, image: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n tokens e"]:
        """Class token, then patches row by row, (N, 1 + P, E), of RGB images (N, 3, H, W) in [0, 1] as they are.

        ValueError if the image is not (N, 3, H, W) or a side is not a multiple of the patch size.
        """
        patch, registers = self.config.patch_size, self.config.num_register_tokens
        if image.ndim != 4 or image.shape[1] != 3 or image.shape[-2] % patch or image.shape[-1] % patch:
            raise ValueError(
                f"expected images (N, 3, H, W) with H and W multiples of the patch size {patch}, "
                f"found {tuple(image.shape)}; resize them first"
            )
        classes = self.cls_token.expand(len(image), -1, -1)
        tokens = torch.cat([classes, self.patch_embed(image)], dim=1)
        tokens = tokens + self.positions(image.shape[-2] // patch, image.shape[-1] // patch)
        register_tokens = self.register_tokens.expand(len(image), -1, -1)
        tokens = torch.cat([tokens[:, :1], register_tokens, tokens[:, 1:]], dim=1)
        for block in self.blocks:
            tokens = block(tokens)
        tokens = self.norm(tokens)
        return torch.cat([tokens[:, :1], tokens[:, 1 + registers :]], dim=1)
