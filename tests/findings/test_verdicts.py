"""Rules and scorecard: each verdict is reached, and nothing is decided without records."""

from dataclasses import asdict
from typing import get_args

import pytest

from lrm_core.findings.claims import HEADLINES, claims, published
from lrm_core.findings.rules import Verdict
from lrm_core.findings.verdicts import RULES, experiment_table, verdicts
from lrm_core.measure.experiments import EXPERIMENTS, get_experiment
from lrm_core.profiles import get_profile
from lrm_core.records.provenance import Provenance, weights_hash
from lrm_core.records.store import RecordKey, ResultStore

PROVENANCE = Provenance("mini", "abc", {}, 1.0)


def test_every_claim_has_a_headline_and_rules_use_the_vocabulary():
    assert list(claims()) == list(HEADLINES) == [f"C{k}" for k in range(1, 15)]
    for claim_id, rule in RULES.items():
        assert rule.claim == claim_id
        assert rule.experiment in {*EXPERIMENTS, "e14_finetuning"}
        assert {case.verdict for case in rule.cases} <= set(get_args(Verdict))
        assert not rule.cases[-1].conditions


def put_spectra(store: ResultStore, model_hash: str, count: int = 4) -> None:
    configuration = asdict(get_experiment("e05_residual_spectrum").configuration(get_profile("mini")))
    for k in range(count):
        shares = {
            "published": {"high": 0.5 + 0.001 * k, "high_minus_low": 0.3},
            "power": {"high": 0.1 + 0.01 * k, "high_minus_low": -0.5},
        }
        key = RecordKey("e05_residual_spectrum", f"o{k}", 0, model_hash, "data", configuration)
        store.put(key, {"predicted": shares, "floor": {"high": 0.01}}, PROVENANCE)


def test_scorecard_reads_the_records(tmp_path):
    store = ResultStore(tmp_path)
    card = verdicts("mini", store=store)
    assert card["claim"].tolist() == [f"C{k}" for k in range(1, 15)]
    assert set(card["verdict"]) == {"not measured yet"}
    assert card[["ours_published_definition", "audited", "low", "high"]].isna().all(axis=None)
    assert card["published"].notna().all()
    put_spectra(store, "weights")
    row = verdicts("mini", store=store, model_hash="weights").set_index("claim").loc["C2"]
    assert row["verdict"] == "metric artefact"
    assert row["ours_published_definition"] == pytest.approx(0.5015)
    assert row["low"] < row["audited"] < row["high"]
    assert row["objects"] == 4
    assert "but by power the low one does" in row["rule"]


def test_without_being_told_the_scorecard_reads_the_weights_that_are_there(tmp_path):
    store = ResultStore(tmp_path)
    put_spectra(store, "older weights", count=5)
    card = verdicts("mini", store=store).set_index("claim")
    assert card.loc["C2", "verdict"] == "not measured yet"
    assert experiment_table("e05_residual_spectrum", "mini", store=store).empty

    put_spectra(store, weights_hash("mini"))  # replaces four of the five
    card = verdicts("mini", store=store).set_index("claim")
    assert card.loc["C2", "objects"] == 4


def test_weights_that_are_elsewhere_hide_no_record(tmp_path, monkeypatch):
    monkeypatch.setitem(experiment_table.__globals__, "weights_hash", lambda model: None)
    store = ResultStore(tmp_path)
    put_spectra(store, "weights of the cluster")
    assert len(experiment_table("e05_residual_spectrum", "mini", store=store)) == 4


@pytest.mark.parametrize(
    ("ask", "name", "known"),
    [
        (published, "C15", "claim 'C15'; expected one of C1, C2"),
        (verdicts, "huge", "profile 'huge'; expected one of smoke"),
    ],
)
def test_what_is_unknown_is_named(ask, name, known):
    with pytest.raises(ValueError, match=f"unknown {known}"):
        ask(name)
