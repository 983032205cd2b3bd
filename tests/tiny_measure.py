"""A tiny random model and synthetic objects, enough to run every experiment in seconds."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_folder
import torch

from lrm_core import LRM
from lrm_core.measure.oracles import OracleCache
from lrm_core.objects import RenderedObject
from lrm_core.render.cameras import look_at

TINY = replace(tiny_folder.TINY, rendering_samples_per_ray=16)


@pytest.fixture(scope="session")
def model() -> LRM:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LRM(TINY).eval().requires_grad_(False)


def noise(seed: int = 0, channels: int = 4, size: int = 16) -> torch.Tensor:
    """Planes of white noise, (3, channels, size, size)."""
    return torch.randn(3, channels, size, size, generator=torch.Generator().manual_seed(seed))


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
