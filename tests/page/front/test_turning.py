"""The four turning pictures: the cameras of the script are the true ones, and what is split there adds up."""

from types import SimpleNamespace

import pandas as pd
import pytest
import torch

from lrm_core.findings.c04 import HIGH, LOW, MARGIN
from lrm_core.page.front import turning
from lrm_core.profiles import get_profile
from lrm_core.records.runner import load_item

PLAN = get_profile("mini")


@pytest.fixture(scope="module")
def item():
    return load_item(PLAN, PLAN.object_folders()[0])


def test_upright_views_lead_back_to_the_true_cameras(item):
    (b, c), views = turning.upright_views(item)
    azimuth, elevation = views[:, :2].deg2rad().unbind(1)
    flat = torch.stack([elevation.cos() * azimuth.cos(), elevation.cos() * azimuth.sin(), elevation.sin()], 1)
    x, y, z = (flat * views[:, 2:]).unbind(1)
    eyes = torch.stack([x, c * y + b * z, c * z - b * y], 1)
    poses = item.views(list(range(len(item.images)))).cameras[:, :16].reshape(-1, 4, 4)
    assert torch.allclose(eyes, poses[:, :3, 3].double(), atol=1e-5)


def test_cameras_without_a_common_vertical_are_refused(item):
    cameras = item.views([0, 1, 2, 3]).cameras.clone()
    cameras[2, :16].view(4, 4)[:3, 0] = torch.tensor([0.0, 0.0, 1.0])
    rolled = SimpleNamespace(name="rolled", images=range(4), views=lambda at: SimpleNamespace(cameras=cameras))
    with pytest.raises(ValueError, match="rolled: expected cameras that are level to one vertical"):
        turning.upright_views(rolled)


def test_a_crop_keeps_the_object_whole_and_is_what_the_zoom_says(item):
    zoom = turning.closer(item)
    cropped = turning.middle(item.images, zoom)
    assert item.images.shape[-1] / cropped.shape[-1] == pytest.approx(zoom)
    lost = item.masks.sum() - turning.middle(item.masks, zoom).sum()
    assert float(lost) == pytest.approx(0, abs=1)


def test_the_first_view_was_held_out(item):
    assert turning.first_view(item, turning.upright_views(item)[1]) % 4 == 3


def test_the_typical_object_is_near_the_mean_and_the_exception_has_the_least_margin():
    margins = [0.1, 0.4, -0.2, 0.3, -0.5]
    improved = dict.fromkeys((*LOW.values(), *HIGH.values()), margins)
    table = pd.DataFrame({"object": list("abcde"), MARGIN["truth"]: margins} | improved)
    assert turning.chosen(table, list("abcd")) == ("a", "c")
    assert turning.chosen(table, ["x", "y"]) == ("x", "y")


def test_a_harm_is_called_one():
    table = pd.DataFrame({"object": ["a"], LOW["truth"]: -0.12, HIGH["truth"]: 0.4})
    said = turning._said(table, "a")
    assert said["coarse"] == "12% more error in this object"
    assert said["fine"] == "40% less error in this object"
    assert turning._said(pd.DataFrame(), "a")["coarse"] == ""
