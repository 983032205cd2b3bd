"""All experiments with real fits of a few steps: they run, they store, they repeat."""

from dataclasses import make_dataclass, replace
from math import inf
from typing import Any

import pytest

from lrm_core.canonical import canonical_json, plain
from lrm_core.findings.verdicts import RULES
from lrm_core.measure.experiments import EXPERIMENTS, get_experiment
from lrm_core.measure.oracles import OracleCache
from lrm_core.profiles import Profile
from lrm_core.records.runner import Recorder
from lrm_core.records.store import ResultStore

PROFILE = Profile("tiny", "tiny", (), 1, iterations=4, rays_per_step=64, seeds=(0,), training_objects=8)


SMALL = {  # in place of the usual values
    "e06_response": {"levels": (0.15,), "views": 1, "draws": 2},
    "e08_band_correction": {"cutoffs": (0.3, 0.6), "views": 2, "control_draws": 1},
    "e10_isotropy": {"directions": 4, "still_directions": 3, "published_views": 2, "published_resolution": 32}
    | {"jitter_draws": 2, "bins": 2, "bin_draws": 1, "leading": 2, "oversample": 1, "iterations": 1},
    "e12_test_time": {"path": (0,), "heldout": 1},
    "longer_fits": {"path": (0,), "heldout": 1},
    "e17_source_distance": {"factors": (0.8, 1.0), "views": 1},
    "e18_oracle_length": {"factors": (0.5, 1)},
    "virtual_quality": {"nearer": (0.0, 0.5), "views": 1},
}


@pytest.mark.parametrize("name", list(EXPERIMENTS))
def test_record_repeats_and_has_what_its_rule_reads(name, model, item, cache, tmp_path):
    experiment, store = get_experiment(name), ResultStore(tmp_path / "results")
    fields = [(field, Any, value) for field, value in SMALL.get(name, {}).items()]
    small = make_dataclass("Small", fields, bases=(experiment.config,), frozen=True)
    experiment = replace(experiment, config=small)
    recorder = Recorder(PROFILE, model, store, cache)
    recorder.make(item, experiment, 0)
    assert recorder.is_current(item, experiment, 0)
    fresh = OracleCache(folder=tmp_path / "again", shipped=cache.shipped)
    again = experiment.run(model, item, experiment.configuration(PROFILE), 0, fresh)
    stored = store.get(recorder.key(item, experiment, 0))["result"]
    assert canonical_json(plain(again)) == canonical_json(stored)
    for rule in RULES.values():
        if rule.experiment == name:
            assert {rule.ours, rule.audited} <= set(store.table(name).columns)
            for case in rule.cases:
                assert not case.missed(lambda column: _Anything(store.table(name)[column]))


class _Anything:
    """An interval above and below every threshold, so that a rule asks for all of its columns."""

    low, high = inf, -inf

    def __init__(self, column: object) -> None: ...


def test_unknown_experiment():
    with pytest.raises(ValueError, match="unknown experiment 'e99'; expected one of e00_model, e01_oracle"):
        get_experiment("e99")
