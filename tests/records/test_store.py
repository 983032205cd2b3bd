"""Results store: what is stale, what is damaged, what a failure leaves behind."""

import json
from dataclasses import replace
from math import nan

import pytest

from lrm_core.paths import data_dir
from lrm_core.records.provenance import Provenance
from lrm_core.records.store import DIGESTS, RecordKey, ResultStore

KEY = RecordKey("e05", "chair", 0, "weights", "images", {"lr": 0.01, "oracle": {"iterations": 10}})
RESULT = {"shares": {"low": 0.25, "high": 0.5}, "profile": [1.0, 2.0]}
PROVENANCE = Provenance("smoke", "abc", {"cores": 2}, 1.5)


@pytest.fixture
def store(tmp_path):
    return ResultStore(tmp_path / "results")


def test_what_was_put_is_got_and_nothing_else(store):
    assert store.get(KEY) is store.stale(KEY) is None
    assert store.table("e05").empty
    path = store.put(KEY, RESULT, PROVENANCE)
    record = store.get(KEY)
    assert path == store.root / "e05" / "chair-s0.json"
    assert record["result"] == RESULT
    assert record["provenance"]["revision"] == "abc"
    assert store.stale(KEY) is None


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"model_hash": "trained longer"}, "model_hash weights, now trained longer"),
        ({"data_hash": "rendered anew"}, "data_hash images, now rendered anew"),
        (
            {"configuration": {"lr": 0.02, "oracle": {"iterations": 11}}},
            "configuration with lr = 0.01, now 0.02, oracle = {'iterations': 10}, now {'iterations': 11}",
        ),
    ],
)
def test_a_record_made_otherwise_is_stale(store, changed, why):
    path, other = store.put(KEY, RESULT, PROVENANCE), replace(KEY, **changed)
    assert store.get(other) is None
    assert store.stale(other) == f"{path}: made by {why}"


def test_writing_again_changes_only_provenance_and_what_cannot_be_written_nothing(store):
    path = store.put(KEY, RESULT, PROVENANCE)
    first = path.read_bytes()
    reordered = dict(reversed(RESULT.items()))
    store.put(KEY, reordered, PROVENANCE)
    with pytest.raises(ValueError, match=r"result\.shares\.low: nan"):
        store.put(KEY, {"shares": {"low": nan}}, PROVENANCE)
    assert path.read_bytes() == first
    store.put(KEY, reordered, replace(PROVENANCE, seconds=99.0))
    changed = [a for a, b in zip(first.splitlines(), path.read_bytes().splitlines(), strict=True) if a != b]
    assert [line.split(b":")[0] for line in changed] == [b'  "seconds"', b' "digest"']


def test_table(store):
    for seed, low in enumerate((0.25, 0.75)):
        store.put(replace(KEY, seed=seed), RESULT | {"shares": {"low": low}}, PROVENANCE)
    table = store.table("e05")
    assert table["seed"].tolist() == [0, 1]
    assert table["shares.low"].tolist() == [0.25, 0.75]
    assert table["profile"].tolist() == [[1.0, 2.0]] * 2
    assert table["provenance.seconds"].tolist() == [1.5, 1.5]
    assert table["provenance.profile"].tolist() == [PROVENANCE.profile] * 2
    assert table["experiment"].tolist() == ["e05", "e05"]


def test_table_does_not_mix_models_or_configurations(store):
    store.put(KEY, RESULT, PROVENANCE)
    store.put(replace(KEY, object="table", model_hash="other"), RESULT, PROVENANCE)
    with pytest.raises(ValueError, match="records with different model_hash"):
        store.table("e05")
    assert store.table("e05", model_hash="other")["object"].tolist() == ["table"]
    assert store.table("e05", configuration={"lr": 0.5}).empty
    store.put(replace(KEY, seed=3, configuration={"lr": 0.5}), RESULT, PROVENANCE)
    with pytest.raises(ValueError, match="records with different configuration"):
        store.table("e05", model_hash="weights")


RECORD = "e05/chair-s0.json"


@pytest.mark.parametrize(
    ("content", "fault"), [(b'{"experiment"', "not readable as JSON"), (b"[1]", "without experiment")]
)
def test_a_damaged_record_is_named(store, content, fault):
    path = store.put(KEY, RESULT, PROVENANCE)
    path.write_bytes(content)
    for read in (lambda: store.get(KEY), lambda: store.table("e05")):
        with pytest.raises(ValueError, match=rf"{RECORD}: damaged record \(.*{fault}"):
            read()
    assert fault in store.stale(KEY)


@pytest.mark.parametrize("strip", [False, True])
@pytest.mark.parametrize(
    ("edit", "fault"),
    [
        ({"result": {"shares": {"low": nan}}}, "it holds NaN"),
        ({"result": {}}, "(holds no number|expected the digest)"),
        ({"result": None}, "not of the expected kind: result"),
        ({"result": {"shares": {"low": None, "high": "0.5"}}}, "(holds no number|expected the digest)"),
        ({"seed": "0"}, "not of the expected kind: seed"),
        ({"provenance": {}}, "not of the expected kind: provenance.profile"),
        ({"data_hash": "other"}, "its fields have the fingerprint"),
        ({"fingerprint": "0" * 16}, "its fields have the fingerprint"),
        ({"configuration": {"lr": 1}}, "its fields have the fingerprint"),
    ],
)
def test_an_edited_record_is_refused_with_or_without_its_digest(store, strip, edit, fault):
    path = store.put(KEY, RESULT, PROVENANCE)
    record = json.loads(path.read_text()) | edit
    if strip:
        del record["digest"]
    path.write_text(json.dumps(record))
    with pytest.raises(ValueError, match=rf"{RECORD}: damaged record \(.*{fault}"):
        store.table("e05")
    assert "damaged" in store.stale(KEY)


@pytest.mark.parametrize("listed", [False, True])
def test_an_edited_number_is_noticed_by_the_digest_in_the_record_or_in_the_list(store, listed):
    path = store.put(KEY, RESULT, PROVENANCE)
    record = json.loads(path.read_text())
    if listed:
        (store.root / DIGESTS).write_text(json.dumps({record["fingerprint"]: record.pop("digest")}))
        path.write_text(json.dumps(record))
        assert ResultStore(store.root).get(KEY)["result"] == RESULT
    record["result"]["shares"]["low"] = 0.26
    path.write_text(json.dumps(record))
    with pytest.raises(ValueError, match=rf"{RECORD}: damaged record \(expected the digest"):
        ResultStore(store.root).get(KEY)


@pytest.mark.parametrize("root", sorted((data_dir() / "results").iterdir()), ids=lambda root: root.name)
def test_every_stored_record_counts(root):
    for folder in root.glob("e*"):
        files = sorted(folder.glob("*.json"))
        assert len(list(ResultStore(root).records(folder.name))) == len(files) > 0


@pytest.mark.parametrize("named", [{"object": "../chair"}, {"experiment": ""}])
def test_names_are_plain(named):
    with pytest.raises(ValueError, match="without folders"):
        replace(KEY, **named)
