import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from lrm_core.render.cameras import (
    canonical_source_camera,
    look_at,
    normalize_poses,
    orbit_poses,
    principal_camera,
    standard_camera,
)

PARITY = Path(__file__).parents[1] / "fixtures" / "parity"


@pytest.fixture(scope="module")
def vectors():
    return load_file(PARITY / "cameras.safetensors")


def test_parity_with_the_original(vectors):
    normal = normalize_poses(vectors["poses"])
    intrinsics = vectors["intrinsics"].expand(len(normal), 3, 2)
    for found, expected in (
        (normal, vectors["normalized_poses"]),
        (standard_camera(normal, intrinsics), vectors["camera_standard"]),
        (principal_camera(normal, intrinsics), vectors["camera_principle"]),
        (orbit_poses(8, radius=2.0, height=0.8), vectors["orbit_views_8"]),
    ):
        torch.testing.assert_close(found, expected, rtol=0, atol=5e-7)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.floats(-3, 3), min_size=6, max_size=6), st.floats(0.5, 3))
def test_normalisation_is_rigid_and_canonical(numbers, distance):
    positions = torch.tensor(numbers, dtype=torch.float64).view(2, 3) + torch.tensor([0.0, 4.0, 0.1])
    normal = normalize_poses(look_at(positions), distance)
    torch.testing.assert_close(normal[0, :, 3], torch.tensor([0, -distance, 0], dtype=torch.float64))
    between = (positions[0] - positions[1]).norm()
    torch.testing.assert_close((normal[0, :, 3] - normal[1, :, 3]).norm(), between)


def test_canonical_source_camera_is_the_documented_row():
    expected = [1, 0, 0, 0, 0, 0, -1, -2.5, 0, 1, 0, 0, 0.75, 0.75, 0.5, 0.5]
    assert canonical_source_camera(2.5).tolist() == [expected]


def test_look_at_looks_at_the_origin_with_z_up():
    pose = look_at(torch.tensor([1.0, 1.0, 1.0]))
    torch.testing.assert_close(-pose[:, 2], torch.full((3,), -1 / math.sqrt(3)))
    assert pose[2, 0].abs() < 1e-6
    assert pose[2, 1] > 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: normalize_poses(torch.zeros(4, 4)), r"expected shape \(views, 3, 4\), found \(4, 4\)"),
        (
            lambda: standard_camera(torch.zeros(2, 3, 4), torch.zeros(2, 2)),
            r"expected shape \(\.\.\., 3, 2\)",
        ),
        (lambda: orbit_poses(4, radius=1.0, height=2.0), "height 2.0 must be less than the radius 1.0"),
    ],
)
def test_wrong_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
