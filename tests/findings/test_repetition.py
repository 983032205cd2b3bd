"""Records made again: from nothing, held against the stored ones in units of what objects differ by."""

from math import inf, nan
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from lrm_core.cli import main
from lrm_core.findings import repetition
from lrm_core.findings.c03 import AROUND, ENDS
from lrm_core.findings.verdicts import RULES
from lrm_core.measure.oracles import OracleCache
from lrm_core.profiles import Profile
from lrm_core.records import runner
from lrm_core.records.provenance import Provenance
from lrm_core.records.store import RecordKey, ResultStore

EXPERIMENT = "e00_model"
HERE = Provenance("mini", "0" * 40, "a machine", 1.0)


def filled(folder, results, model="m") -> ResultStore:
    store = ResultStore(folder)
    for name, result in results.items():
        store.put(RecordKey(EXPERIMENT, name, 0, model, "d", {"definition": 1}), result, HERE)
    return store


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """Three objects, whose numbers have the standard deviations 1, 1 and 0."""
    monkeypatch.setattr(Profile, "results", tmp_path / "stored")
    results = {n: {"x": v, "y": [v, 7.0], "null": {"x": v}} for n, v in {"a": 1.0, "b": 2.0, "c": 3.0}.items()}
    return filled(tmp_path / "stored", results)


@pytest.mark.parametrize(
    ("x", "y", "largest", "equal", "within", "where"),
    [
        (2.0, [2.0, 7.0], 0.0, 1, 1, "nowhere"),
        (2.1, [1.5, 7.0], 0.5, 1 / 3, 2 / 3, "b, seed 0: y[0]"),
        (None, [2.0, 7.0], inf, 2 / 3, 2 / 3, "b, seed 0: x"),
        (2.0, [2.0, 7.1], inf, 2 / 3, 2 / 3, "b, seed 0: y[1]"),
        (2.0, [2.0], inf, 2 / 3, 2 / 3, "b, seed 0: y[1]"),
    ],
    ids=["the same", "a difference", "no number any more", "objects agree", "one entry fewer"],
)
def test_numbers_are_compared_by_what_objects_differ_by(stored, tmp_path, x, y, largest, equal, within, where):
    again = filled(tmp_path / "again", {"b": {"x": x, "y": y, "null": {"x": 9.0}}})
    row = repetition.keep_repetition("mini", again)[0].iloc[0]
    assert row[["largest", "equal", "within"]].tolist() == pytest.approx([largest, equal, within])
    assert (row["where"], row["records"], row["passes"]) == (where, 1, largest == 0)


def test_only_records_of_one_kind_are_compared(stored, tmp_path):
    other = filled(tmp_path / "other", {"b": {"x": 2.0}}, model="another")
    with pytest.raises(ValueError, match="e00_model of b, seed 0: no such stored record"):
        repetition.keep_repetition("mini", other)


def of_c3(values: dict[str, float]) -> pd.DataFrame:
    fixed = {"seed": 0, ENDS: 5.0, AROUND["prediction"]: 2.0}
    return pd.DataFrame([{"object": n, **fixed, AROUND["oracle"]: v} for n, v in values.items()])


def judged(stored: pd.DataFrame, again: pd.DataFrame) -> dict:
    return dict(zip(repetition.CLAIM, repetition._claim(RULES["C3"], stored, again), strict=True))


@pytest.mark.parametrize(
    ("again", "largest", "passes"),
    [([1.52, 1.6, 1.7], 0.16, True), ([1.53, 1.6, 1.7], 0.24, False), ([nan, 1.6, 1.7], inf, False)],
)
def test_claims_are_judged_on_what_was_repeated_and_another_verdict_does_not_pass(again, largest, passes):
    stored = {"a": 1.5, "b": 1.6, "c": 1.7, "z": 1.8}
    found = judged(of_c3(stored), of_c3(dict(zip("abc", again, strict=True))))
    assert found["largest"] == pytest.approx(largest, abs=0.01)
    assert (found["stored"], found["passes"]) == (pytest.approx(1.6), passes)
    stored |= {"y": -9.0, "z": 9.0}
    turned = judged(of_c3(stored), of_c3({"a": 0.5, "b": 0.6, "c": 0.7}))
    assert turned["largest"] <= repetition.TOLERANCE
    assert turned["verdict"] != turned["verdict_again"]
    assert not turned["passes"]


def test_it_begins_with_nothing_and_resumes(monkeypatch, tmp_path, model, make_object):
    profile = Profile("mini", "tiny", (), 1, iterations=2, rays_per_step=64, seeds=(0,))
    monkeypatch.setattr(Profile, "results", tmp_path / "stored")
    for module in (runner, repetition):
        monkeypatch.setattr(module, "get_profile", lambda name: profile)
    monkeypatch.setattr(runner, "load_model", lambda name, device: model)
    monkeypatch.setattr(Profile, "members", lambda self: [[Path("disc0")]])
    monkeypatch.setattr(runner, "load_object", lambda folder: make_object(0))
    stored = ResultStore(tmp_path / "stored")
    runner.record_all("mini", ["e01_oracle"], store=stored, cache=OracleCache(tmp_path / "elsewhere"))
    for _ in range(2):
        again = repetition.repeat("mini", tmp_path / "again", experiments=["e01_oracle", "e02_basins"])
        made = {path: path.stat().st_mtime_ns for path in (tmp_path / "again").rglob("*") if path.is_file()}
        assert {path.parent.name for path in made} == {"e01_oracle", "oracles"}, "only what is stored"
    results = [[r["result"] for r in store.records("e01_oracle")] for store in (stored, again)]
    assert results[0] == results[1]


@pytest.mark.parametrize(("value", "code"), [(2.0, 0), (9.0, 1)])
def test_the_command_keeps_its_tables_and_says_whether_they_pass(stored, tmp_path, monkeypatch, value, code):
    again = {"b": {"x": value, "y": [value, 7.0]}}
    monkeypatch.setattr(repetition, "record_all", lambda *args, store, **kw: filled(store.root, again))
    result = CliRunner().invoke(main, ["repeat", "--output-dir", str(tmp_path), "--processes", "1"])
    assert result.exit_code == code, result.output
    assert EXPERIMENT in result.stdout
    assert pd.read_csv(stored.root / repetition.EXPERIMENTS_TABLE)["passes"].tolist() == [code == 0]
