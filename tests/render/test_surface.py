"""The sparse lattice and its mesh against the dense lattice, and against spheres whose radius is known."""

import numpy as np
import pytest
import torch
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import marching_cubes

from lrm_core.model.lrm import Decoder
from lrm_core.render import query_points
from lrm_core.render.rays import BOX_MAX, BOX_MIN
from lrm_core.render.sparse_lattice import RIM, sparse_lattice
from lrm_core.render.surface import extract_surface, triangles


def sphere(radius, centre=(0.0, 0.0, 0.0)):
    """Positive inside."""
    middle = torch.tensor(centre)
    return lambda points: radius - (points - middle).norm(dim=-1)


def lumps(points):
    """A bent rod, two balls and a plate that leaves the box."""
    x, y, z = points.unbind(-1)
    rod = 0.1 - ((x - 0.3 * torch.sin(3 * z)).square() + y.square()).sqrt() - (z.abs() - 0.7).clamp(min=0)
    balls = torch.maximum(sphere(0.3, (0.5, 0.4, 0.0))(points), sphere(0.2, (-0.6, -0.5, 0.5))(points))
    plate = 0.1 - (z + 0.8).abs()
    return torch.stack([rod, balls, plate]).amax(0)


def _ref_mesh(field, resolution, level):
    """Marching cubes over every point of the lattice; vertices in world units."""
    axis = torch.linspace(BOX_MIN, BOX_MAX, resolution + 1)
    points = torch.cartesian_prod(axis, axis, axis)
    values = torch.cat([field(part) for part in points.split(100_000)])
    rim = (points.abs() > BOX_MAX - 1e-6).any(-1)
    values = torch.where(rim, values.clamp(max=level - RIM), values)
    volume = values.view((resolution + 1,) * 3).numpy()
    vertices, faces, _, _ = marching_cubes(volume, level, gradient_direction="ascent")
    return vertices * (2 / resolution) + BOX_MIN, faces


def _as_trimesh(vertices, faces):
    return trimesh.Trimesh(np.asarray(vertices), np.asarray(faces), process=False)


def _assert_same_mesh(found, expected):
    """The same triangles in the same order, with corners within 1e-3 world units."""
    (vertices, faces), (ref_vertices, ref_faces) = ([np.asarray(part) for part in mesh] for mesh in (found, expected))
    np.testing.assert_array_equal(faces, ref_faces)
    np.testing.assert_allclose(vertices, ref_vertices, rtol=0, atol=1e-3)


@pytest.mark.parametrize("resolution", [32, 48])
def test_mesh_is_that_of_the_dense_lattice(resolution):
    lattice = sparse_lattice(lumps, resolution, 0.0, detail=0.15)
    _assert_same_mesh(triangles(lattice), _ref_mesh(lumps, resolution, 0.0))
    assert lattice.evaluated < 0.6 * (resolution + 1) ** 3


@torch.no_grad()
def test_mesh_of_a_triplane_is_that_of_its_densities_everywhere(ball):
    planes, decoder = (part.float() for part in ball)
    planes = planes + 0.05 * torch.randn(planes.shape, generator=torch.Generator().manual_seed(1))

    def raw_density(points):
        density = query_points(planes[None], decoder, points[None]).density[0, :, 0]
        return density.expm1().log() + 1

    found = extract_surface(planes, decoder, 32, density=5.0)
    level = float(np.log(np.expm1(5.0)) + 1)
    _assert_same_mesh((found.vertices, found.faces), _ref_mesh(raw_density, 32, level))


@settings(max_examples=20, deadline=None)
@given(
    radius=st.floats(0.2, 0.7),
    centre=st.tuples(*[st.floats(-0.25, 0.25)] * 3),
    resolution=st.sampled_from([16, 24, 31]),
)
def test_sphere_has_its_radius_and_is_closed(radius, centre, resolution):
    lattice = sparse_lattice(sphere(radius, centre), resolution, 0.0, detail=0.3)
    vertices, faces = triangles(lattice)
    found = (vertices - torch.tensor(centre)).norm(dim=1)
    assert (found - radius).abs().max() < 2 / resolution
    mesh = _as_trimesh(vertices, faces)
    assert mesh.is_watertight
    assert 0.7 < mesh.volume / (4 / 3 * np.pi * radius**3) < 1.02  # and positive: faces turn outwards


def test_what_leaves_the_box_is_closed_at_its_faces():
    vertices, faces = triangles(sparse_lattice(lumps, 32, 0.0, detail=0.2))
    assert _as_trimesh(vertices, faces).is_watertight
    assert vertices.abs().max() <= 1
    assert vertices[:, 0].max() > 1 - 2 / 32


def test_a_surface_seen_once_is_followed_to_its_end():
    """Only one of the coarse cells notices the rod, which is thinner than they are."""

    def rod(points):
        x, y, z = points.unbind(-1)
        swelling = 0.3 - (points - torch.tensor([0.0, 0.0, -0.5])).norm(dim=-1)
        return torch.maximum(
            swelling, 0.04 - ((x - 0.06).square() + (y - 0.06).square()).sqrt() - (z - 0.8).clamp(min=0)
        )

    found = triangles(sparse_lattice(rod, 64, 0.0, detail=0.25))
    _assert_same_mesh(found, _ref_mesh(rod, 64, 0.0))


@torch.no_grad()
def test_vertex_colours_are_those_of_query_points(ball):
    planes, decoder = (part.float() for part in ball)
    surface = extract_surface(planes, decoder, 32)
    expected = query_points(planes[None], decoder, surface.vertices[None]).rgb[0].clamp(0, 1)
    torch.testing.assert_close(surface.colours, expected)
    assert surface.colours.std(0).min() > 1e-4


def test_an_empty_field_has_no_surface(ball):
    planes, decoder = (part.float() for part in ball)
    with pytest.raises(ValueError, match="no surface: the density stays below 100 on a lattice of 16 cells"):
        extract_surface(planes, decoder, 16, density=100.0)


def test_bad_input_is_named():
    decoder = Decoder(4)
    with pytest.raises(ValueError, match=r"expected shape \(3, C, R, R\), found \(1, 3, 4, 8, 8\)"):
        extract_surface(torch.zeros(1, 3, 4, 8, 8), decoder)
    with pytest.raises(ValueError, match="NaN or infinite"):
        extract_surface(torch.full((3, 4, 8, 8), torch.nan), decoder)
    with pytest.raises(ValueError, match="resolution: expected at least 2 cells"):
        extract_surface(torch.zeros(3, 4, 8, 8), decoder, resolution=1)
