"""A tiny random model and synthetic objects, enough to run every experiment in seconds."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lrm_core import LRM, LRMConfig
from lrm_core.evidence.oracles import OracleCache
from lrm_core.model.config import ViTConfig
from lrm_core.objects import RenderedObject
from lrm_core.render.cameras import look_at

TINY = LRMConfig(
    camera_embed_dim=8,
    rendering_samples_per_ray=16,
    transformer_dim=16,
    transformer_layers=1,
    transformer_heads=2,
    triplane_low_res=8,
    triplane_high_res=16,
    triplane_dim=4,
    encoder_model_name="tiny",
    encoder_feat_dim=16,
    vit=ViTConfig(embed_dim=16, depth=1, num_heads=2, patch_size=8, pos_grid=4),
    source_size=32,  # LPIPS needs as many pixels
    render_size=32,
)


@pytest.fixture(scope="session")
def model() -> LRM:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LRM(TINY).eval().requires_grad_(False)


def synthetic_object(seed: int, size: int = 32, views: int = 8) -> RenderedObject:
    """A coloured disc seen from all around; not consistent in 3-D, which no test needs."""
    generator = torch.Generator().manual_seed(seed)
    axis = torch.linspace(-1, 1, size)
    disc = (axis[:, None].square() + axis.square() < 0.5).float()[None, None].expand(views, 1, -1, -1)
    colour = torch.rand(1, 3, 1, 1, generator=generator).expand(views, 3, size, size)
    angle = torch.arange(views) * (2 * torch.pi / views) - torch.pi / 2
    eyes = 2 * torch.stack([angle.cos(), angle.sin(), torch.zeros(views)], dim=1)
    return RenderedObject(
        name=f"disc{seed}",
        images=colour * disc + 1 - disc,
        masks=disc.clone(),
        poses=look_at(eyes),
        intrinsics=torch.tensor([[0.75 * size] * 2, [size / 2] * 2, [float(size)] * 2]),
    )


@pytest.fixture
def make_object() -> Callable[[int], RenderedObject]:
    return synthetic_object


@pytest.fixture
def item() -> RenderedObject:
    return synthetic_object(0)


@pytest.fixture
def cache(tmp_path: Path) -> OracleCache:
    return OracleCache(folder=tmp_path / "oracles", shipped=tmp_path / "shipped")
