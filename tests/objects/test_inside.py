import pytest
import torch
from solids import _ref_measure

from lrm_core.objects.caster import first_hits
from lrm_core.objects.procedural import inside, sample_objects
from lrm_core.objects.shapes import Kind, contains


@pytest.mark.parametrize("kind", list(Kind))
def test_a_canonical_solid_contains_its_inside_only(kind):
    draw = torch.Generator().manual_seed(int(kind))
    points = 2.4 * torch.rand(5000, 3, generator=draw, dtype=torch.float64) - 1.2
    form = 0.1 + 0.4 * torch.rand(5000, generator=draw, dtype=torch.float64)
    expected = _ref_measure(kind, points, form)
    clear = expected.abs() > 1e-9
    assert torch.equal(contains(kind, points.T, form)[clear], expected[clear] > 0)
    assert 0.03 < (expected > 0).double().mean() < 0.9


def test_rays_enter_where_the_inside_begins():
    objects = sample_objects(range(30))
    generator = torch.Generator().manual_seed(0)
    eye = torch.nn.functional.normalize(torch.randn(30, 200, 3, generator=generator), dim=-1) * 2
    aim = 0.5 * torch.randn(30, 200, 3, generator=generator) - eye
    direction = aim / aim.norm(dim=-1, keepdim=True)
    depth, _ = first_hits(objects, eye, direction)
    hit = depth.isfinite()
    assert hit.sum() > 500
    before, behind = (
        inside(objects, eye + (depth + step).nan_to_num(posinf=0)[..., None] * direction)[hit]
        for step in (-1e-3, 1e-3)
    )
    assert not before.any()
    assert behind.float().mean() > 0.99  # a ray may graze an edge
