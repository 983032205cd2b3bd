"""Analytic intersections and normals of the canonical solids, against marching on inside tests."""

import math

import pytest
import torch
from torch import Tensor

from lrm_core.objects.shapes import Kind, bounding_radius, entry, normal

STEPS = 2000
REACH = 3.0


def _ref_inside(kind: Kind, p: Tensor, tube: Tensor) -> Tensor:
    """Whether points (..., 3) lie in the canonical solid."""
    x, y, z = p.unbind(-1)
    if kind == Kind.ELLIPSOID:
        return x**2 + y**2 + z**2 <= 1
    if kind == Kind.BOX:
        return p.abs().amax(-1) <= 1
    if kind == Kind.CYLINDER:
        return (x**2 + y**2 <= 1) & (z.abs() <= 1)
    if kind == Kind.CONE:
        return (torch.sqrt(x**2 + y**2) <= (1 - z) / 2) & (z >= -1)
    return (torch.sqrt(x**2 + y**2) - (1 - tube)) ** 2 + z**2 <= tube**2


def _ref_entry(kind: Kind, points: Tensor, directions: Tensor, tube: Tensor) -> Tensor:
    """March each unit line (n, 3) in small steps, then bisect the first step that ends inside."""
    t = torch.linspace(-REACH, REACH, STEPS, dtype=points.dtype)
    inside = _ref_inside(kind, points[:, None] + t[:, None] * directions[:, None], tube[:, None])
    first = inside.int().argmax(dim=1)
    low, high = t[(first - 1).clamp(min=0)], t[first]
    for _ in range(40):
        middle = (low + high) / 2
        within = _ref_inside(kind, points + middle[:, None] * directions, tube)
        low, high = torch.where(within, low, middle), torch.where(within, middle, high)
    return torch.where(inside.any(dim=1), high, math.inf)


def _lines(count: int, seed: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    """Lines through the box about the solid, some along the axes, with a tube radius each."""
    draw = torch.Generator().manual_seed(seed)
    points = 2.4 * torch.rand(count, 3, generator=draw, dtype=dtype) - 1.2
    directions = torch.randn(count, 3, generator=draw, dtype=dtype)
    directions[: count // 5] *= torch.eye(3, dtype=dtype)[torch.randint(3, (count // 5,), generator=draw)]
    directions = torch.nn.functional.normalize(directions, dim=-1)
    return points, directions, 0.1 + 0.35 * torch.rand(count, generator=draw, dtype=dtype)


@pytest.mark.parametrize("kind", list(Kind))
def test_entry_agrees_with_marching(kind):
    points, directions, tube = _lines(600, seed=int(kind))
    found = entry(kind, points.T, directions.T, tube)
    expected = _ref_entry(kind, points, directions, tube)
    assert 0.1 < torch.isfinite(expected).double().mean() < 0.9
    early = found < expected - 1e-6  # marching stepped over a short chord: see that there is one
    just_inside = points[early] + (found[early, None] + 1e-7) * directions[early]
    assert _ref_inside(kind, just_inside, tube[early] + 1e-9).all()
    assert early.double().mean() < 0.005
    torch.testing.assert_close(found[~early], expected[~early], atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", list(Kind))
def test_single_precision_suffices(kind):
    points, directions, tube = _lines(4000, seed=20 + int(kind))
    exact = entry(kind, points.T, directions.T, tube)
    rough = entry(kind, points.float().T, directions.float().T, tube.float()).double()
    differ = (rough - exact).nan_to_num(0, math.inf, -math.inf).abs() > 1e-3
    assert differ.double().mean() < 0.002  # grazing lines


@pytest.mark.parametrize("kind", list(Kind))
def test_direction_length_scales_the_parameter(kind):
    points, directions, tube = _lines(500, seed=40 + int(kind))
    unit = entry(kind, points.T, directions.T, tube)
    torch.testing.assert_close(4 * entry(kind, points.T, 4 * directions.T, tube), unit, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("kind", list(Kind))
def test_normals_point_out_of_the_surface(kind):
    points, directions, tube = _lines(3000, seed=60 + int(kind))
    t = entry(kind, points.T, directions.T, tube)
    hit = torch.isfinite(t)
    place, tube = points[hit] + t[hit, None] * directions[hit], tube[hit]
    outward = torch.nn.functional.normalize(normal(kind, place.T, tube).T, dim=-1)
    assert not _ref_inside(kind, place + 1e-4 * outward, tube).any()
    assert _ref_inside(kind, place - 1e-4 * outward, tube).double().mean() > 0.995  # but for the cone's tip
    assert ((outward * directions[hit]).sum(-1) < 1e-4).all()  # a line enters against the normal


@pytest.mark.parametrize("kind", [Kind.ELLIPSOID, Kind.CYLINDER, Kind.CONE, Kind.TORUS])
def test_smooth_normals_are_perpendicular_to_the_surface(kind):
    """Nearby hits on a smooth side lie in the tangent plane to second order."""
    points, directions, tube = _lines(3000, seed=80 + int(kind))
    t = entry(kind, points.T, directions.T, tube)
    moved = entry(kind, points.T + 1e-4, directions.T, tube)
    place, near = points + t[:, None] * directions, points + 1e-4 + moved[:, None] * directions
    usable = torch.isfinite(t) & torch.isfinite(moved) & ((near - place).norm(dim=-1) < 1e-3)
    outward = torch.nn.functional.normalize(normal(kind, place.T, tube).T, dim=-1)
    slip = ((near - place) * outward).sum(-1)[usable].abs()
    assert slip.quantile(0.97) < 1e-5


@pytest.mark.parametrize("kind", list(Kind))
def test_bounding_radius_holds_the_scaled_solid_tightly(kind):
    draw = torch.Generator().manual_seed(7)
    scale = 0.1 + torch.rand(20, 3, generator=draw, dtype=torch.float64)
    tube = 0.1 + 0.3 * torch.rand(20, generator=draw, dtype=torch.float64)
    radius = bounding_radius(torch.full((20,), int(kind)), scale, tube)
    grid = torch.linspace(-1, 1, 41, dtype=torch.float64)
    points = torch.cartesian_prod(grid, grid, grid)
    for row in range(20):
        solid = points[_ref_inside(kind, points, tube[row])] * scale[row]
        farthest = solid.norm(dim=-1).max()
        assert farthest <= radius[row] + 1e-9
        assert farthest >= 0.75 * radius[row]
