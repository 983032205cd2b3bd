import pytest
import torch

from lrm_core.render.field import Field
from lrm_core.render.occupancy import LOST_DENSITY, RAW_EMPTY, RAW_FAINT, RAW_LOST, Occupancy, skimmed_along
from lrm_core.render.rays import RaySegments


@pytest.mark.parametrize(("gradients", "threshold"), [(True, RAW_EMPTY), (False, RAW_FAINT)])
def test_nothing_dense_is_skipped_and_empty_space_is(ball, gradients, threshold):
    planes, decoder = ball
    field = Field(planes, decoder)
    with torch.set_grad_enabled(gradients):
        occupancy = Occupancy.of(field)
    points = 2 * torch.rand(20_000, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1
    still = RaySegments(points, torch.zeros_like(points), *points.new_zeros(3, len(points)))
    skimmed = skimmed_along(occupancy.skimmed, still.origins, still.directions, torch.zeros(len(points), 1))[:, 0]
    dense = field.raw(points)[:, 0] > threshold
    assert skimmed[dense].isposinf().all()
    assert dense.double().mean() < occupancy.skimmed.isposinf().double().mean() < 0.5
    outside = (points.abs() > occupancy.box[1].max()).any(-1)
    assert not skimmed[outside].isposinf().any()


def test_a_rough_field_is_never_skipped(vectors, rough_decoder):
    for planes in vectors["planes"]:
        assert Occupancy.of(Field(planes, rough_decoder)) is None


def test_bounding_box_follows_x_y_z():
    skimmed = torch.zeros(8, 8, 8)
    skimmed[1, 2, 3] = skimmed[1, 4, 7] = torch.inf  # (z, y, x)
    assert Occupancy(skimmed, skimmed).box.tolist() == [[-0.25, -0.5, -0.75], [1.0, 0.25, -0.5]]


def test_exploring_adds_about_its_share_of_blocks_where_there_is_a_gradient():
    empty = torch.full((30, 30, 30), -9.0)
    worthwhile = torch.where(torch.arange(30) < 15, torch.inf, -torch.inf).expand(30, 30, 30)
    occupancy = Occupancy(empty, worthwhile)
    explored = torch.stack(
        [occupancy.explored(0.25, torch.Generator().manual_seed(seed)).skimmed.isposinf() for seed in range(20)]
    )
    assert 0.2 < explored[..., :15].float().mean() < 0.3
    assert not explored[..., 17:].any()  # two cells reach as far as neighbouring samples
    assert not occupancy.explored(0.0, torch.Generator()).skimmed.isposinf().any()


def test_space_is_explored_unless_its_gradient_is_lost(ball):
    planes, decoder = ball
    occupancy = Occupancy.of(Field(planes, decoder))
    assert occupancy.explorable[8, 8, 8] == torch.inf
    assert occupancy.explorable[3, 3, 3] == -torch.inf
    density = torch.nn.functional.softplus(torch.tensor(RAW_LOST).double() - 1).item()
    assert density == pytest.approx(LOST_DENSITY, rel=1e-6)


def test_coarse_cells_find_what_all_corners_find(ball, monkeypatch):
    planes, decoder = ball
    field = Field(planes, decoder)
    found = Occupancy.of(field)
    monkeypatch.setattr("lrm_core.render.occupancy.COARSE_MARGIN", 1e9)  # every cell is refined
    full = Occupancy.of(field)
    assert not (full.skimmed.isposinf() & ~found.skimmed.isposinf()).any()
    near = full.skimmed > RAW_EMPTY - 5
    torch.testing.assert_close(found.skimmed[near], full.skimmed[near])
