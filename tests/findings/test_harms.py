"""The published numbers as one vector, and the harms of the source view that are compared by it."""

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lrm_core.findings.harms import Fingerprint, fingerprint, published_numbers, said, sentence, shared, specific
from lrm_core.measure.oracles import predicted_planes
from lrm_core.objects import Source
from lrm_core.objects.dataset import data_hash
from lrm_core.page.diagnosis.source_distance import dose_figure, fingerprint_figure
from lrm_core.records.statistics import Interval

TARGET = pd.Series(published_numbers())


def _numbers(offset: float, seed: int = 0, objects: int = 6) -> pd.DataFrame:
    """Numbers of objects whose means lie `offset` away from the published ones, with a spread of about 0.1."""
    noise = np.random.default_rng(seed).normal(0, 0.1, (objects, len(TARGET)))
    noise -= noise.mean(axis=0)
    return pd.DataFrame(noise + TARGET.to_numpy() + offset, columns=TARGET.index)


def compared(harm: str, truth: pd.DataFrame, harmed: pd.DataFrame) -> Fingerprint:
    """`fingerprint` in the spreads of the truth itself."""
    return fingerprint(harm, truth, harmed, truth.std())


def test_the_distance_is_the_root_mean_square_in_spreads():
    truth, harmed = _numbers(1.0), _numbers(0.5, seed=1)
    found = compared("told-0.8", truth, harmed)
    expected = [(0.5 / truth[name].std()) ** 2 for name in truth]
    assert found.distance.estimate == pytest.approx(np.sqrt(np.mean(expected)))
    assert found.numbers == pytest.approx(dict(TARGET + 0.5))
    assert found.answer == "towards"


@settings(max_examples=20, deadline=None)
@given(before=st.floats(0.2, 3), times=st.floats(0, 3))
def test_what_moves_towards_the_published_numbers_is_called_so(before, times):
    found = compared("turned", _numbers(before), _numbers(times * before, seed=1))
    if times < 0.5:
        assert found.answer == "towards"
    if times > 2:
        assert found.answer == "away"


def test_the_same_numbers_are_neither():
    found = compared("truth", _numbers(1.0), _numbers(1.0))
    assert found.over_truth.estimate == 0
    assert found.answer == "neither"


def test_a_number_that_an_object_lacks_does_not_count():
    truth = _numbers(1.0)
    truth.loc[0, "C5"] = np.nan
    assert np.isfinite(compared("truth", truth, truth).distance.low)


@pytest.mark.parametrize("field", fields(Source), ids=lambda field: field.name)
def test_every_wrong_thing_changes_the_prediction_and_the_fingerprint_of_the_data(model, item, field):
    wrong = replace(item, source=Source(**{field.name: field.default + 0.5}))
    assert data_hash(wrong) != data_hash(item)
    assert not torch.equal(predicted_planes(model, wrong), predicted_planes(model, item))
    assert torch.equal(wrong.images, item.images)
    assert torch.equal(wrong.cameras(), item.cameras())


def test_a_camera_that_is_turned_once_around_is_the_same(item):
    around = replace(item, source=Source(turned=360.0))
    assert torch.allclose(around.source_camera(), item.source_camera(), atol=1e-5)


def _found(harm: str, change: float) -> Fingerprint:
    """A harm that goes towards the published numbers where the change is negative."""
    interval = Interval(change, change - 0.1, change + 0.1, 6)
    return Fingerprint(harm, {"C4": 0.5}, interval, interval)


@pytest.mark.parametrize(
    ("told", "blurred", "said"),
    [(-0.5, 0.5, "specific"), (-0.5, -0.5, "not specific"), (0.0, -0.5, "no wrong distance")],
)
def test_the_pattern_is_specific_if_only_a_wrong_distance_makes_it(told, blurred, said):
    harms = {"truth": 0.0, "told-0.8": told, "turned": 0.5, "focal": 0.0, "blurred": blurred}
    found = [_found(harm, change) for harm, change in harms.items()]
    assert specific(found) == said
    assert ("a blurred source" in sentence("harms", found)) is (said == "not specific")
    assert bool(shared(found)) is (said == "not specific")
    assert specific(found[:-1]) == "not measured"
    assert "not measured" in sentence("harms", found[:-1])


def test_the_figures_draw_every_harm_and_every_number():
    harmed = [_found(harm, 0.1 * at) for at, harm in enumerate(("truth", "told-0.8", "blurred"))]
    assert len(fingerprint_figure(harmed).data) == 2
    dosed = {name: {factor: Interval(1, 0.5, 2, 5) for factor in (0.8, 1.0)} for name in published_numbers()}
    assert len(dose_figure(dosed).data) == len(TARGET)


def test_a_model_that_was_trained_less_is_named_where_it_shows_the_pattern(monkeypatch):
    truth, harmed = _numbers(1.0), _numbers(0.5, seed=1)
    found = [compared(harm, truth, harmed) for harm in ("truth", "told-0.8", "turned", "rung-300")]
    for met, named in (("there", True), ("nearly there", False)):
        monkeypatch.setattr("lrm_core.findings.harms.pattern_met", lambda shares, met=met: met)
        assert ("300" in said(found)) is named
