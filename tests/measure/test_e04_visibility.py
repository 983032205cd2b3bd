"""E4 on a sphere whose near and far side have errors of their own."""

from dataclasses import replace

import pytest
import sphere
import torch

from lrm_core.canonical import plain
from lrm_core.fit.oracle import OracleFit
from lrm_core.measure import e04_visibility, oracles, surface
from lrm_core.measure.e04_visibility import Visibility, audited_splits, surface_splits
from lrm_core.measure.oracles import OracleConfig
from lrm_core.measure.surface import matter_surface, seen_surface, surface_scene

CONFIG = Visibility(views=2, controls=4, shuffles=10)
NEAR, FAR = 0.1, 0.3  # errors of the two sides
RATIO = FAR / NEAR


def raw(error: float) -> float:
    """Raw colour at that distance below the grey of raw colour 0, up to the 1.002 of the activation."""
    return float(torch.tensor(0.5 - error).logit())


@pytest.fixture
def scene(monkeypatch):
    """A grey ball; T_ref is it, T_pred is darker, on the far side more so."""
    return make_scene(monkeypatch, sphere.planes(sphere.by_side(raw(NEAR), raw(FAR))), sphere.planes(0.0))


def make_scene(
    patch: pytest.MonkeyPatch, predicted: torch.Tensor, reference: torch.Tensor, true: bool = True
) -> surface.SurfaceScene:
    patch.setattr(oracles, "predicted_planes", lambda *arguments: predicted)
    patch.setattr(oracles, "oracle", lambda *arguments: OracleFit(reference, {}))
    known = (lambda item, views: sphere.geometry(item.cameras()[views])) if true else (lambda *_: None)
    patch.setattr(surface, "true_geometry", known)
    item = sphere.rendered(8, 0.0)
    return surface_scene(sphere.model(), item, CONFIG.oracle, CONFIG.views, CONFIG.controls, 0)


def test_points_in_matter_fill_the_ball_and_the_outer_ones_are_its_shell(scene):
    points, outer = matter_surface(sphere.model(), scene)
    radius, texel = points.points.norm(dim=1), 2 / sphere.TEXELS
    assert radius.max() < sphere.RADIUS
    assert radius[outer].min() > sphere.RADIUS - 2 * texel
    assert radius[~outer].max() < sphere.RADIUS
    assert radius[~outer].min() < texel
    # of the points behind the tangent plane and of those deep inside none is in sight
    deep = radius < sphere.RADIUS - 4 * texel
    assert points.hidden[deep].all()
    assert points.hidden[points.points[:, 1] > sphere.RIM + 3 * texel].all()
    front = points.chosen(outer & (points.points[:, 1] < sphere.RIM - 3 * texel))
    assert (~front.hidden).float().mean() > 0.95
    cosine = torch.nn.functional.cosine_similarity(
        points.points[outer], scene.own.cameras[0, 3:12:4] - points.points[outer], dim=1
    )
    assert (points.cosine[outer] - cosine).abs().mean() < 0.05


def test_the_ratio_of_the_two_sides_on_the_surface_and_inside(scene):
    points, outer = matter_surface(sphere.model(), scene)
    shell = surface_splits(points.chosen(outer), "reference")
    assert shell["normals"]["ratio"] == pytest.approx(RATIO, rel=0.15)
    # points inside the near half are hidden and as wrong as visible ones: the published ratio falls
    inside = surface_splits(points, "reference")["sight"]
    error = points.errors["reference"]
    assert inside["ratio"] == pytest.approx(float(error[points.hidden].mean() / error[~points.hidden].mean()))
    assert inside["ratio"] < shell["sight"]["ratio"] < RATIO + 0.3


def test_errors_of_images_split_by_sight_and_less_by_other_labels(scene, monkeypatch):
    found = audited_splits(sphere.model(), scene, CONFIG, 0)
    for target in ("reference", "truth", "field"):
        for way in ("sight", "normals"):
            assert found[target][way]["ratio"] == pytest.approx(RATIO, rel=0.2)  # colours meet over a texel
        assert found[target]["sight"]["visible"] == pytest.approx(NEAR, rel=0.2)
        assert found[target]["sight"]["hidden"] == pytest.approx(FAR, rel=0.05)
    curve = found["truth"]["angle"]["error"]
    assert [curve[0], curve[-1]] == pytest.approx([NEAR, FAR], abs=0.01)
    assert found["oracle"]["sight"]["visible"] == pytest.approx(0, abs=1e-5)
    assert found["shuffled"]["mean"] == pytest.approx(1, abs=0.05)
    cameras, labels = found["cameras"], found["labels"]
    assert cameras["angle"][0] == pytest.approx(0, abs=1e-3)
    assert cameras["source"] == pytest.approx(found["truth"]["sight"]["ratio"], rel=0.15)
    pairs = sorted(zip(cameras["angle"][1:], cameras["ratio"][1:], strict=True))
    assert (len(pairs), cameras["above"]) == (CONFIG.controls, 1)
    assert pairs[-1][1] < 1 < cameras["source"]
    assert cameras["mean"] == pytest.approx(sum(ratio for _, ratio in pairs) / len(pairs))
    assert labels["true"] is True
    assert min(labels["depth_buffer"], labels["reference"]) > 0.9
    assert labels["points"] == len(seen_surface(sphere.model(), scene)) > 300
    unknown = make_scene(monkeypatch, scene.predicted, scene.reference, true=False)
    found = audited_splits(sphere.model(), unknown, CONFIG, 0)
    assert (found["labels"]["true"], found["labels"]["reference"]) == (False, 1)
    assert found["truth"]["sight"]["ratio"] == pytest.approx(RATIO, rel=0.15)
    assert len(found["cameras"]["ratio"]) == 1 + CONFIG.controls


def test_no_matter_is_no_number(monkeypatch):
    nothing = sphere.planes(0.0)
    nothing[0, 0] += 10
    empty = make_scene(monkeypatch, sphere.planes(0.0), nothing, true=False)
    points, outer = matter_surface(sphere.model(), empty)
    assert len(points) == len(outer) == 0
    assert surface_splits(points, "reference")["sight"]["ratio"] is None
    found = plain(audited_splits(sphere.model(), empty, CONFIG, 0))
    assert found["labels"] == {"true": False, "depth_buffer": None, "reference": None, "points": 0}
    assert found["cameras"]["mean"] is None
    assert found["truth"]["sight"]["ratio"] is None


def test_an_object_without_a_held_out_view(model, item, cache):
    config = replace(CONFIG, oracle=OracleConfig(iterations=1, rays_per_step=8))
    with pytest.raises(ValueError, match="disc0: expected at least one held-out view, found 3 views"):
        e04_visibility.run(model, item.first(3), config, 0, cache)


def test_control_views_are_training_views_and_the_source_is_none_of_them(model, item, cache):
    config = OracleConfig(iterations=1, rays_per_step=8)
    scene = surface_scene(model, item, config, 8, 3, 0, cache)
    torch.testing.assert_close(scene.images["truth"], item.images[[3, 7]])
    torch.testing.assert_close(scene.geometry.cameras, item.cameras()[[0, 3, 7, 1, 2, 5]])
    assert list(scene.controls) == [3, 4, 5]
    assert len(surface_scene(model, item, config, 1, 0, 0, cache).controls) == 0
