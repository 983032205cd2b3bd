"""Analytic intersections and normals of the canonical solids, against marching on their plain definitions."""

import math

import pytest
import torch
from torch import Tensor

from lrm_core.objects.caster import bounding_radius
from lrm_core.objects.shapes import Kind, contains, entry, normal

STEPS = 2000
REACH = 3.0


def _ref_measure(kind: int, points: Tensor, form: Tensor) -> Tensor:
    """A number that is positive inside the canonical solid and negative outside, for points (..., 3)."""
    x, y, z = points.unbind(-1)
    level, size = torch.hypot(x, y), points.abs()
    ends = 1 - z.abs()
    along = (1 - z) / 2  # 1 at the base, 0 at the top
    if kind == Kind.ELLIPSOID:
        return 1 - points.norm(dim=-1)
    if kind == Kind.BOX:
        return 1 - size.amax(-1)
    if kind == Kind.TORUS:
        return form - torch.hypot(level - (1 - form), z)
    if kind == Kind.ROUNDED:
        return 1 - (size**4).sum(-1) ** 0.25
    if kind == Kind.WEDGE:
        return torch.stack([1 - y.abs(), z + 1, along - x.abs()]).amin(0)
    if kind == Kind.PYRAMID:
        return torch.minimum(ends, form + along * (1 - form) - size[..., :2].amax(-1))
    if kind == Kind.HEXAGON:
        flat = torch.maximum(y.abs(), (3**0.5 * x.abs() + y.abs()) / 2)
        return torch.minimum(ends, 3**0.5 / 2 - flat)
    radius = {
        Kind.CYLINDER: torch.ones_like(z),
        Kind.CONE: along,
        Kind.FRUSTUM: form + along * (1 - form),
        Kind.BARREL: (1 - (1 - form**2) * z**2).clamp(min=0).sqrt(),
        Kind.SPOOL: (form**2 + (1 - form**2) * z**2).sqrt(),
        Kind.DOME: (1 - ((z + 1) / 2) ** 2).clamp(min=0).sqrt(),
    }[kind]
    return torch.minimum(ends, radius - level)


def _ref_inside(kind: Kind, p: Tensor, form: Tensor, slack: float = 0.0) -> Tensor:
    """Whether points (..., 3) lie in the canonical solid."""
    return _ref_measure(kind, p, form) >= -slack


def _ref_entry(kind: Kind, points: Tensor, directions: Tensor, form: Tensor) -> Tensor:
    """March each unit line (n, 3) in small steps, then bisect the first step that ends inside."""
    t = torch.linspace(-REACH, REACH, STEPS, dtype=points.dtype)
    inside = _ref_inside(kind, points[:, None] + t[:, None] * directions[:, None], form[:, None])
    first = inside.int().argmax(dim=1)
    low, high = t[(first - 1).clamp(min=0)], t[first]
    for _ in range(40):
        middle = (low + high) / 2
        within = _ref_inside(kind, points + middle[:, None] * directions, form)
        low, high = torch.where(within, low, middle), torch.where(within, middle, high)
    return torch.where(inside.any(dim=1), high, math.inf)


def _lines(count: int, seed: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    """Lines through the box about the solid, some along the axes, with a form each."""
    draw = torch.Generator().manual_seed(seed)
    points = 2.4 * torch.rand(count, 3, generator=draw, dtype=dtype) - 1.2
    directions = torch.randn(count, 3, generator=draw, dtype=dtype)
    directions[: count // 5] *= torch.eye(3, dtype=dtype)[torch.randint(3, (count // 5,), generator=draw)]
    directions = torch.nn.functional.normalize(directions, dim=-1)
    return points, directions, 0.1 + 0.35 * torch.rand(count, generator=draw, dtype=dtype)


@pytest.mark.parametrize("kind", list(Kind))
def test_entry_agrees_with_marching(kind):
    points, directions, form = _lines(600, seed=int(kind))
    found = entry(kind, points.T, directions.T, form)
    expected = _ref_entry(kind, points, directions, form)
    assert 0.1 < torch.isfinite(expected).double().mean() < 0.9
    early = found < expected - 1e-6  # marching stepped over a short chord: see that there is one
    just_inside = points[early] + (found[early, None] + 1e-7) * directions[early]
    assert _ref_inside(kind, just_inside, form[early], slack=1e-7).all()
    assert early.double().mean() < 0.005
    torch.testing.assert_close(found[~early], expected[~early], atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_canonical_solid_contains_its_inside_only(kind):
    points, _, form = _lines(5000, seed=int(kind))
    expected = _ref_measure(kind, points, form)
    clear = expected.abs() > 1e-9
    assert torch.equal(contains(kind, points.T, form)[clear], expected[clear] > 0)
    assert 0.03 < (expected > 0).double().mean() < 0.9


@pytest.mark.parametrize("kind", list(Kind))
def test_normals_point_out_of_the_surface(kind):
    points, directions, form = _lines(3000, seed=60 + int(kind))
    t = entry(kind, points.T, directions.T, form)
    hit = torch.isfinite(t)
    place, form = points[hit] + t[hit, None] * directions[hit], form[hit]
    outward = torch.nn.functional.normalize(normal(kind, place.T, form).T, dim=-1)
    assert not _ref_inside(kind, place + 1e-4 * outward, form).any()
    assert _ref_inside(kind, place - 1e-4 * outward, form).double().mean() > 0.995  # but for the cone's tip
    assert ((outward * directions[hit]).sum(-1) < 1e-4).all()  # a line enters against the normal


@pytest.mark.parametrize("kind", list(Kind))
def test_bounding_radius_holds_the_scaled_solid_tightly(kind):
    draw = torch.Generator().manual_seed(7)
    scale = 0.1 + torch.rand(20, 3, generator=draw, dtype=torch.float64)
    form = 0.1 + 0.3 * torch.rand(20, generator=draw, dtype=torch.float64)
    radius = bounding_radius(torch.full((20,), int(kind)), scale, form)
    grid = torch.linspace(-1, 1, 41, dtype=torch.float64)
    points = torch.cartesian_prod(grid, grid, grid)
    for row in range(20):
        solid = points[_ref_inside(kind, points, form[row])] * scale[row]
        farthest = solid.norm(dim=-1).max()
        assert farthest <= radius[row] + 1e-9
        assert farthest >= 0.75 * radius[row]
