"""Procedural objects: fixed by their seed, connected, within the bounding sphere and varied."""

import numpy as np
import pytest
import torch
from torch import Tensor

from lrm_core.objects import arrange
from lrm_core.objects.arrange import Part, enclosing_ball
from lrm_core.objects.procedural import ProceduralBatch, sample_objects
from lrm_core.objects.shapes import Kind
from lrm_core.objects.textures import Pattern

SEEDS = range(50)


@pytest.fixture(scope="module")
def objects() -> ProceduralBatch:
    return sample_objects(SEEDS).to(dtype=torch.float64)


def _inside(batch: ProceduralBatch, row: int, slot: int, points: Tensor) -> Tensor:
    """Whether world points (n, 3) lie in one primitive, by its implicit definition."""
    local = (points - batch.centre[row, slot]) @ batch.rotation[row, slot] / batch.scale[row, slot]
    x, y, z = local.unbind(-1)
    kind, tube = int(batch.kind[row, slot]), batch.tube[row, slot]
    if kind == Kind.ELLIPSOID:
        return local.norm(dim=-1) <= 1
    if kind == Kind.BOX:
        return local.abs().amax(-1) <= 1 + 1e-9
    if kind == Kind.CYLINDER:
        return (torch.hypot(x, y) <= 1) & (z.abs() <= 1)
    if kind == Kind.CONE:
        return (torch.hypot(x, y) <= (1 - z) / 2) & (z >= -1)
    return torch.hypot(torch.hypot(x, y) - (1 - tube), z) <= tube


def _solid(batch: ProceduralBatch, row: int, slot: int, resolution: int) -> Tensor:
    """Grid points of the world (n, 3) inside one primitive."""
    axis = torch.linspace(-1, 1, resolution, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis, axis) * batch.scale[row, slot]
    world = batch.centre[row, slot] + grid @ batch.rotation[row, slot].mT
    return world[_inside(batch, row, slot, world)]


def test_seed_fixes_the_object_in_any_batch():
    together, alone = sample_objects([3, 11, 7]), sample_objects([7])
    shuffled = sample_objects([7, 2, 11])
    _equal_rows(together, 2, alone, 0)
    _equal_rows(together, 2, shuffled, 0)
    _equal_rows(together, 1, shuffled, 2)


def _equal_rows(first: ProceduralBatch, row: int, second: ProceduralBatch, other: int) -> None:
    assert len(first.map(lambda value: value[row : row + 1])) == 1
    one, two = first.map(lambda value: value[row]), second.map(lambda value: value[other])
    for name, value in vars(one).items():
        if name != "textures":
            assert torch.equal(value, getattr(two, name)), name
    for name, value in vars(one.textures).items():
        assert torch.equal(value, getattr(two.textures, name)), name


def test_neighbouring_seeds_differ(objects):
    shapes = objects.scale.flatten(1)
    assert torch.cdist(shapes, shapes).fill_diagonal_(1).min() > 0.01


def test_counts_kinds_and_patterns_all_occur(objects):
    assert set(objects.mask.sum(dim=1).tolist()) == {2, 3, 4, 5, 6}
    assert (objects.mask.int().diff(dim=1) <= 0).all()  # slots fill from the front
    assert set(objects.kind[objects.mask].tolist()) == set(Kind)
    assert set(objects.textures.pattern[objects.mask].tolist()) == set(Pattern)


def test_fields_are_what_they_say(objects):
    identity = torch.eye(3, dtype=torch.float64).expand_as(objects.rotation)
    torch.testing.assert_close(objects.rotation.mT @ objects.rotation, identity, atol=1e-5, rtol=0)
    assert (torch.linalg.det(objects.rotation) > 0).all()
    torch.testing.assert_close(objects.light.norm(dim=-1), torch.ones(50, dtype=torch.float64))
    torch.testing.assert_close(objects.textures.axis.norm(dim=-1), torch.ones(50, 6, dtype=torch.float64))
    colours = objects.textures.colours
    assert colours.min() >= 0
    assert colours.max() <= 1
    assert (colours[:, :, 0] - colours[:, :, 1]).abs().amax(-1).min() >= 0.35 - 1e-6
    assert (objects.light[:, 2] > 0).double().mean() > 0.75


