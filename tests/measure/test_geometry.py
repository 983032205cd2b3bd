"""The surface of true objects, of meshes with known geometry and of a triplane; matter of a field solid in a box."""

from dataclasses import replace

import pytest
import sphere
import torch
import trimesh
from torch import nn

from lrm_core.measure import geometry
from lrm_core.measure.geometry import matter_texels, points_in_matter, triplane_geometry, true_geometry
from lrm_core.measure.oracles import render_planes
from lrm_core.objects import RenderedObject
from lrm_core.objects.dataset import sample_poses
from lrm_core.objects.mesh import RADIUS
from lrm_core.objects.mesh_render import render_mesh
from lrm_core.render.cameras import pinhole_intrinsics

VIEWS, SIZE = [0, 3, 5], 64


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder that holds one mesh, a fine ball."""
    folder = tmp_path / "data"
    (folder / "objects" / "glb").mkdir(parents=True)
    trimesh.creation.icosphere(subdivisions=5).export(folder / "objects" / "glb" / "ball.glb")
    monkeypatch.setattr(geometry, "data_dir", lambda: folder)
    return folder


@pytest.fixture
def ball(data):
    """The ball rendered from six poses of its own."""
    poses = sample_poses(torch.Generator().manual_seed(3), 6)
    rgba = render_mesh(data / "objects" / "glb" / "ball.glb", poses, SIZE).rgba
    alpha = rgba[:, 3:]
    return RenderedObject("ball", rgba[:, :3] * alpha + 1 - alpha, alpha, poses, pinhole_intrinsics(SIZE))


def test_the_mesh_of_that_name_has_the_depth_and_the_visibility_of_a_ball(ball):
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


def test_an_object_of_another_name_is_unknown(ball):
    for name in ("chair", "procedural_", "procedural_new"):
        assert true_geometry(replace(ball, name=name), VIEWS) is None


def test_images_of_another_object_are_refused(ball):
    other = replace(ball, masks=ball.masks.roll(8, -1))
    with pytest.raises(ValueError, match=r"ball: expected stored images of the object .* alpha 0\.1"):
        true_geometry(other, VIEWS)
    longer = replace(ball, intrinsics=2 * ball.intrinsics)
    with pytest.raises(ValueError, match="ball: expected stored images"):
        true_geometry(longer, VIEWS)


def test_a_triplane_has_the_surface_that_it_was_made_of():
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


SIDE, SOLID = 16, (slice(3, 6), slice(8, 12), slice(2, 14))  # texels along x, y, z


class AllOrNothing(nn.Module):
    """Density 100 where the first feature of all three planes together exceeds 2.5, else next to nothing."""

    def __init__(self) -> None:
        super().__init__()
        first, last = nn.Linear(3, 1), nn.Linear(1, 4)
        for layer in (first, last):
            layer.requires_grad_(False)
        first.weight.fill_(1.0)
        first.bias.fill_(-2.5)
        last.weight.fill_(2000.0)
        last.bias.fill_(-100.0)
        self.net = nn.Sequential(first, nn.ReLU(), last)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.net(features)


class SolidBox:
    """What `matter` asks of a model: a decoder."""

    decoder = AllOrNothing()


@pytest.fixture
def solid():
    x, y, z = SOLID
    planes = torch.zeros(3, 1, SIDE, SIDE)  # [row, column]
    planes[0, 0, y, x] = 1
    planes[1, 0, z, x] = 1
    planes[2, 0, y, z] = 1
    return planes


def test_texels_are_the_shadows_of_the_box_with_a_margin(solid):
    expected = torch.zeros(3, SIDE, SIDE, dtype=torch.bool)
    x, y, z = (slice(s.start - 1, s.stop + 1) for s in SOLID)
    expected[0, y, x] = expected[1, z, x] = expected[2, y, z] = True
    assert torch.equal(matter_texels(SolidBox(), solid), expected)


def test_points_lie_in_the_box(solid):
    points = points_in_matter(SolidBox(), solid, 20_000, seed=0)
    texels = (points + 1) * SIDE / 2
    for axis, s in enumerate(SOLID):
        assert (texels[:, axis] > s.start).all()
        assert (texels[:, axis] < s.stop).all()
    assert 50 < len(points) < 20_000 * 3 * 4 * 12 / SIDE**3
    assert torch.equal(points, points_in_matter(SolidBox(), solid, 20_000, seed=0))
