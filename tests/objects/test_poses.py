"""Random poses: rigid, looking at the origin, within their limits, fixed by the generator."""

import math

import torch

from lrm_core.objects.dataset import sample_poses


def _draw(seed: int, count: int) -> torch.Tensor:
    return sample_poses(torch.Generator().manual_seed(seed), count).double()


def test_poses_are_rigid_and_look_at_the_origin():
    poses = _draw(0, 200)
    rotation, centre = poses[..., :3], poses[..., 3]
    identity = torch.eye(3, dtype=torch.float64).expand(200, 3, 3)
    torch.testing.assert_close(rotation.mT @ rotation, identity, atol=1e-6, rtol=0)
    assert (torch.linalg.det(rotation) > 0.99).all()
    towards_origin = -centre / centre.norm(dim=-1, keepdim=True)
    torch.testing.assert_close(-rotation[..., 2], towards_origin, atol=1e-6, rtol=0)


def test_view_zero_stands_in_front():
    centres = torch.stack([_draw(seed, 3)[0, :, 3] for seed in range(100)])
    distance = centres.norm(dim=-1)
    elevation = torch.rad2deg(torch.asin(centres[:, 2] / distance))
    assert centres[:, 0].abs().max() < 1e-6
    assert (centres[:, 1] < 0).all()
    assert 1.9 <= distance.min() < 1.95
    assert 2.15 < distance.max() <= 2.2
    assert -15 <= elevation.min() < -10
    assert 10 < elevation.max() <= 15


def test_other_views_are_uniform_over_the_allowed_sphere():
    centres = _draw(2, 4001)[1:, :, 3]
    distance = centres.norm(dim=-1)
    height = centres[:, 2] / distance
    assert distance.min() >= 1.9
    assert distance.max() <= 2.6
    low, high = math.sin(math.radians(-30)), math.sin(math.radians(75))
    share, _ = torch.sort((height - low) / (high - low))
    uniform = torch.linspace(0, 1, 4000, dtype=torch.float64)
    assert (share - uniform).abs().max() < 1.63 / math.sqrt(4000)  # Kolmogorov-Smirnov, 1%
    assert centres[:, :2].mean(dim=0).abs().max() < 0.1
