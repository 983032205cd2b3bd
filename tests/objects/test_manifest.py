"""The manifest: digests that anybody can recompute, and the project's own data."""

import hashlib
import json
from pathlib import Path

import pytest

from lrm_core.files import digest
from lrm_core.objects.build import make_entry, read_manifest, record_entries

DATA = Path(__file__).resolve().parents[2] / "data"


@pytest.fixture
def data(tmp_path):
    (tmp_path / "objects/vase/rgba").mkdir(parents=True)
    (tmp_path / "objects/vase/rgba/000.png").write_bytes(b"image")
    (tmp_path / "objects/vase/a.npy").write_bytes(b"array")
    (tmp_path / "objects/note.txt").write_bytes(b"note")
    entries = [
        make_entry(tmp_path, "objects/vase", source="made", licence="CC0-1.0", seed=3),
        make_entry(tmp_path, "objects/note.txt", source="written", licence="CC0-1.0"),
    ]
    record_entries(tmp_path, entries)
    return tmp_path


def test_digest_of_a_folder_is_that_of_its_listing(data):
    lines = [
        f"{hashlib.sha256(content).hexdigest()}  {name}\n"
        for name, content in (("a.npy", b"array"), ("rgba/000.png", b"image"))
    ]
    assert digest(data / "objects/vase") == (hashlib.sha256("".join(lines).encode()).hexdigest(), 10)


def test_a_later_entry_replaces_the_earlier(data):
    (data / "objects/note.txt").write_text("changed")
    record_entries(data, [make_entry(data, "objects/note.txt", source="edited", licence="CC0-1.0")])
    assert [(entry.path, entry.source) for entry in read_manifest(data)] == [
        ("objects/note.txt", "edited"),
        ("objects/vase", "made"),
    ]


def test_faulty_manifest(data):
    for content in ("[", '[{"path": "x"}]'):
        (data / "MANIFEST.json").write_text(content)
        with pytest.raises(ValueError, match=r"MANIFEST\.json: not a readable manifest"):
            read_manifest(data)
    (data / "MANIFEST.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"MANIFEST\.json: no such file"):
        read_manifest(data)


def test_the_data_of_the_project_are_as_listed():
    entries = read_manifest(DATA)
    assert [e.path for e in entries if digest(DATA / e.path) != (e.sha256, e.bytes)] == []
    listed = {Path(entry.path) for entry in entries}
    for folder in ("objects", "lpips", "mini/objects", "mini/adapters", "mini/sheets"):
        files = (file.relative_to(DATA) for file in (DATA / folder).rglob("*") if file.is_file())
        assert [file for file in files if not {file, *file.parents} & listed] == []


def test_every_mesh_has_its_evidence_of_licence():
    facts = json.loads((DATA / "objects/LICENSES.json").read_text(encoding="utf-8"))["objects"]
    assert sorted(facts) == sorted(path.stem for path in (DATA / "objects/glb").glob("*.glb"))
    for name, fact in facts.items():
        assert fact["sha256"] == digest(DATA / "objects/glb" / f"{name}.glb")[0]
        assert fact["licence"] == "CC0-1.0"
        assert fact["evidence"]
