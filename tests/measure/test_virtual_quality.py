"""Predictions moved towards their oracles."""

import pytest

from lrm_core.measure import e08_band_correction
from lrm_core.measure.e04_visibility import Visibility
from lrm_core.measure.e04_visibility import run as visibility
from lrm_core.measure.oracles import OracleConfig

FIT = OracleConfig(iterations=4, rays_per_step=64)
CONFIG = e08_band_correction.VirtualQuality(FIT, nearer=(0.0, 0.5), views=2)


@pytest.fixture
def found(model, item, cache):
    return e08_band_correction.run_virtual(model, item, CONFIG, 0, cache)


def test_the_prediction_itself_has_the_numbers_of_its_own_records(found, model, item, cache):
    once = e08_band_correction.BandCorrection(FIT, cutoffs=(0.3,), views=2, control_draws=1)
    bands = e08_band_correction.run(model, item, once, 0, cache)
    mine = found["e08_band_correction"]["corrections"]["low"]["reference"]["improvement"]
    assert mine[0] == pytest.approx(bands["corrections"]["low"]["reference"]["improvement"], rel=1e-6)
    assert found["psnr"][0] == pytest.approx(bands["predicted"]["truth"]["psnr"], rel=1e-6)
    seen = visibility(model, item, Visibility(FIT, views=2), 0, cache)["published"]["sight"]["ratio"]
    assert found["e04_visibility"]["published"]["sight"]["ratio"][0] == pytest.approx(seen)


def test_correcting_everything_of_a_moved_prediction_reaches_the_oracle(found):
    whole = found["e09_low_band"]["corrections"]["all"]["reference"]["improvement"]
    assert whole == pytest.approx([1.0, 1.0], abs=1e-4)
