"""The fast path against the plain dense one, the original's numbers, and the properties of a picture."""

import copy

import pytest
import torch
from reference import _ref_render_rays

from lrm_core.render import query_points, render_rays, render_views
from lrm_core.render.cameras import orbit_poses, standard_camera
from lrm_core.render.rays import box_span, camera_rays
from lrm_core.render.volume import CHECKPOINT_RAYS, CHUNK_RAYS


def cameras(count, dtype=torch.float32):
    intrinsics = torch.tensor([[[0.75, 0.75], [0.5, 0.5], [1.0, 1.0]]], dtype=dtype)
    return standard_camera(orbit_poses(count + 1)[:count].to(dtype), intrinsics)


@pytest.mark.parametrize("skip_empty", [True, False])
def test_parity_with_the_original(vectors, rough_decoder, skip_empty):
    planes = vectors["planes"].clone().requires_grad_()
    rendering = render_views(
        planes,
        rough_decoder,
        vectors["cameras"],
        24,
        anchors=vectors["anchors"],
        region_size=16,
        background=vectors["bg_colors"],
        samples_per_ray=32,
        skip_empty=skip_empty,
    )
    seen = vectors["images_weight"] > 1e-3
    for found, expected in (
        (rendering.rgb, vectors["images_rgb"]),
        (rendering.weight, vectors["images_weight"]),
        (rendering.depth[seen], vectors["images_depth"][seen]),
    ):
        error = (found - expected).abs()
        assert (error <= 1e-4).float().mean() >= 0.98
        assert error.max() <= 5e-3
    target = torch.linspace(0, 1, rendering.rgb.numel()).view_as(rendering.rgb)
    (gradient,) = torch.autograd.grad((rendering.rgb - target).square().mean(), planes)
    assert (gradient - vectors["planes_grad"]).norm() < 1e-2 * vectors["planes_grad"].norm()


