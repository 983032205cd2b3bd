import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import grid_sample

from lrm_core.model.lrm import Decoder, activate
from lrm_core.render.field import Field, Lattice, query_points
from lrm_core.render.lookup import lookup, padded


def _ref_lookup(planes, points):
    """planes (3, R, R, H) channels last; grid_sample with zeros outside, summed over the planes."""
    x, y, z = points.unbind(-1)
    grids = torch.stack([torch.stack(pair, -1) for pair in ((x, y), (x, z), (z, y))])
    values = grid_sample(planes.movedim(-1, 1), grids[:, None], align_corners=False)
    return values[:, :, 0].sum(0).T


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**31), st.integers(2, 9), st.integers(1, 40))
def test_values_and_gradients_equal_grid_sample(seed, side, count):
    generator = torch.Generator().manual_seed(seed)
    planes = torch.randn(3, side, side, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    points = 2.6 * torch.rand(count, 3, generator=generator, dtype=torch.float64) - 1.3
    found, expected = lookup(padded(planes), points), _ref_lookup(planes, points)
    torch.testing.assert_close(found, expected)
    weight = torch.randn(found.shape, generator=generator, dtype=torch.float64)
    for result in zip(*(torch.autograd.grad((v * weight).sum(), planes) for v in (found, expected)), strict=True):
        torch.testing.assert_close(*result)


@torch.no_grad()
def test_the_points_are_left_as_they_are():
    for count in (1, 5):
        points = torch.rand(3, count).T  # the layout that needs no copy
        before = points.clone()
        lookup(padded(torch.rand(3, 4, 4, 2)), points)
        assert torch.equal(points, before)


def test_folding_the_first_layer_is_exact():
    torch.manual_seed(0)
    planes, decoder = torch.randn(3, 6, 8, 8, dtype=torch.float64), Decoder(6).double()
    points = 2 * torch.rand(50, 3, dtype=torch.float64) - 1
    plain = query_points(planes[None], decoder, points[None])
    colour, density = activate(Field(planes, decoder).raw(points))
    torch.testing.assert_close(colour, plain.rgb[0])
    torch.testing.assert_close(density, plain.density[0])


def test_lattices_are_the_field_at_texel_centres_and_corners():
    torch.manual_seed(0)
    field = Field(torch.randn(3, 6, 8, 8, dtype=torch.float64), Decoder(6).double())
    for lattice, axis in (
        (Lattice.of_centres(field), (2 * torch.arange(8) + 1) / 8 - 1),
        (Lattice.of_corners(field), torch.arange(9) / 4 - 1),
        (Lattice.of_corners(field).every(2, first=1), torch.arange(1, 9, 2) / 4 - 1),
    ):
        z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
        expected = field.raw(torch.stack([x, y, z], -1).view(-1, 3).double())[:, 0]
        torch.testing.assert_close(lattice.density().flatten(), expected)
        some = torch.randperm(len(expected))[:50]
        torch.testing.assert_close(lattice.density_at(some), expected[some])
