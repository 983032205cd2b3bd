"""The viewer in Python: its traits and cameras; planes and decoder as bytes, and what they still draw."""

import re

import numpy as np
import pytest
import torch
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lrm_core import load_model
from lrm_core.measure.oracles import predicted_planes
from lrm_core.model.lrm import Decoder
from lrm_core.objects import load_object
from lrm_core.page.embedded import VIEWER_JS
from lrm_core.page.viewer import TriplaneViewer, camera_of, check_field, pack, unpack
from lrm_core.paths import data_dir
from lrm_core.render import cameras, render_views

MATRICES = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.integers(1, 30)),
    elements=st.floats(-1e4, 1e4, width=32),
)


@settings(deadline=None)  # the machine may be busy
@given(MATRICES)
def test_every_value_comes_back_within_half_a_step_of_its_row(values):
    (back,) = unpack(pack({"x": (torch.from_numpy(values), 1)})).values()
    span = np.ptp(values.astype(np.float64), axis=1, keepdims=True)
    rounding = 1e-6 * np.abs(values).max(1, keepdims=True) + np.finfo(np.float32).tiny
    assert (np.abs(back.numpy() - values) <= span / 255 / 2 * (1 + 1e-5) + rounding).all()


@settings(deadline=None)  # the machine may be busy
@given(st.floats(-1e4, 1e4, width=32), st.integers(1, 9))
def test_a_row_without_variation_is_exact(value, columns):
    (back,) = unpack(pack({"x": (torch.full((2, columns), value), 1)})).values()
    assert (back == value).all()


def test_several_tensors_keep_their_names_shapes_and_values():
    tensors = {"a": torch.rand(3, 4, 5, 5), "b": torch.rand(7), "c": torch.rand(2, 9)}
    packed = pack({"a": (tensors["a"], 2), "b": (tensors["b"], 1), "c": (tensors["c"], 1)})
    back = unpack(packed)
    assert {name: value.shape for name, value in back.items()} == {n: v.shape for n, v in tensors.items()}
    assert torch.equal(back["b"], tensors["b"])
    for name in tensors:
        assert torch.allclose(back[name], tensors[name], atol=0.5 / 255 + 1e-6)
    assert len(packed.data) == 300 + 8 * 12 + 7 + 8 * 7 + 18 + 8 * 2


def test_values_that_are_not_numbers_are_refused():
    with pytest.raises(ValueError, match=r"x: expected finite values, found 1 others"):
        pack({"x": (torch.tensor([[0.0, torch.nan]]), 1)})


@pytest.mark.parametrize(
    ("planes", "channels", "message"),
    [
        (torch.zeros(2, 3, 4, 8, 8), 4, "planes: expected shape"),
        (torch.full((3, 4, 8, 8), torch.inf), 4, "NaN or infinite"),
        (torch.zeros(3, 4, 8, 8), 5, "decoder: expected the parameters"),
    ],
)
def test_a_field_that_does_not_fit_is_refused(planes, channels, message):
    with pytest.raises(ValueError, match=message):
        check_field(planes, Decoder(channels))


@pytest.fixture(scope="module")
def model():
    return load_model("mini").eval().requires_grad_(False)


@pytest.mark.parametrize("group", ["real", "procedural"])
def test_the_packed_model_draws_what_the_model_draws(model, group):
    folder = min(path for path in (data_dir() / "mini" / "objects" / group).iterdir() if (path / "rgba").is_dir())
    planes = predicted_planes(model, load_object(folder))
    packed = pack({"planes": (planes, 2)}, model.decoder)
    assert len(packed.data) < 2**21 / 4 * 3  # base64 within 2 MB
    back = unpack(packed)
    decoder = Decoder(planes.shape[1])
    decoder.load_state_dict({name: value for name, value in back.items() if name != "planes"})
    views = torch.stack([camera_of(azimuth, 20, 2.0, 0.75) for azimuth in (-90, 40)])[None]
    with torch.no_grad():
        exact, drawn = (
            render_views(p[None], d, views, 48).rgb for p, d in ((planes, model.decoder), (back["planes"], decoder))
        )
    assert -10 * (exact - drawn).square().mean().log10() > 40


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
    asked = re.findall(r'(?:model|this\.model)\.get\("(\w+)"\)', VIEWER_JS)
    assert set(asked) <= {*TriplaneViewer.PAGE_TRAITS, "data"}
