"""Procedural objects: fixed by their seed, connected, within the bounding sphere and varied."""

import numpy as np
import pytest
import torch
from torch import Tensor

from lrm_core.objects.procedural import ProceduralBatch, sample_objects
from lrm_core.objects.shapes import Kind, contains, entry
from lrm_core.objects.textures import Pattern

SEEDS = range(80)


@pytest.fixture(scope="module")
def objects() -> ProceduralBatch:
    return sample_objects(SEEDS).to(dtype=torch.float64)


def _inside(batch: ProceduralBatch, row: int, slot: int, points: Tensor) -> Tensor:
    """Whether world points (n, 3) lie in one primitive."""
    local = (points - batch.centre[row, slot]) @ batch.rotation[row, slot] / batch.scale[row, slot]
    return contains(Kind(int(batch.kind[row, slot])), local.T, batch.form[row, slot].expand(len(local)))


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


def test_counts_kinds_and_patterns_all_occur(objects):
    assert set(objects.mask.sum(dim=1).tolist()) == set(range(2, 11))
    assert (objects.mask.int().diff(dim=1) <= 0).all()  # slots fill from the front
    assert set(objects.kind[objects.mask].tolist()) == set(Kind)
    assert set(objects.textures.pattern[objects.mask].tolist()) == set(Pattern)


def test_fields_are_what_they_say(objects):
    identity = torch.eye(3, dtype=torch.float64).expand_as(objects.rotation)
    torch.testing.assert_close(objects.rotation.mT @ objects.rotation, identity, atol=1e-5, rtol=0)
    assert (torch.linalg.det(objects.rotation) > 0).all()
    ones = torch.ones_like(objects.strength)
    torch.testing.assert_close(objects.light.norm(dim=-1), ones)
    torch.testing.assert_close(objects.strength.sum(dim=-1), ones[:, 0])
    assert set((objects.strength > 0).sum(dim=-1).tolist()) == {1, 2, 3}
    torch.testing.assert_close(objects.textures.axis.norm(dim=-1), torch.ones_like(objects.form))
    colours = objects.textures.colours
    assert colours.min() >= 0
    assert colours.max() <= 1
    assert (colours[:, :, 0] - colours[:, :, 1]).abs().amax(-1).min() >= 0.08 - 1e-6
    assert (objects.light[..., 2] > 0).double().mean() > 0.75


def test_objects_fill_their_bounding_sphere(objects):
    """Dense points of every solid's surface, found without the samples that `arrange` used."""
    draw = torch.randn(20000, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for row in range(len(objects)):
        farthest = max(_farthest(objects, row, slot, draw) for slot in range(int(objects.mask[row].sum())))
        assert 0.935 < farthest <= 0.95, row


def _farthest(batch: ProceduralBatch, row: int, slot: int, ways: Tensor) -> float:
    """Largest distance from the origin of the world to a point of the primitive along lines through its middle."""
    kind, form = Kind(int(batch.kind[row, slot])), batch.form[row, slot]
    start = 2 * ways / ways.norm(dim=-1, keepdim=True)
    t = entry(kind, start.T, -start.T, form.expand(len(ways)))
    hit = t.isfinite()
    local = (start - t[:, None] * start)[hit] * batch.scale[row, slot]
    return float((batch.centre[row, slot] + local @ batch.rotation[row, slot].mT).norm(dim=-1).max())


def test_primitives_of_an_object_hang_together(objects):
    for row in SEEDS:
        count = int(objects.mask[row].sum())
        linked = np.eye(count, dtype=bool)
        for slot in range(count):
            points = _solid(objects, row, slot, 21)
            for other in range(count):
                linked[slot, other] |= bool(_inside(objects, row, other, points).any())
        reached = np.linalg.matrix_power((linked | linked.T).astype(int), count)
        assert (reached > 0).all(), f"object {row} falls apart"


@pytest.mark.parametrize("seeds", [[], [3, -1]])
def test_bad_seeds_are_refused(seeds):
    with pytest.raises(ValueError, match="non-negative integers, found"):
        sample_objects(seeds)
