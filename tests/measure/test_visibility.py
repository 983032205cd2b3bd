"""Lines of sight, normals and split errors, on a sphere and on known error fields."""

from math import cos, radians, sqrt

import pytest
import sphere
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lrm_core.measure.e04_visibility import ANGLE_BINS, FEWEST, angle_curve, shuffled_ratio, split_errors
from lrm_core.measure.geometry import depth_normals, facing, hidden_by_depth, unproject
from lrm_core.render.cameras import look_at, standard_camera

EYE = torch.tensor([0.0, -sphere.DISTANCE, 0.0])
FINE = 256  # pixels


def on_sphere(count: int, seed: int = 0) -> torch.Tensor:
    points = torch.randn(count, 3, generator=torch.Generator().manual_seed(seed))
    return sphere.RADIUS * torch.nn.functional.normalize(points, dim=1)


def camera(eye: torch.Tensor) -> torch.Tensor:
    intrinsics = torch.tensor([[0.75, 0.75], [0.5, 0.5], [1.0, 1.0]])
    return standard_camera(look_at(eye[None]), intrinsics[None])


def test_pixels_are_points_of_the_sphere_and_nothing_where_it_is_missed():
    views = sphere.cameras(4)
    depth = sphere.depth_maps(views)
    points = unproject(views, depth)
    assert points.shape == (4, sphere.SIZE, sphere.SIZE, 3)
    torch.testing.assert_close(points.isfinite().all(-1), depth.isfinite())
    radius = points[depth.isfinite()].norm(dim=-1)
    torch.testing.assert_close(radius, torch.full_like(radius, sphere.RADIUS))
    assert sphere.in_sight(points[0][depth[0].isfinite()], EYE).all()


@settings(max_examples=20, deadline=None)
@given(azimuth=st.floats(0, 6.28), height=st.floats(-0.9, 0.9))
def test_a_camera_sees_the_cap_before_the_tangent_cone(azimuth, height):
    level = sqrt(1 - height**2)
    a = torch.tensor(azimuth)
    eye = sphere.DISTANCE * torch.tensor([level * a.sin(), -level * a.cos(), height])
    view, points = camera(eye), on_sphere(2000)
    hidden = hidden_by_depth(points, view[0], sphere.depth_maps(view, FINE)[0], 0.05)
    beyond = points @ eye / sphere.DISTANCE - sphere.RADIUS**2 / sphere.DISTANCE  # past the rim, in world units
    clear = beyond.abs() > 0.12  # at the rim a pixel is as deep as this
    assert torch.equal(~hidden[clear], sphere.in_sight(points, eye)[clear])
    share = (1 - sphere.RADIUS / sphere.DISTANCE) / 2  # of the sphere's surface that a camera sees
    assert float((~hidden).float().mean()) == pytest.approx(share, abs=0.06)


def test_what_lies_beyond_the_tolerance_outside_of_the_image_or_behind_the_camera_is_hidden():
    view = camera(EYE)
    behind = torch.tensor([[0.0, -sphere.RADIUS + d, 0.0] for d in (-0.2, 0.0, 0.04, 0.06, 0.9)])
    hidden = hidden_by_depth(behind, view[0], sphere.depth_maps(view, FINE)[0], 0.05)
    assert hidden.tolist() == [False, False, False, True, True]
    points = torch.tensor([[0.0, 0, 0], [0, -3.0, 0], [1.4, 0, 0], [0, 0, 1.4], [1.2, 0, -1.2], [0, 50.0, 0]])
    hidden = hidden_by_depth(points, view[0], torch.full((8, 8), torch.inf), 0.0)
    assert hidden.tolist() == [False, True, True, True, False, False]


def test_normals_of_a_sphere_are_radial():
    views = sphere.cameras(3)
    depth = sphere.depth_maps(views, FINE)
    normals, points = depth_normals(views, depth), unproject(views, depth)
    known = normals.isfinite().all(-1)
    assert not known[:, 0].any()
    assert not known[~depth.isfinite()].any()
    assert known.sum() > 0.9 * depth.isfinite().sum()
    exact = points[known] / sphere.RADIUS
    assert (normals[known] - exact).norm(dim=-1).max() < 0.2
    assert (normals[known] - exact).norm(dim=-1).mean() < 0.01
    torch.testing.assert_close(normals[known].norm(dim=-1), torch.ones(int(known.sum())))


