"""The surface of true objects found by name, of meshes with known geometry, and of a triplane."""

from dataclasses import replace
from pathlib import Path

import pytest
import sphere
import torch
import trimesh

from lrm_core.measure import geometry
from lrm_core.measure.geometry import triplane_geometry, true_geometry
from lrm_core.measure.oracles import render_planes
from lrm_core.objects import RenderedObject
from lrm_core.objects.mesh import RADIUS
from lrm_core.objects.mesh_render import render_mesh
from lrm_core.objects.poses import sample_poses
from lrm_core.render.cameras import pinhole_intrinsics

VIEWS, SIZE = [0, 3, 5], 64


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder that holds one mesh, a fine ball."""
    folder = tmp_path / "data"
    (folder / "objects" / "glb").mkdir(parents=True)
    trimesh.creation.icosphere(subdivisions=5).export(folder / "objects" / "glb" / "ball.glb")
    monkeypatch.setattr(geometry, "data_dir", lambda: folder)
    return folder


@pytest.fixture
def ball(data: Path) -> RenderedObject:
    """The ball rendered from six poses of its own."""
    poses = sample_poses(torch.Generator().manual_seed(3), 6)
    rgba = render_mesh(data / "objects" / "glb" / "ball.glb", poses, SIZE).rgba
    alpha = rgba[:, 3:]
    return RenderedObject("ball", rgba[:, :3] * alpha + 1 - alpha, alpha, poses, pinhole_intrinsics(SIZE))


def test_the_mesh_of_that_name_has_the_depth_and_the_visibility_of_a_ball(ball: RenderedObject) -> None:
    found = true_geometry(ball, VIEWS)
    assert found.true
    torch.testing.assert_close(found.cameras, ball.cameras()[VIEWS])
    shown = ball.masks[VIEWS, 0] == 1
    points = found.points()[shown]
    torch.testing.assert_close(points.norm(dim=-1), torch.full((len(points),), RADIUS), atol=0.02, rtol=0)
    eye = found.cameras[0, 3:12:4]
    beyond = (points @ eye) / eye.norm() - RADIUS**2 / eye.norm()
    clear = beyond.abs() > 0.05
    assert torch.equal(found.visible[shown][clear], beyond[clear] > 0)
    assert not found.depth[~(ball.masks[VIEWS, 0] > 0)].isfinite().any()
    by_buffer = ~found.hidden_from(0, points, 0.05)
    clear = beyond.abs() > 0.3  # at the rim a pixel is as deep as this
    assert torch.equal(by_buffer[clear], beyond[clear] > 0)


def test_an_object_of_another_name_is_unknown(ball: RenderedObject) -> None:
    for name in ("chair", "procedural_", "procedural_new"):
        assert true_geometry(replace(ball, name=name), VIEWS) is None


def test_images_of_another_object_are_refused(ball: RenderedObject) -> None:
    other = replace(ball, masks=ball.masks.roll(8, -1))
    with pytest.raises(ValueError, match=r"ball: expected stored images of the object .* alpha 0\.1"):
        true_geometry(other, VIEWS)
    longer = replace(ball, intrinsics=2 * ball.intrinsics)
    with pytest.raises(ValueError, match="ball: expected stored images"):
        true_geometry(longer, VIEWS)


def test_procedural_objects_are_made_from_their_number(ball, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def render(number, poses, size):
        asked.append((number, len(poses), size))
        return (
            torch.cat([ball.images, ball.masks], dim=1)[VIEWS],
            ball.masks[VIEWS] + 1,
            ball.masks[VIEWS] > 0.5,
        )

    monkeypatch.setattr(geometry, "render_object", render)
    found = true_geometry(replace(ball, name="procedural_10000007"), VIEWS)
    assert asked == [(10_000_007, 3, SIZE)]
    torch.testing.assert_close(found.depth, ball.masks[VIEWS, 0] + 1)
    assert torch.equal(found.visible, ball.masks[VIEWS, 0] > 0.5)


def test_a_triplane_has_the_surface_that_it_was_made_of() -> None:
    views = sphere.cameras(6)
    seen = render_planes(sphere.model(), sphere.planes(0.0), views, sphere.SIZE)
    found, exact = triplane_geometry(views, seen, 0.05), sphere.geometry(views)
    assert not found.true
    both = found.depth.isfinite() & exact.depth.isfinite()
    assert both.sum() > 0.97 * exact.depth.isfinite().sum()
    assert (found.depth - exact.depth)[both].abs().max() < 0.12
    assert (found.visible == exact.visible)[both].float().mean() > 0.92
    assert not found.visible[~found.depth.isfinite()].any()
    assert found.visible[0][both[0]].all()
