"""E2 on triplanes whose distance is known."""

import pytest
import torch
from tiny_measure import noise

from lrm_core import LRM
from lrm_core.fit.oracle import OracleFit
from lrm_core.measure import e02_basins, geometry
from lrm_core.measure.e02_basins import Basins, features_at, latent_distance
from lrm_core.measure.oracles import predicted_planes
from lrm_core.render import query_points


def test_latent_distance_of_a_scaled_copy():
    a = noise()
    found = latent_distance(a, -2 * a)
    assert found["channel_correlation"] == pytest.approx(-1, abs=1e-5)
    assert found["best_scale"] == pytest.approx(-2, abs=1e-5)
    assert found["l1"] == pytest.approx(3 * a.abs().mean().item(), rel=1e-5)


def test_latent_distance_looks_only_at_the_texels_of_the_mask():
    a, mask = noise(), torch.zeros(3, 16, 16, dtype=torch.bool)
    mask[:, :8] = True
    b = torch.where(mask[:, None], a, noise(1))
    inside, everywhere = latent_distance(a, b, mask), latent_distance(a, b)
    assert inside["l1"] == 0
    assert inside["channel_correlation"] == pytest.approx(1, abs=1e-5)
    assert everywhere["l1"] > 0.3
    assert everywhere["channel_correlation"] < 0.7
    assert set(latent_distance(a, b, torch.zeros_like(mask)).values()) == {None}


def test_features_hide_what_the_decoder_cannot_see(model):
    """A constant from the null space of the first layer changes the triplane but not what is rendered."""
    planes = noise()[:, :, :16, :16]
    weight = model.decoder.net[0].weight.clone()
    blind = LRM(model.config)
    blind.load_state_dict(model.state_dict())
    blind.requires_grad_(False)
    weight[:, :4] = weight[:, 4:8]  # planes 0 and 1 are now read alike
    blind.decoder.net[0].weight.copy_(weight)
    shifted = planes.clone()
    shifted[0] += 3
    shifted[1] -= 3
    points = torch.rand(50, 3, generator=torch.Generator().manual_seed(1)) - 0.5
    torch.testing.assert_close(
        features_at(blind, shifted, points), features_at(blind, planes, points), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(
        query_points(shifted[None], blind.decoder, points[None]).rgb,
        query_points(planes[None], blind.decoder, points[None]).rgb,
    )
    assert latent_distance(planes, shifted)["l1"] == pytest.approx(2, abs=1e-5)


def test_record_of_known_oracles(model, item, cache, monkeypatch):
    predicted = predicted_planes(model, item)
    monkeypatch.setattr(e02_basins, "oracle", lambda *arguments: OracleFit(0.5 * predicted, {}))
    monkeypatch.setattr(geometry, "MATTER", 0.0)
    record = e02_basins.run(model, item, Basins(path_points=3, probe_points=500), 0, cache)
    assert set(record["published"]) == {"pred_vs_random", "pred_vs_predinit", "random_vs_predinit"}
    assert record["published"]["pred_vs_predinit"]["best_scale"] == pytest.approx(0.5)
    assert record["audited"]["random_vs_predinit"]["channel_correlation"] == pytest.approx(1, abs=1e-4)
    assert record["audited"]["random_vs_predinit"]["features_correlation"] == pytest.approx(1, abs=1e-4)
    assert record["heldout"]["psnr_between"]["random_vs_predinit"] == 100
    assert record["heldout"]["l1_between"]["random_vs_predinit"] == 0
    assert record["alike"]["gap"] == 0
    assert record["alike"]["closeness"] == pytest.approx(100 - record["heldout"]["psnr"]["pred"])
    assert record["path"]["barrier"] == pytest.approx(0, abs=1e-4)
    assert len(record["path"]["psnr"]) == 3