def test_there_is_no_normal_where_the_depth_jumps_and_no_cosine_without_one():
    depth = torch.full((1, 64, 64), 2.0)
    depth[:, :, 32:] = 3.0
    known = depth_normals(camera(EYE), depth)[0, 1:-1].isfinite().all(-1)
    assert (~known).all(0).nonzero().flatten().tolist() == [0, 31, 32, 63]
    assert known[:, 1:31].all()
    assert known[:, 33:63].all()
    normals = torch.tensor([[0, -1.0, 0], [0, -0.5, sqrt(0.75)], [torch.nan] * 3])
    torch.testing.assert_close(
        facing(torch.zeros(3, 3), normals, EYE), torch.tensor([1.0, 0.5, torch.nan]), equal_nan=True
    )


@pytest.mark.parametrize(
    ("errors", "labels", "absent"),
    [
        ([1.0] * 3, [True] * 3, {"visible", "ratio", "excess"}),
        ([1.0] * 3, [False] * 3, {"hidden", "ratio", "excess"}),
        ([], [], {"visible", "hidden", "ratio", "hidden_share", "excess"}),
        ([0.0, 1.0], [False, True], {"ratio", "excess"}),
    ],
)
def test_without_one_of_the_groups_or_a_visible_error_nothing_is_compared(errors, labels, absent):
    error, hidden = torch.tensor(errors), torch.tensor(labels, dtype=torch.bool)
    assert {name for name, value in split_errors(error, hidden).items() if value is None} == absent
    assert shuffled_ratio(error, hidden, 3, torch.Generator().manual_seed(0))["mean"] is None


errors = st.lists(st.floats(0.01, 1), min_size=4, max_size=40)


@settings(max_examples=50, deadline=None)
@given(values=errors, seed=st.integers(0, 1000), scale=st.floats(0.1, 10))
def test_properties_of_the_split(values, seed, scale):
    error = torch.tensor(values, dtype=torch.float64)
    hidden = torch.rand(len(error), generator=torch.Generator().manual_seed(seed)) < 0.5
    hidden[:2] = torch.tensor([True, False])
    found, swapped = split_errors(error, hidden), split_errors(error, ~hidden)
    share, ratio = found["hidden_share"], found["ratio"]
    assert share * found["hidden"] + (1 - share) * found["visible"] == pytest.approx(float(error.mean()))
    assert ratio * swapped["ratio"] == pytest.approx(1)
    assert split_errors(scale * error, hidden)["ratio"] == pytest.approx(ratio)
    assert found["excess"] == pytest.approx(share * (ratio - 1) / (1 + share * (ratio - 1)))


def test_shuffled_labels_split_nothing():
    error = torch.rand(4000, generator=torch.Generator().manual_seed(1))
    hidden = error > 0.5
    assert split_errors(error, hidden)["ratio"] == pytest.approx(3, rel=0.05)
    found = shuffled_ratio(error, hidden, 50, torch.Generator().manual_seed(0))
    # the mean of n values of variance 1/12 about 1/2 has a relative error of 1 / sqrt(3 n)
    assert found["mean"] == pytest.approx(1, abs=0.01)
    assert found["std"] == pytest.approx(sqrt(2) / sqrt(3 * 2000), rel=0.3)
    again = shuffled_ratio(error, hidden, 50, torch.Generator().manual_seed(0))
    assert again == found


def test_an_error_that_follows_the_angle_gives_its_curve():
    angle = torch.linspace(0.5, 179.5, 1800, dtype=torch.float64)
    found = angle_curve(angle / 180, torch.deg2rad(angle).cos())
    centres = [(k + 0.5) * 180 / ANGLE_BINS for k in range(ANGLE_BINS)]
    assert found["angle"] == pytest.approx(centres)
    assert found["error"] == pytest.approx([c / 180 for c in centres], abs=2e-3)
    assert found["relative"] == pytest.approx([c / 90 for c in centres], abs=5e-3)
    assert sum(found["share"]) == pytest.approx(1)


def test_unknown_angles_are_left_out_and_thin_bins_have_no_mean():
    cosine = torch.tensor([cos(radians(10))] * FEWEST + [-1.0] * (FEWEST - 1) + [torch.nan] * 50)
    error = torch.tensor([0.2] * FEWEST + [0.4] * (FEWEST - 1) + [9.0] * 50)
    found = angle_curve(error, cosine)
    assert found["error"][0] == pytest.approx(0.2)
    assert found["error"][1:] == [None] * (ANGLE_BINS - 1)
    assert found["share"][-1] == pytest.approx((FEWEST - 1) / (2 * FEWEST - 1))
    nothing = angle_curve(error[:0], cosine[:0])
    assert nothing["relative"] == [None] * ANGLE_BINS
    assert nothing["share"] == [0.0] * ANGLE_BINS