def test_points_and_grid_of_the_original(vectors, rough_decoder):
    axis = torch.linspace(-1, 1, 12)
    grid = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1).view(1, -1, 3).expand(2, -1, -1)
    for points, rgb, density in (
        (vectors["points"], vectors["points_rgb"], vectors["points_sigma"]),
        (grid, vectors["grid_rgb"].view(2, -1, 3), vectors["grid_sigma"].view(2, -1, 1)),
    ):
        found = query_points(vectors["planes"], rough_decoder, points)
        for value, expected in ((found.rgb, rgb), (found.density, density)):
            assert (value - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize("skip_empty", [True, False])
def test_values_and_gradients_equal_the_dense_path(ball, skip_empty):
    planes, decoder = ball
    planes.requires_grad_()
    view = cameras(1, torch.float64)
    rendering = render_views(planes[None], decoder, view[None], 20, samples_per_ray=24, skip_empty=skip_empty)
    rays = camera_rays(view[0], 20)
    rgb, depth, weight = _ref_render_rays(planes, decoder, *rays, 24)
    found = (part[0, 0].flatten(1).T for part in (rendering.rgb, rendering.depth, rendering.weight))
    tolerance = 1e-3 if skip_empty else 1e-10
    seen = weight > 0.05
    for value, expected in zip(found, (rgb, depth[:, None], weight[:, None]), strict=True):
        torch.testing.assert_close(value[seen], expected[seen], rtol=0, atol=tolerance)
        assert seen.sum() > 40
    parameters = [planes, *decoder.parameters()]
    ours = torch.autograd.grad(rendering.rgb.sin().sum(), parameters)
    theirs = torch.autograd.grad(rgb.sin().sum(), parameters)
    for value, expected in zip(ours, theirs, strict=True):
        assert (value - expected).norm() <= tolerance * expected.norm()


@torch.no_grad()
@pytest.mark.parametrize("skip_empty", [True, False])
def test_rays_beside_the_object_and_beside_the_box_have_the_depth_of_the_spec(ball, skip_empty):
    """Where nothing absorbs it is the largest depth of the call, which is none of a ray that misses the box."""
    planes, decoder = ball
    camera = cameras(1, torch.float64)
    camera[..., 3:12:4] *= 1.6  # so far that the box does not fill the picture
    rays = camera_rays(camera[0], 24)
    near, far, hit = (part.flatten() for part in box_span(*rays))
    far = torch.where(hit, far, near[hit].max())
    near = torch.where(hit, near, near[hit].min())
    largest = (near + 11.5 * (far - near) / 11).max()  # of 12 coarse samples, each moved by half of a step
    weight = _ref_render_rays(planes, decoder, *rays, 24)[2]
    found = render_views(planes[None], decoder, camera[None], 24, samples_per_ray=24, skip_empty=skip_empty)
    empty = weight == 0
    assert 0 < (~hit).sum() < empty.sum() < len(empty)
    depth = found.depth[0, 0].flatten()[empty]
    torch.testing.assert_close(depth, largest.expand_as(depth))


@torch.no_grad()
@pytest.mark.parametrize("distance", [2.0, 20.0, 200.0])
def test_far_cameras_keep_to_the_cells(ball, distance):
    """Rounding grows with the distance: the cell of a sample at the far side of the box is one of the box."""
    planes, decoder = (part.float() for part in ball)
    directions = torch.nn.functional.normalize(torch.randn(4000, 3), dim=-1)
    ends = torch.stack([directions.sign(), 2 * torch.rand(4000, 3) - 1])
    target = ends[1].scatter(1, directions.abs().argmax(1, keepdim=True), 1.0) * 0.999
    origins = target - distance * directions
    rendering = render_rays(planes[None], decoder, origins[None], directions[None], samples_per_ray=48)
    dense = render_rays(planes[None], decoder, origins[None], directions[None], samples_per_ray=48, skip_empty=False)
    torch.testing.assert_close(rendering.rgb, dense.rgb, rtol=0, atol=5e-3)


@torch.no_grad()
def test_a_picture_without_gradients_is_within_60_db_of_the_dense_path(ball):
    planes, decoder = ball
    view = cameras(1, torch.float64)
    found = render_views(planes[None], decoder, view[None], 40, samples_per_ray=48).rgb[0, 0].flatten(1).T
    expected, _, _ = _ref_render_rays(planes, decoder, *camera_rays(view[0], 40), 48)
    assert (found - expected).square().mean() < 1e-6


def test_an_empty_field_is_background_everywhere(ball):
    planes, decoder = ball
    empty = copy.deepcopy(decoder)
    torch.nn.init.constant_(empty.net[6].bias, -60.0)
    rendering = render_views(planes[None], empty, cameras(2, torch.float64)[None], 8, background=0.3)
    assert rendering.weight.max() == 0
    torch.testing.assert_close(rendering.rgb, torch.full_like(rendering.rgb, 0.3))
    assert torch.isfinite(rendering.depth).all()


def test_a_crop_is_a_part_of_the_picture(ball):
    planes, decoder = ball
    view = cameras(1, torch.float64)[None]
    whole = render_views(planes[None], decoder, view, 16, samples_per_ray=16).rgb
    anchors = torch.tensor([[[3.0, 5.0]]], dtype=torch.float64)
    crop = render_views(planes[None], decoder, view, 16, anchors=anchors, region_size=6, samples_per_ray=16).rgb
    torch.testing.assert_close(crop, whole[..., 3:9, 5:11])


def test_chunks_and_recomputation_change_nothing(ball, monkeypatch):
    planes, decoder = ball
    planes.requires_grad_()
    view = cameras(1, torch.float64)[None]

    def picture_and_gradient():
        rgb = render_views(planes[None], decoder, view, 24, samples_per_ray=16).rgb
        return rgb.detach(), torch.autograd.grad(rgb.square().sum(), planes)[0]

    assert CHUNK_RAYS > 24**2
    assert CHECKPOINT_RAYS > 24**2
    whole = picture_and_gradient()
    monkeypatch.setattr("lrm_core.render.volume.CHUNK_RAYS", 50)
    monkeypatch.setattr("lrm_core.render.volume.CHECKPOINT_RAYS", 100)
    for value, expected in zip(picture_and_gradient(), whole, strict=True):
        torch.testing.assert_close(value, expected)


def test_jitter_follows_its_generator(ball):
    planes, decoder = ball
    view = cameras(1, torch.float64)[None]

    def render(seed):
        generator = torch.Generator().manual_seed(seed)
        return render_views(planes[None], decoder, view, 12, samples_per_ray=16, jitter=generator).rgb

    steady = render_views(planes[None], decoder, view, 12, samples_per_ray=16).rgb
    assert torch.equal(render(0), render(0))
    assert not torch.equal(render(0), render(1))
    assert (render(0) - steady).abs().mean() < 0.05


def test_each_object_is_rendered_with_its_own_planes(ball):
    planes, decoder = ball
    both = torch.stack([planes, planes.flip(-1)])
    view = cameras(1, torch.float64).expand(2, 1, -1)
    together = render_views(both, decoder, view, 10, samples_per_ray=16)
    for n in range(2):
        alone = render_views(both[n : n + 1], decoder, view[:1], 10, samples_per_ray=16)
        torch.testing.assert_close(together.rgb[n], alone.rgb[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda a: a["planes"].__setitem__((0, 0, 0, 0, 0), torch.nan),
            "1 of 3072 values are NaN or infinite",
        ),
        (
            lambda a: a.update(planes=a["planes"][0]),
            r"planes: expected shape \(N, 3, C, R, R\), found \(3, 4,",
        ),
        (lambda a: a.update(planes=a["planes"][:, :, :3]), "reads 12 features, but planes .* give 9"),
        (lambda a: a.update(directions=a["directions"][:, :5]), r"shape \(1, rays, 3\), found \(1, 9, 3\)"),
        (lambda a: a.update(samples_per_ray=7), "even number of at least 8, found 7"),
    ],
)
def test_wrong_input_is_named(ball, change, message):
    planes, decoder = ball
    rays = camera_rays(cameras(1, torch.float64), 3)
    arguments = {"planes": planes[None].clone(), "origins": rays.origins, "directions": rays.directions}
    change(arguments)
    with pytest.raises(ValueError, match=message):
        render_rays(decoder=decoder, **arguments)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"background": torch.tensor(1.0)}, r"background: expected shape \(2, 4, 1 or 3\), found \(\)"),
        ({"background": torch.ones(1, 2, 3)}, r"background: expected .* found \(1, 2, 3\)"),
        ({"anchors": torch.zeros(1, 2)}, r"anchors: expected shape \(2, 4, 2\), found \(1, 2\)"),
        ({"anchors": torch.zeros(2, 4, 3)}, r"anchors: expected .* found \(2, 4, 3\)"),
    ],
)
def test_what_each_view_needs_is_checked(ball, argument, message):
    planes, decoder = ball
    views = cameras(4, torch.float64).expand(2, 4, 25)
    with pytest.raises(ValueError, match=message):
        render_views(torch.stack([planes, planes]), decoder, views, 8, region_size=4, **argument)


