"""The viewer in Python: its traits and its cameras."""

import re

import pytest
import torch
import traitlets

from lrm_core.page.scripts import viewer_page
from lrm_core.page.viewer import TriplaneViewer
from lrm_core.page.viewer.widget import camera_of
from lrm_core.render import cameras


def test_a_view_at_azimuth_minus_90_is_the_canonical_camera():
    expected = torch.zeros(25)
    expected[:16] = torch.cat([cameras.canonical_pose(2.0), torch.tensor([[0.0, 0, 0, 1]])]).flatten()
    expected[16:] = torch.tensor([0.75, 0, 0.5, 0, 0.75, 0.5, 0, 0, 1])
    assert torch.allclose(camera_of(-90, 0, 2.0, 0.75), expected, atol=1e-6)


@pytest.mark.parametrize("trait", [{"elevation": 90}, {"distance": 0.5}, {"resolution": 4096}, {"samples": 1}])
def test_a_view_that_the_page_could_not_draw_is_refused(trait):
    with pytest.raises(traitlets.TraitError):
        TriplaneViewer(**trait)


def test_the_script_knows_every_trait_it_asks_for():
    asked = re.findall(r'(?:model|this\.model)\.get\("(\w+)"\)', viewer_page())
    assert set(asked) <= {*TriplaneViewer.PAGE_TRAITS, "data"}