def _support(kind: int, normals: Tensor, tube: Tensor) -> Tensor:
    """Largest p . w over the points p of a canonical solid, for each w (n, 3)."""
    level, height = torch.hypot(normals[:, 0], normals[:, 1]), normals[:, 2]
    if kind == Kind.ELLIPSOID:
        return normals.norm(dim=-1)
    if kind == Kind.BOX:
        return normals.abs().sum(dim=-1)
    if kind == Kind.CYLINDER:
        return level + height.abs()
    if kind == Kind.CONE:
        return torch.maximum(height, level - height)
    return (1 - tube) * level + tube * normals.norm(dim=-1)


def test_objects_fill_their_bounding_sphere(objects):
    """The farthest point of a solid is as far as its support function reaches in any direction."""
    draw = torch.randn(20000, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ways = torch.nn.functional.normalize(draw, dim=-1)
    for row in SEEDS:
        reach = [
            ways @ objects.centre[row, slot]
            + _support(
                int(objects.kind[row, slot]),
                ways @ objects.rotation[row, slot] * objects.scale[row, slot],
                objects.tube[row, slot],
            )
            for slot in range(int(objects.mask[row].sum()))
        ]
        assert 0.943 < torch.stack(reach).max() <= 0.95


def test_primitives_of_an_object_hang_together(objects):
    for row in SEEDS:
        count = int(objects.mask[row].sum())
        linked = np.eye(count, dtype=bool)
        for slot in range(count):
            points = _solid(objects, row, slot, 31)
            for other in range(count):
                linked[slot, other] |= bool(_inside(objects, row, other, points).any())
        reached = np.linalg.matrix_power((linked | linked.T).astype(int), count)
        assert (reached > 0).all(), f"object {row} falls apart"


@pytest.mark.parametrize("kind", list(Kind))
def test_parts_are_attached_by_a_place_inside_them(kind):
    rng = np.random.default_rng(int(kind))
    for _ in range(100):
        turn, scale = arrange._random_rotation(rng), 0.05 + rng.random(3)
        part = Part(kind, np.zeros(3), turn, scale, 0.15 + 0.3 * rng.random())
        towards = rng.normal(size=3)
        place = arrange._contact(rng, part, towards / np.linalg.norm(towards))
        x, y, z = place @ turn / scale
        level = np.hypot(x, y)
        assert place @ towards > 0
        assert {
            Kind.ELLIPSOID: np.hypot(level, z) < 1,
            Kind.BOX: max(abs(x), abs(y), abs(z)) < 1,
            Kind.CYLINDER: max(level, abs(z)) < 1,
            Kind.CONE: -1 < z < 1 - 2 * level,
            Kind.TORUS: np.hypot(level - (1 - part.tube), z) < part.tube,
        }[kind]


def test_enclosing_ball_of_known_sets():
    centre, radius = enclosing_ball(np.array([[1.0, 0, 0], [-3, 0, 0], [-1, 1, 0]]), iterations=400)
    np.testing.assert_allclose(centre, [-1, 0, 0], atol=0.02)
    assert 2 <= radius < 2.02
    corners = np.stack(np.meshgrid([0.0, 1], [0.0, 1], [0.0, 1]), axis=-1).reshape(-1, 3)
    assert enclosing_ball(corners)[1] == pytest.approx(3**0.5 / 2, rel=0.01)


def test_enclosing_ball_holds_every_point():
    points = np.random.default_rng(0).normal(size=(500, 3)) * [3, 1, 0.2] + 5
    centre, radius = enclosing_ball(points)
    distance = np.linalg.norm(points - centre, axis=1)
    assert distance.max() <= radius + 1e-12
    widest = np.linalg.norm(points[:, None] - points[None], axis=-1).max()
    assert widest / 2 <= radius < 1.05 * widest / 2


@pytest.mark.parametrize("seeds", [[], [3, -1]])
def test_bad_seeds_are_refused(seeds):
    with pytest.raises(ValueError, match="non-negative integers, found"):
        sample_objects(seeds)
