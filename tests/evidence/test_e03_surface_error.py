"""E3 on a sphere whose residual and colours are known."""

from dataclasses import replace

import pytest
import sphere
import torch

from lrm_core.evidence import surface
from lrm_core.evidence.canonical import canonical_json, plain
from lrm_core.evidence.experiments import e03_surface_error
from lrm_core.evidence.experiments.e03_surface_error import SurfaceError, cloud_record, heat_maps
from lrm_core.evidence.oracles import Oracle
from lrm_core.evidence.point_cloud import PointCloud
from lrm_core.evidence.surface import Surface

CONFIG = SurfaceError(views=2, cloud_points=300)
SHIFT = torch.tensor(0.2).logit()  # raw colour whose distance to the grey of T_ref is 0.3, up to the 1.002


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> dict:
    """T_ref is the grey ball itself, T_pred is darker by 0.3, and the null oracle is T_pred but for 0.01."""
    item = sphere.rendered(8, 0.0)
    darker = sphere.planes(SHIFT)
    fits = {"predicted": sphere.planes(0.0), "null": sphere.planes(torch.tensor(0.21).logit())}
    monkeypatch.setattr(surface, "predicted_planes", lambda *arguments: darker)
    for module in (surface, e03_surface_error):
        monkeypatch.setattr(module, "oracle", lambda model, item, start, *rest: Oracle(fits[start], {}))
    monkeypatch.setattr(surface, "true_geometry", lambda item, views: sphere.geometry(item.cameras()[views]))
    return plain(e03_surface_error.run(sphere.model(), item, CONFIG, 0))


def test_the_error_of_a_ball_of_another_grey_is_that_of_its_grey(record: dict) -> None:
    for name in ("published", "audited"):
        found = record[name]
        assert found["mean"] == pytest.approx(0.3, abs=0.01)
        assert found["median"] == pytest.approx(0.3, abs=0.01)
        assert found["worst_share"] == pytest.approx(0.1, abs=0.01)
        assert found["histogram"][15] + found["histogram"][14] == pytest.approx(1, abs=0.05)
        assert record["floor"][name]["mean"] == pytest.approx(0.01, abs=0.002)
    assert record["audited"]["true_labels"] is True


def test_published_points_fill_the_ball_and_audited_ones_lie_on_it(record: dict) -> None:
    clouds = {name: PointCloud.from_record(record[name]["cloud"]) for name in ("published", "audited")}
    radius = {name: cloud.points.norm(dim=1) for name, cloud in clouds.items()}
    assert radius["audited"] == pytest.approx(torch.full((300,), sphere.RADIUS), abs=2e-3)
    inner = float((radius["published"] < 0.8 * sphere.RADIUS).float().mean())
    assert inner == pytest.approx(0.8**3, abs=0.1)  # of a full ball
    cells = 4 / 3 * torch.pi * (sphere.RADIUS * sphere.TEXELS / 2) ** 3
    assert record["published"]["points"] == pytest.approx(float(cells), rel=0.08)
    for cloud in clouds.values():
        assert len(cloud) == 300
        assert cloud.colour == pytest.approx(
            torch.full((300, 3), 0.5), abs=0.08
        )  # white shines through at the edge
    clear = (clouds["audited"].points[:, 1] - sphere.RIM).abs() > 0.05
    behind = clouds["audited"].points[:, 1] > sphere.RIM
    assert torch.equal(clouds["audited"].hidden[clear], behind[clear])


def test_the_heat_map_is_the_residual_of_the_channels(record: dict) -> None:
    expected = 3 * abs(float(SHIFT)) / 4  # three of four channels, of the plane xy only
    heat = torch.tensor(record["heat"]["residual"])
    assert heat.shape == (3, sphere.TEXELS, sphere.TEXELS)
    assert heat[0] == pytest.approx(torch.full_like(heat[0], expected), rel=5e-3)
    assert record["heat"]["mean"] == pytest.approx({"xy": expected, "xz": 0, "zy": 0})
    assert heat[1:].abs().max() == 0


def test_heat_maps_in_matter_and_elsewhere() -> None:
    residual, null = torch.ones(3, 2, 4, 4), torch.full((3, 2, 4, 4), 0.1)
    matter = torch.zeros(3, 4, 4, dtype=torch.bool)
    matter[:, :2] = True
    residual[:, :, :2], null[:, 1] = 3.0, -0.3
    found = heat_maps(residual, null, matter)
    assert found["matter_over_rest"] == pytest.approx(3)
    assert found["floor"] == pytest.approx({"all": 0.1, "matter": 0.2 / 3})
    assert found["matter"].sum() == 24
    empty = heat_maps(residual, null, ~matter & matter)
    assert empty["matter_over_rest"] is None
    assert empty["floor"]["matter"] is None


def test_maps_keep_three_significant_digits() -> None:
    residual = torch.tensor([0.00123456, 12.3456, 0.0]).view(3, 1, 1, 1).expand(3, 1, 2, 2)
    maps = plain(heat_maps(residual, residual, torch.ones(3, 2, 2, dtype=torch.bool)))["residual"]
    assert [plane[0][0] for plane in maps] == [0.00123, 12.3, 0.0]


def test_bad_residuals_and_configurations() -> None:
    planes, mask = torch.ones(3, 2, 4, 4), torch.ones(3, 4, 4, dtype=torch.bool)
    with pytest.raises(ValueError, match="a residual that is not zero everywhere"):
        heat_maps(0 * planes, planes, mask)
    with pytest.raises(ValueError, match=r"found \(3, 2, 4, 4\), \(3, 1, 4, 4\), \(3, 4, 4\)"):
        heat_maps(planes, planes[:, :1], mask)
    with pytest.raises(ValueError, match="at least 1 point of a cloud to keep, found 0"):
        replace(CONFIG, cloud_points=0)


def test_a_record_of_the_size_of_the_paper_stays_small() -> None:
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(9000, 3, generator=generator)
    cosine, hidden = torch.zeros(9000), torch.rand(9000, generator=generator) < 0.5
    one = Surface(points, points, hidden, cosine, {"truth": torch.rand(9000, generator=generator)})
    cloud = cloud_record(one, "truth", SurfaceError().cloud_points, 0)
    planes = torch.randn(3, 4, 32, 32, generator=generator)
    heat = heat_maps(planes, planes, torch.ones(3, 32, 32, dtype=torch.bool))
    assert len(canonical_json(plain({"heat": heat, "published": cloud, "audited": cloud}))) < 300_000