@pytest.mark.parametrize("skip_empty", [True, False])
def test_a_decoder_of_other_planes_is_named_everywhere(ball, skip_empty):
    planes, decoder = ball
    rays = camera_rays(cameras(1, torch.float64), 3)
    with pytest.raises(ValueError, match=r"reads 12 features, but planes .* give 9"):
        query_points(planes[None, :, :3], decoder, torch.zeros(1, 5, 3).double())
    with pytest.raises(ValueError, match=r"reads 12 features, but planes .* give 9"):
        render_rays(planes[None, :, :3], decoder, *rays, skip_empty=skip_empty)


@pytest.mark.parametrize("per_chunk", [1, 3, 10_000])
def test_all_objects_at_once_equal_one_after_another(ball, monkeypatch, per_chunk):
    """Values and gradients, with rays that miss the box, and chunks that do not divide them."""
    planes, decoder = ball
    several = torch.stack([planes, planes.roll(3, dims=-1)]).requires_grad_()
    generator = torch.Generator().manual_seed(0)
    origins = 2.5 * torch.nn.functional.normalize(torch.randn(2, 40, 3, generator=generator), dim=-1).double()
    target = 1.3 * (2 * torch.rand(2, 40, 3, generator=generator).double() - 1)
    directions = torch.nn.functional.normalize(target - origins, dim=-1)
    directions[0, :2] = torch.tensor([0.0, 0.0, 1.0])
    monkeypatch.setattr("lrm_core.render.batched.DENSE_CHUNK", 2 * 24 * per_chunk)
    found = []
    for skip_empty in (True, False):
        rendering = render_rays(
            several, decoder, origins, directions, samples_per_ray=24, background=0.3, skip_empty=skip_empty
        )
        weight = torch.linspace(1, 2, rendering.rgb.numel(), dtype=torch.float64).view_as(rendering.rgb)
        (gradient,) = torch.autograd.grad((rendering.rgb * weight).sum() + rendering.weight.sum(), several)
        found.append((rendering.rgb, rendering.weight, gradient))
    missed = (found[0][1] == 0)[..., 0]
    assert missed.any()
    for skipped, dense in zip(*found, strict=True):
        torch.testing.assert_close(skipped, dense, rtol=0, atol=1e-3 * dense.abs().max().item())
