"""Matter of a field that is solid in a known box."""

import pytest
import torch
from torch import nn

from lrm_core.measure.matter import matter_texels, points_in_matter

SIZE, SOLID = 16, (slice(3, 6), slice(8, 12), slice(2, 14))  # texels along x, y, z


class AllOrNothing(nn.Module):
    """Density 100 where the first feature of all three planes together exceeds 2.5, else next to nothing."""

    def __init__(self) -> None:
        super().__init__()
        first, last = nn.Linear(3, 1), nn.Linear(1, 4)
        for layer in (first, last):
            layer.requires_grad_(False)
        first.weight.fill_(1.0)
        first.bias.fill_(-2.5)
        last.weight.fill_(2000.0)
        last.bias.fill_(-100.0)
        self.net = nn.Sequential(first, nn.ReLU(), last)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.net(features)


class SolidBox:
    """What `matter` asks of a model: a decoder."""

    decoder = AllOrNothing()


@pytest.fixture
def planes() -> torch.Tensor:
    x, y, z = SOLID
    planes = torch.zeros(3, 1, SIZE, SIZE)  # [row, column]
    planes[0, 0, y, x] = 1
    planes[1, 0, z, x] = 1
    planes[2, 0, y, z] = 1
    return planes


def test_texels_are_the_shadows_of_the_box_with_a_margin(planes: torch.Tensor) -> None:
    expected = torch.zeros(3, SIZE, SIZE, dtype=torch.bool)
    x, y, z = (slice(s.start - 1, s.stop + 1) for s in SOLID)
    expected[0, y, x] = expected[1, z, x] = expected[2, y, z] = True
    assert torch.equal(matter_texels(SolidBox(), planes), expected)


def test_points_lie_in_the_box(planes: torch.Tensor) -> None:
    points = points_in_matter(SolidBox(), planes, 20_000, seed=0)
    texels = (points + 1) * SIZE / 2
    for axis, s in enumerate(SOLID):
        assert (texels[:, axis] > s.start).all()
        assert (texels[:, axis] < s.stop).all()
    assert 50 < len(points) < 20_000 * 3 * 4 * 12 / SIZE**3
    assert torch.equal(points, points_in_matter(SolidBox(), planes, 20_000, seed=0))


def test_thin_air() -> None:
    assert not matter_texels(SolidBox(), torch.zeros(3, 1, SIZE, SIZE)).any()
