"""Making the records of a profile: complete, resumable, stale ones made again."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lrm_core import LRM
from lrm_core.measure.experiments import Experiment, get_experiment
from lrm_core.measure.oracles import OracleCache
from lrm_core.profiles import Profile
from lrm_core.records import runner
from lrm_core.records.runner import Recorder
from lrm_core.records.store import ResultStore

NAMES = ("disc0", "disc1", "disc2")


@dataclass(frozen=True)
class Config:
    oracle: Any
    definition: int = 1


class Probe:
    """An experiment that counts its runs and can be told to fail at one of them."""

    def __init__(self) -> None:
        self.runs: list[tuple[str, int]] = []
        self.fail_at: int | None = None

    def __call__(self, model: LRM, item: Any, config: Any, seed: int, cache: Any) -> dict[str, Any]:
        if len(self.runs) == self.fail_at:
            raise KeyboardInterrupt
        self.runs.append((item.name, seed))
        return {"brightness": item.images.mean(), "seed_squared": seed**2}


@pytest.fixture
def probe(monkeypatch, model, make_object):
    run = Probe()
    experiments = {
        "every": Experiment("every", run, Config, every_seed=True),
        "first": Experiment("first", run, Config, every_seed=False),
    }
    profile = Profile("tiny", "tiny", ("group",), 3, iterations=1, rays_per_step=8, seeds=(0, 1))
    monkeypatch.setattr(runner, "EXPERIMENTS", experiments)
    monkeypatch.setattr(runner, "get_experiment", experiments.__getitem__)
    monkeypatch.setattr(runner, "get_profile", lambda name: profile)
    monkeypatch.setattr(runner, "load_model", lambda name, device: model)
    monkeypatch.setattr(Profile, "members", lambda self: [[Path(name) for name in NAMES]])
    monkeypatch.setattr(runner, "load_object", lambda folder: make_object(int(folder.name[-1])))
    return run


def test_every_object_and_seed_once_until_a_refresh_or_new_weights(probe, tmp_path, model, monkeypatch, capsys):
    store = ResultStore(tmp_path)
    assert runner.record_all("tiny", store=store) == runner.Made(written=9, kept=0)
    table = store.table("every")
    assert list(zip(table["object"], table["seed"], strict=True)) == [(n, s) for n in NAMES for s in (0, 1)]
    assert table["seed_squared"].tolist() == [0, 1] * 3
    assert store.table("first")["seed"].tolist() == [0, 0, 0]
    assert runner.record_all("tiny", store=store) == runner.Made(written=0, kept=9)
    assert runner.record_all("tiny", ["first"], refresh=True, store=store) == runner.Made(written=3, kept=0)
    trained = LRM(model.config)
    monkeypatch.setattr(runner, "load_model", lambda name, device: trained)
    assert runner.record_all("tiny", ["first"], store=store).written == 3
    assert "to be made again" in capsys.readouterr().out
    assert store.table("first")["model_hash"].nunique() == 1


def test_an_experiment_reaches_the_objects_and_seeds_that_it_says(probe, monkeypatch):
    profile = Profile("tiny", "tiny", ("group",), 3, iterations=1, rays_per_step=8, seeds=(0, 1), few=2)
    folders = [Path(group, name) for group in ("real", "made") for name in NAMES]
    few = [folders[k] for k in (0, 1, 3, 4)]
    monkeypatch.setattr(Profile, "members", lambda self: [folders[:3], folders[3:]])
    monkeypatch.setattr(runner, "load_item", lambda plan, folder: folder)

    def jobs(reach, objects=None, every_seed=False):
        experiment = Experiment("any", probe, Config, every_seed, objects=reach)
        return [(folder, seed) for folder, _, seed in runner._jobs(profile, [experiment], objects)]

    assert jobs("few") == [(folder, 0) for folder in few]
    assert jobs("fewest") == [(folder, 0) for folder in folders[:2]]
    assert jobs("few", ["disc1", "disc2"]) == [(folder, 0) for folder in folders[4:]]
    every_seed = [(folder, seed) for folder in folders for seed in ((0, 1) if folder in few else (0,))]
    assert jobs("selected", every_seed=True) == every_seed


def test_ctrl_c_keeps_what_is_finished(probe, tmp_path):
    store = ResultStore(tmp_path)
    probe.fail_at = 4
    with pytest.raises(KeyboardInterrupt):
        runner.record_all("tiny", store=store)
    probe.fail_at = None
    assert runner.record_all("tiny", store=store) == runner.Made(written=5, kept=4)
    assert len(probe.runs) == len(set(probe.runs)) + 3  # both experiments share object and seed 0


@pytest.mark.parametrize(
    "edit", [{"result": {}}, {"data_hash": "other"}, {"configuration": {"oracle": 1}}, {"fingerprint": "0"}]
)
def test_what_is_said_to_be_made_again_is_made_again(probe, tmp_path, capsys, edit):
    store = ResultStore(tmp_path)
    runner.record_all("tiny", ["first"], store=store)
    path = tmp_path / "first" / f"{NAMES[1]}-s0.json"
    before = json.loads(path.read_text())
    path.write_text(json.dumps(before | edit))
    assert runner.record_all("tiny", ["first"], store=store) == runner.Made(written=1, kept=2)
    assert f"to be made again: {path}" in capsys.readouterr().out
    assert json.loads(path.read_text())["result"] == before["result"]


def test_objects_side_by_side_give_the_same_records(model, make_object, tmp_path):
    profile = Profile("tiny", "tiny", (), 3, iterations=2, rays_per_step=64, seeds=(0, 1))
    jobs = [(make_object(n), get_experiment("e01_oracle"), 0) for n in range(2)]
    recorders = [
        Recorder(profile, model, ResultStore(tmp_path / name), OracleCache(tmp_path / f"oracles-{name}"))
        for name in ("alone", "beside")
    ]
    for recorder, processes in zip(recorders, (1, 2), strict=True):
        assert recorder.make_missing(jobs, False, processes) == runner.Made(written=2, kept=0)
    for item, experiment, seed in jobs:
        alone, other = (r.store.get(r.key(item, experiment, seed)) for r in recorders)
        assert alone["result"] == other["result"]


def test_a_failure_says_of_which_job(model, make_object, tmp_path):
    profile = Profile("tiny", "tiny", (), 1, iterations=1, rays_per_step=8, views_per_step=1, seeds=(0,))
    recorder = Recorder(profile, model, ResultStore(tmp_path), OracleCache(tmp_path / "oracles"))
    said = "disc0, e01_oracle, seed 0: .*give rays_per_step or views_per_step, not both"
    with pytest.raises(ValueError, match=said):
        recorder.make_missing([(make_object(0), get_experiment("e01_oracle"), 0)], False, 1)
