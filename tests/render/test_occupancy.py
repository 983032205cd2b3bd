import pytest
import torch

from lrm_core.render.field import Field
from lrm_core.render.occupancy import EMPTY_DENSITY, FAINT_DENSITY, RAW_EMPTY, RAW_FAINT, Occupancy


@pytest.mark.parametrize(("raw", "expected"), [(RAW_EMPTY, EMPTY_DENSITY), (RAW_FAINT, FAINT_DENSITY)])
def test_threshold_is_the_raw_value_of_the_density(raw, expected):
    density = torch.nn.functional.softplus(torch.tensor(raw) - 1)
    torch.testing.assert_close(density.item(), expected, rtol=1e-4, atol=0)


@pytest.mark.parametrize(("gradients", "threshold"), [(True, RAW_EMPTY), (False, RAW_FAINT)])
def test_nothing_dense_is_skipped_and_empty_space_is(ball, gradients, threshold):
    planes, decoder = ball
    field = Field(planes, decoder)
    with torch.set_grad_enabled(gradients):
        occupancy = Occupancy.of(field)
    points = 2 * torch.rand(20_000, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1
    skimmed = occupancy.along(points, torch.zeros_like(points), torch.zeros(len(points), 1))[:, 0]
    dense = field.raw(points)[:, 0] > threshold
    assert skimmed[dense].isposinf().all()
    assert dense.double().mean() < occupancy.occupied.double().mean() < 0.5
    outside = (points.abs() > occupancy.high.max()).any(-1)
    assert not skimmed[outside].isposinf().any()


def test_a_rough_field_is_never_skipped(vectors, rough_decoder):
    for planes in vectors["planes"]:
        assert Occupancy.of(Field(planes, rough_decoder)) is None


def test_bounding_box_follows_x_y_z():
    occupied = torch.zeros(8, 8, 8, dtype=torch.bool)
    occupied[1, 2, 3] = occupied[1, 4, 7] = True  # (z, y, x)
    box = Occupancy.around(occupied, torch.zeros(8, 8, 8))
    assert box.low.tolist() == [-0.25, -0.5, -0.75]
    assert box.high.tolist() == [1.0, 0.25, -0.5]


def test_exploring_adds_about_its_share_of_blocks():
    empty = Occupancy.around(torch.zeros(32, 32, 32, dtype=torch.bool), torch.full((32, 32, 32), -9.0))
    shares = [
        empty.explored(0.25, torch.Generator().manual_seed(seed)).occupied.float().mean()
        for seed in range(20)
    ]
    assert 0.2 < torch.stack(shares).mean() < 0.3
    assert empty.explored(0.0, torch.Generator()).occupied.sum() == 0
