"""The batched ray caster against one primitive after another, its invariants, and the views that it makes."""

import math

import pytest
import torch
from torch import Tensor

from lrm_core.objects.caster import cast, first_hits, render_object, visible_from
from lrm_core.objects.dataset import sample_poses
from lrm_core.objects.procedural import ProceduralBatch, inside, sample_objects
from lrm_core.objects.shapes import Kind, entry, normal
from lrm_core.objects.textures import albedo
from lrm_core.render.cameras import pinhole_intrinsics, standard_camera
from lrm_core.render.rays import camera_rays

SEEDS = [0, 1, 2, 3, 4, 5]


def _ref_first_hit(batch: ProceduralBatch, origins: Tensor, directions: Tensor) -> Tensor:
    """Ray parameter (B, K) of the nearest entry into any primitive, one primitive after another."""
    nearest = torch.full(origins.shape[:2], math.inf, dtype=origins.dtype)
    for row, slot in batch.mask.nonzero().tolist():
        frame = batch.rotation[row, slot] / batch.scale[row, slot]
        start, along = (origins[row] - batch.centre[row, slot]) @ frame, directions[row] @ frame
        t = entry(Kind(int(batch.kind[row, slot])), start.T, along.T, batch.form[row, slot].expand(len(start)))
        nearest[row] = torch.where(t > 0, torch.minimum(nearest[row], t), nearest[row])
    return nearest


def _rays(count: int, seeds: list[int], dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Rays (B, count, 3) from cameras on the shell towards the inner part of the sphere."""
    origins, directions = [], []
    for seed in seeds:
        draw = torch.Generator().manual_seed(100 + seed)
        eye = sample_poses(draw, count)[:, :, 3].to(dtype)
        target = 1.2 * torch.rand(count, 3, generator=draw, dtype=dtype) - 0.6
        origins.append(eye)
        directions.append(torch.nn.functional.normalize(target - eye, dim=-1))
    return torch.stack(origins), torch.stack(directions)


@pytest.fixture(scope="module")
def scene() -> tuple[ProceduralBatch, Tensor, Tensor]:
    return sample_objects(SEEDS).to(dtype=torch.float64), *_rays(150, SEEDS)


def test_depth_is_that_of_the_nearest_primitive(scene):
    batch, origins, directions = scene
    depth = cast(batch, origins, directions).depth[..., 0]
    torch.testing.assert_close(depth, _ref_first_hit(batch, origins, directions), atol=1e-6, rtol=0)
    assert 0.2 < torch.isfinite(depth).double().mean() < 0.9


def test_rays_enter_where_the_inside_begins(scene):
    batch, origins, directions = scene
    depth = cast(batch, origins, directions).depth
    hit = depth[..., 0].isfinite()
    before, behind = (
        inside(batch, origins + (depth + step).nan_to_num(posinf=0) * directions)[hit] for step in (-1e-3, 1e-3)
    )
    assert not before.any()
    assert behind.double().mean() > 0.99  # a ray may graze an edge


def test_colour_is_albedo_under_wrapped_lights(scene):
    batch, origins, directions = scene
    hits, (depth, primitive) = cast(batch, origins, directions), first_hits(batch, origins, directions)
    for row, ray in (primitive >= 0).nonzero()[::7].tolist():
        at = (row, int(primitive[row, ray]))
        turn, scale, kind = batch.rotation[at], batch.scale[at], Kind(int(batch.kind[at]))
        own = (origins[row, ray] + depth[row, ray] * directions[row, ray] - batch.centre[at]) @ turn
        colour = albedo(batch.textures.map(lambda value, at=at: value[at][None]), own[None])[0]
        facing = turn @ (normal(kind, (own / scale)[:, None], batch.form[at][None])[:, 0] / scale)
        wrap, ambient = batch.wrap[row], batch.ambient[row]
        shares = [
            strength * max((facing @ light / facing.norm() + wrap) / (1 + wrap), 0)
            for light, strength in zip(batch.light[row], batch.strength[row], strict=True)
        ]
        lit = ambient + (1 - ambient) * sum(shares)
        torch.testing.assert_close(hits.rgb[row, ray], colour * lit, atol=1e-6, rtol=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_the_cpu():
    origins, directions = _rays(2000, SEEDS, torch.float32)
    there = cast(sample_objects(SEEDS).to("cuda"), origins.cuda(), directions.cuda())
    here = cast(sample_objects(SEEDS), origins, directions)
    same = there.alpha.cpu() == here.alpha
    assert same.float().mean() > 0.999
    close = (there.rgb.cpu() - here.rgb).abs().amax(-1) < 1e-3
    assert close.float().mean() > 0.998


def test_single_precision_finds_the_same_surface(scene):
    batch, origins, directions = scene
    exact = cast(batch, origins, directions).depth
    rough = cast(batch.to(dtype=torch.float32), origins.float(), directions.float()).depth.double()
    differ = (rough - exact).nan_to_num(0, math.inf, -math.inf).abs() > 1e-3
    assert differ.double().mean() < 0.005


def test_what_the_eye_sees_is_what_a_ray_from_it_meets_first(scene):
    batch, origins, directions = scene
    hits = cast(batch, origins, directions)
    hit = hits.alpha[..., 0] > 0
    points = origins + hits.depth.where(hits.alpha > 0, 0) * directions
    eye = sample_poses(torch.Generator().manual_seed(1), len(SEEDS))[:, :, 3].double()
    way = points - eye[:, None]
    first = _ref_first_hit(batch, eye[:, None].expand_as(points), way)
    short = (1 - first) * way.norm(dim=-1) < 2e-3
    seen = visible_from(batch, points, eye)
    assert torch.equal(seen[hit], short[hit])
    assert 0.2 < seen[hit].double().mean() < 0.8


def test_shapes_that_do_not_fit_are_refused(scene):
    batch, origins, directions = scene
    with pytest.raises(ValueError, match=r"must both be \(6, K, 3\) for 6 objects, found \(5, 150, 3\)"):
        cast(batch, origins[:5], directions[:5])
    with pytest.raises(ValueError, match=r"eye must be \(6, 3\), one per object, found \(2, 3\)"):
        visible_from(batch, origins, torch.zeros(2, 3))


@pytest.fixture(scope="module")
def rendered():
    poses = sample_poses(torch.Generator().manual_seed(0), 3)
    return poses, *render_object(5, poses, 32)


def test_views_average_the_rays_of_a_pixel(rendered):
    poses, rgba, depth, _ = rendered
    batch = sample_objects([5])
    hits = cast(batch, *camera_rays(standard_camera(poses[1:2], pinhole_intrinsics()), 64))
    for row, column in [(16, 16), (12, 20), (20, 14), (9, 15)]:
        rays = [(2 * row + i) * 64 + 2 * column + j for i in (0, 1) for j in (0, 1)]
        alpha = hits.alpha[0, rays].mean()
        assert rgba[1, 3, row, column] == alpha
        if alpha > 0:
            hit = [ray for ray in rays if hits.alpha[0, ray] > 0]
            torch.testing.assert_close(rgba[1, :3, row, column], hits.rgb[0, hit].mean(0))
            torch.testing.assert_close(depth[1, 0, row, column], hits.depth[0, hit].mean())


def test_source_view_sees_itself_and_others_see_less(rendered):
    _, rgba, _, visible = rendered
    hit = rgba[:, 3:] > 0
    assert visible[0][hit[0]].float().mean() > 0.99
    assert 0.05 < visible[1:][hit[1:]].float().mean() < 0.95
