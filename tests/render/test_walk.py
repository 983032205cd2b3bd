"""The march without autograd against the same samples with it: values, gradients, and gradients of gradients."""

import pytest
import torch

from lrm_core.model.lrm import Decoder
from lrm_core.render import render_views, walk
from lrm_core.render.cameras import orbit_poses, standard_camera
from lrm_core.render.field import TILE, Field, affine, filled_up, pulled
from lrm_core.render.occupancy import Occupancy
from lrm_core.render.rays import RaySegments, camera_rays
from lrm_core.render.volume import _looked_at, _march, draws

INTRINSICS = torch.tensor([[[0.75, 0.75], [0.5, 0.5], [1.0, 1.0]]])


@pytest.mark.parametrize("rows", [1, 300, TILE])
def test_layers_equal_their_plain_twins(rows):
    torch.manual_seed(0)
    layer, x = (torch.randn(4, 64), torch.randn(4)), torch.randn(64, rows)
    x = filled_up(x, x).T.contiguous()
    expected = x.double() @ layer[0].T.double() + layer[1].double()
    torch.testing.assert_close(affine(x, layer, relu=False).double(), expected, rtol=0, atol=1e-4)
    torch.testing.assert_close(affine(x, layer, relu=True).double(), expected.relu(), rtol=0, atol=1e-4)
    back = pulled(expected.float(), layer).double()
    torch.testing.assert_close(back, expected @ layer[0].double(), rtol=0, atol=1e-3)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("count", [0, 40, TILE + 40])
def test_a_field_without_autograd_equals_one_with_it(dtype, tolerance, count):
    torch.manual_seed(0)
    field = Field(torch.randn(3, 6, 8, 8, dtype=dtype, requires_grad=True), Decoder(6).to(dtype))
    points, grad = 2 * torch.rand(count, 3, dtype=dtype) - 1, torch.randn(count, 4, dtype=dtype)
    expected = field.raw(points)
    with torch.no_grad():
        torch.testing.assert_close(field.raw(points), expected, rtol=0, atol=10 * tolerance)
    wanted = torch.autograd.grad(expected, field.parameters, grad)
    for found, value in zip(field.pulled(points.T, grad, trained=True), wanted, strict=True):
        assert (found - value).norm() <= tolerance * value.norm()
    table, *others = field.pulled(points.T, grad, trained=False)
    assert (table - wanted[0]).norm() <= tolerance * wanted[0].norm()
    assert others == 7 * [None]


def marched(ball, skip, jitter=None):
    """What `_march` sees of a ball, and its plain twin on the same samples."""
    planes, decoder = ball
    planes.requires_grad_()
    field = Field(planes, decoder)
    camera = standard_camera(orbit_poses(3)[1:2].double(), INTRINSICS.double())
    rays = RaySegments.through_box(*(part[0] for part in camera_rays(camera, 14)))
    occupancy = Occupancy.of(field) if skip else None
    drawn = draws(rays.end.shape, 12, jitter, rays.origins)
    index, *start, quantiles = _looked_at(occupancy, rays, torch.arange(len(rays)), *drawn)
    kept, whole = [], walk.walk
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walk, "walk", lambda *call: kept.append(whole(*call)) or kept[-1])
        seen = _march(field, occupancy, rays[index], *start, quantiles.sort(1).values if jitter else 12)
    return seen, walk.replayed(field, kept[0]), [planes, *decoder.parameters()]


@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("jitter", [None, 0])
def test_values_and_gradients_equal_those_of_autograd(ball, skip, jitter):
    generator = None if jitter is None else torch.Generator().manual_seed(jitter)
    seen, expected, parameters = marched(ball, skip, generator)
    for found, value in zip(seen, expected, strict=True):
        torch.testing.assert_close(found, value, equal_nan=True)
    clear = (seen[2] > 1e-3).double()  # the depth of what is hardly there is not defined

    def pulled_back(parts, of):
        loss = sum((parts[k].nan_to_num().movedim(0, -1) * clear).sin().sum() for k in of)
        return torch.autograd.grad(loss, parameters, retain_graph=True)

    for of in ((0,), (1,), (2,), (0, 1, 2)):
        for found, value in zip(pulled_back(seen, of), pulled_back(expected, of), strict=True):
            assert (found - value).norm() <= 1e-7 * value.norm()


def test_the_gradient_can_be_differentiated(ball):
    planes, decoder = ball
    decoder.requires_grad_(False)
    camera = standard_camera(orbit_poses(3)[1:2].double(), INTRINSICS.double())[None]
    planes.requires_grad_()
    seen = render_views(planes[None], decoder, camera, 10, samples_per_ray=16).rgb
    dual = torch.ones_like(seen, requires_grad=True)
    (plain,) = torch.autograd.grad(seen, planes, dual, retain_graph=True)
    (linear,) = torch.autograd.grad(seen, planes, dual, create_graph=True)
    torch.testing.assert_close(linear, plain, rtol=1e-6, atol=1e-9)
    direction = torch.randn_like(planes)
    (forward,) = torch.autograd.grad(linear, dual, direction)
    torch.testing.assert_close((forward * dual).sum(), (plain * direction).sum())


def test_a_gradient_that_is_not_a_number_is_not_lost(ball):
    planes, decoder = ball
    planes.requires_grad_()
    camera = standard_camera(orbit_poses(3)[1:2].double(), INTRINSICS.double())[None]
    rgb = render_views(planes[None], decoder, camera, 10, samples_per_ray=16).rgb
    assert torch.autograd.grad((rgb * torch.nan).sum(), planes)[0].isnan().any()
