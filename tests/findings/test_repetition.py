"""Records made again: from nothing, held against the stored ones in units of what objects differ by."""

from math import inf, nan
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from lrm_core.cli import main
from lrm_core.findings import repetition
from lrm_core.findings.c03 import AROUND, ENDS
from lrm_core.findings.repetition import (
    TOLERANCE,
    repeat,
    repeated_claims,
    repeated_experiments,
)
from lrm_core.findings.rulebook import RULES
from lrm_core.measure.oracles import OracleCache
from lrm_core.profiles import Profile
from lrm_core.records import runner
from lrm_core.records.provenance import Provenance
from lrm_core.records.store import RecordKey, ResultStore

EXPERIMENT = "e05_residual_spectrum"
OBJECTS = {"a": 1.0, "b": 2.0, "c": 3.0}  # standard deviation 1
HERE = Provenance("mini", "0" * 40, "a machine", 1.0)


def key(name: str, experiment: str = EXPERIMENT, model: str = "m") -> RecordKey:
    return RecordKey(experiment, name, 0, model, "d", {"definition": 1})


def filled(folder, results, **of_key) -> ResultStore:
    store = ResultStore(folder)
    for name, result in results.items():
        store.put(key(name, **of_key), result, HERE)
    return store


@pytest.fixture
def stored(tmp_path) -> ResultStore:
    return filled(tmp_path / "stored", {n: {"x": v, "y": [v, 7.0]} for n, v in OBJECTS.items()})


def row(stored, folder, result) -> pd.Series:
    return repeated_experiments(stored, filled(folder, {"b": result})).iloc[0]


def test_the_same_numbers_again(stored, tmp_path):
    found = row(stored, tmp_path / "again", {"x": 2.0, "y": [2.0, 7.0]})
    assert found[["records", "numbers", "equal", "within", "largest"]].tolist() == [1, 3, 1, 1, 0]
    assert found["where"] == "nowhere"
    assert found["passes"]


def test_a_difference_counts_in_standard_deviations_over_the_objects(stored, tmp_path):
    found = row(stored, tmp_path / "again", {"x": 2.1, "y": [1.5, 7.0]})
    assert found["largest"] == pytest.approx(0.5)
    assert found["where"] == "b, seed 0: y[0]"
    assert found["within"] == pytest.approx(2 / 3)
    assert found["equal"] == pytest.approx(1 / 3)
    assert not found["passes"]


@pytest.mark.parametrize(
    "result",
    [{"x": None, "y": [2.0, 7.0]}, {"x": 2.0, "y": [2.0, 7.1]}, {"x": 2.0, "y": [2.0]}],
    ids=["no number any more", "objects agree and the repetition does not", "one entry fewer"],
)
def test_what_no_standard_deviation_measures_is_too_far(stored, tmp_path, result):
    assert row(stored, tmp_path / "again", result)["largest"] == inf


def test_null_oracles_are_noise(tmp_path):
    old = filled(
        tmp_path / "old", {n: {"x": v, "null": {"x": v}, "start_null": v} for n, v in OBJECTS.items()}
    )
    found = row(old, tmp_path / "again", {"x": 2.0, "null": {"x": 9.0}, "start_null": 9.0})
    assert found["numbers"] == 1
    assert found["largest"] == 0


def test_only_records_of_one_kind_are_compared(stored, tmp_path):
    other = filled(tmp_path / "other", {"b": {"x": 2.0}}, model="another")
    with pytest.raises(
        ValueError, match="e05_residual_spectrum of b, seed 0: expected a stored record of the same"
    ):
        repeated_experiments(stored, other)


@pytest.fixture
def judged(monkeypatch):
    """Tables of C3 in place of the stores, with the columns that its rule reads; others are empty."""
    tables = {}

    def table(experiment, profile, store):
        return tables[store] if experiment == RULES["C3"].experiment else pd.DataFrame()

    monkeypatch.setattr(repetition, "experiment_table", table)
    return tables


def of_c3(values: dict[str, float]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"object": n, "seed": 0, ENDS: 5.0, AROUND["prediction"]: 2.0, AROUND["oracle"]: v}
            for n, v in values.items()
        ]
    )


def test_claims_are_judged_on_the_objects_that_were_repeated(judged):
    judged["old"] = of_c3({"a": 1.5, "b": 1.6, "c": 1.7, "z": 1.8})
    judged["new"] = of_c3({"c": 1.7, "b": 1.6, "a": 1.52})
    (found,) = repeated_claims("mini", "old", "new").to_dict("records")
    assert (found["claim"], found["objects"]) == ("C3", 3)
    assert found["stored"] == pytest.approx(1.6)
    assert found["again"] == pytest.approx(1.6 + 0.02 / 3)
    assert found["largest"] == pytest.approx(0.02 / pd.Series([1.5, 1.6, 1.7, 1.8]).std())
    assert found["passes"]


def test_a_number_of_one_object_beyond_the_tolerance_does_not_pass(judged):
    judged |= {"old": of_c3({"a": 1.5, "b": 1.6, "c": 1.7}), "new": of_c3({"a": 1.53, "b": 1.6, "c": 1.7})}
    (found,) = repeated_claims("mini", "old", "new").to_dict("records")
    assert found["largest"] == pytest.approx(0.3)
    assert found["verdict"] == found["verdict_again"]
    assert not found["passes"]


def test_a_number_that_is_missing_does_not_pass(judged):
    judged |= {"old": of_c3({"a": 1.5, "b": 1.6, "c": 1.7}), "new": of_c3({"a": nan, "b": 1.6, "c": 1.7})}
    (found,) = repeated_claims("mini", "old", "new").to_dict("records")
    assert found["largest"] == inf
    assert not found["passes"]


def test_another_verdict_does_not_pass(judged):
    spread = {"y": -9.0, "z": 9.0}  # so that the difference itself stays within the tolerance
    judged["old"] = of_c3({"a": 1.5, "b": 1.6, "c": 1.7} | spread)
    judged["new"] = of_c3({"a": 0.5, "b": 0.6, "c": 0.7})
    (found,) = repeated_claims("mini", "old", "new").to_dict("records")
    assert found["largest"] <= TOLERANCE
    assert (found["verdict"], found["verdict_again"]) == (
        "replicated with a different size",
        "metric artefact",
    )
    assert not found["passes"]


@pytest.fixture
def tiny(monkeypatch, tmp_path, model, make_object) -> None:
    """A profile of one object, whose oracles take two steps."""
    profile = Profile("mini", "tiny", (), 1, iterations=2, rays_per_step=64, seeds=(0,))
    monkeypatch.setattr(Profile, "results", tmp_path / "stored")
    for module in (runner, repetition):
        monkeypatch.setattr(module, "get_profile", lambda name: profile)
    monkeypatch.setattr(runner, "load_model", lambda name, device: model)
    monkeypatch.setattr(Profile, "object_folders", lambda self, every=False: [Path("disc0")])
    monkeypatch.setattr(runner, "load_object", lambda folder: make_object(0))


def test_it_begins_with_nothing_and_resumes(tiny, tmp_path):
    stored = ResultStore(tmp_path / "stored")
    runner.record_all("mini", ["e01_oracle"], store=stored, cache=OracleCache(tmp_path / "elsewhere"))
    again = repeat("mini", tmp_path / "again", ["e01_oracle", "e02_basins"])
    assert [r["result"] for r in again.records("e01_oracle")] == [
        r["result"] for r in stored.records("e01_oracle")
    ]
    assert not list(again.records("e02_basins")), "nothing is repeated that is not stored"
    made = sorted(path for path in (tmp_path / "again").rglob("*") if path.is_file())
    assert {path.parent.name for path in made} == {"e01_oracle", "oracles"}
    times = [path.stat().st_mtime_ns for path in made]
    repeat("mini", tmp_path / "again", ["e01_oracle", "e02_basins"])
    assert [path.stat().st_mtime_ns for path in made] == times


@pytest.mark.parametrize(("value", "code"), [(2.0, 0), (9.0, 1)])
def test_the_command_keeps_its_tables_and_says_whether_they_pass(stored, tmp_path, monkeypatch, value, code):
    again = {"b": {"x": value, "y": [value, 7.0]}}
    monkeypatch.setattr(Profile, "results", stored.root)
    monkeypatch.setattr(repetition, "RULES", {})
    monkeypatch.setattr(repetition, "record_all", lambda *args, store, **kw: filled(store.root, again))
    result = CliRunner().invoke(main, ["repeat", "--output-dir", str(tmp_path), "--processes", "1"])
    assert result.exit_code == code, result.output
    assert EXPERIMENT in result.stdout
    assert pd.read_csv(stored.root / "repeated/experiments.csv")["passes"].tolist() == [code == 0]
    assert pd.read_csv(stored.root / "repeated/claims.csv").empty
