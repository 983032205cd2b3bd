"""Objaverse from a mirror and from a hub on this machine: the draw, licences, checks, the manifest, resuming."""

import hashlib
import json
import re
import time

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hub_server import COMMITS, point_client_at, serving
from huggingface_hub import constants
from objaverse_dataset import LICENCES, UIDS, annotations, box, dataset, packed, write_dataset

from lrm_core.cli import main
from lrm_core.objects import build, load_object, split_names
from lrm_core.objects.build import render_path
from lrm_core.objects.objaverse import MANIFEST, render_objaverse
from lrm_core.objects.objaverse_index import read_uids

SMALL = {"views": 2, "resolution": 8}


@pytest.fixture
def mirror(tmp_path):
    return write_dataset(tmp_path / "mirror")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with serving(dataset()) as running:
        point_client_at(running.address, monkeypatch)
        yield running


def _path(uid):
    return f"glbs/000-{UIDS.index(uid) % 2:03d}/{uid}.glb"


def _manifest(out):
    return json.loads((out / MANIFEST).read_text())


def _ref_drawn(seed, licences):
    """The allowed part of a permutation of every uid."""
    order = np.random.default_rng(seed).permutation(len(UIDS))
    return [sorted(UIDS)[i] for i in order if LICENCES[UIDS.index(sorted(UIDS)[i])] in licences]


def test_objects_become_a_dataset_with_a_manifest(mirror, tmp_path):
    out = tmp_path / "out"
    report = render_objaverse(out, num_objects=5, mirror=mirror, **SMALL)
    assert (len(report.rendered), report.kept, report.failed) == (5, [], {})
    assert [len(split_names(out, split)) for split in ("all", "train", "val")] == [5, 4, 1]
    assert split_names(out, "all") == sorted(report.rendered)
    assert load_object(out / report.rendered[0]).images.shape == (2, 3, 8, 8)
    listed = _manifest(out)
    assert [item["uid"] for item in listed["objects"]] == sorted(report.rendered)
    assert listed["failures"] == {}
    for item in listed["objects"]:
        number = UIDS.index(item["uid"])
        assert item == {
            "uid": UIDS[number],
            "path": _path(UIDS[number]),
            "title": f"Box {number}",
            "author": f"Maker {number}" if number % 2 else f"user{number}",
            "licence": {"by": "CC-BY-4.0", "cc0": "CC0-1.0"}[LICENCES[number]],
            "url": f"https://example.org/{number}",
            "revision": None,
            "sha256": hashlib.sha256(box(number)).hexdigest(),
            "bytes": len(box(number)),
            "seed": 0,
        }


def test_views_are_those_that_lrm_render_makes(mirror, tmp_path):
    render_objaverse(tmp_path / "out", uids=UIDS[:1], mirror=mirror, seed=3, **SMALL)
    render_path(mirror / _path(UIDS[0]), tmp_path / "plain", seed=3, **SMALL)
    ours, plain = (load_object(tmp_path / folder / UIDS[0]) for folder in ("out", "plain"))
    assert torch.equal(ours.images, plain.images)
    assert torch.equal(ours.poses, plain.poses)


@pytest.mark.parametrize(("seed", "licences"), [(0, ("cc0", "by")), (1, ("by-nc", "by-sa"))])
def test_the_draw_is_by_seed_among_the_allowed_licences(mirror, tmp_path, seed, licences):
    wanted = _ref_drawn(seed, licences)[:2]
    found = render_objaverse(tmp_path, num_objects=2, seed=seed, licences=licences, mirror=mirror, **SMALL)
    assert found.rendered == wanted


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda c: c[:-4], "not readable as a mesh"),
        (lambda c: c[:4] + b"\1" + c[5:], "is a GLB of version 1, which is not read"),
        (lambda c: c + bytes(100 * 2**20), "bytes, more than the 104857600 that are rendered"),
    ],
)
def test_a_faulty_object_is_listed_and_the_next_takes_its_place(mirror, tmp_path, damage, reason):
    order, out = _ref_drawn(0, ("cc0", "by")), tmp_path / "out"
    file = mirror / _path(order[1])
    file.write_bytes(damage(file.read_bytes()))
    report = render_objaverse(out, num_objects=3, mirror=mirror, **SMALL)
    assert report.rendered == [order[0], *order[2:4]]
    assert list(report.failed) == [order[1]]
    assert re.search(reason, _manifest(out)["failures"][order[1]])
    assert not (out / order[1]).exists()


@pytest.mark.parametrize(
    "path", ["../../x.glb", "glbs/../../{uid}.glb", "/glbs/000-000/{uid}.glb", "glbs/000-000/../{uid}.glb", 7]
)
def test_an_entry_that_leads_elsewhere_is_refused(mirror, tmp_path, path):
    order = _ref_drawn(0, ("cc0", "by"))
    for target in (tmp_path / "x.glb", tmp_path / f"{order[0]}.glb"):
        target.write_bytes(box(0))
    entry = path.format(uid=order[0]) if isinstance(path, str) else path
    paths = {uid: _path(uid) for uid in UIDS} | {order[0]: entry}
    (mirror / "object-paths.json.gz").write_bytes(packed(paths))
    report = render_objaverse(tmp_path / "out", num_objects=1, mirror=mirror, **SMALL)
    assert report.rendered == [order[1]]
    assert report.failed[order[0]].endswith("which is refused")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, "does not list it, so its licence is unknown"),
        ({"license": None}, "unknown licence 'None'; known are cc0, by,"),
        ({"license": "all rights reserved"}, "unknown licence 'all rights reserved'"),
    ],
)
def test_an_object_without_a_known_licence_is_not_taken(mirror, tmp_path, changed, reason):
    content = {UIDS[0]: annotations(0) | changed} if changed else {}
    (mirror / "metadata/000-000.json.gz").write_bytes(packed(content))
    report = render_objaverse(tmp_path / "out", uids=[UIDS[0]], mirror=mirror, **SMALL)
    assert report.rendered == []
    assert reason in report.failed[UIDS[0]]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"plain", "not readable as gzipped JSON"), (packed([]), "expected an object of JSON, found list")],
    ids=["not gzipped", "a list"],
)
def test_index_files_that_cannot_be_read_are_named(mirror, tmp_path, content, reason):
    (mirror / "metadata/000-000.json.gz").write_bytes(content)
    report = render_objaverse(tmp_path / "out", uids=UIDS[:2], mirror=mirror, **SMALL)
    assert report.rendered == [UIDS[1]]
    assert reason in report.failed[UIDS[0]]
    assert "metadata/000-000.json.gz" in report.failed[UIDS[0]]
    (mirror / "object-paths.json.gz").write_bytes(content)
    with pytest.raises(ValueError, match=rf"object-paths\.json\.gz: {reason}"):
        render_objaverse(tmp_path / "out", mirror=mirror, **SMALL)


def test_a_partial_mirror_offers_what_it_has(mirror, tmp_path):
    for uid in UIDS[2:]:
        (mirror / _path(uid)).unlink()
    report = render_objaverse(tmp_path / "out", mirror=mirror, **SMALL)
    assert (sorted(report.rendered), report.failed) == (sorted(UIDS[:2]), {})
    report = render_objaverse(tmp_path / "out", uids=UIDS[:4], mirror=mirror, **SMALL)
    assert sorted(report.kept) == sorted(UIDS[:2])
    assert f"{_path(UIDS[3])}: no such file" in report.failed[UIDS[3]]


def test_an_interrupted_call_goes_on(mirror, tmp_path, monkeypatch):
    original, out = build.render_mesh, tmp_path / "out"
    order = _ref_drawn(0, ("cc0", "by"))

    def dies(path, *arguments):
        if path.stem == order[2]:
            raise KeyboardInterrupt
        return original(path, *arguments)

    monkeypatch.setattr(build, "render_mesh", dies)
    with pytest.raises(KeyboardInterrupt):
        render_objaverse(out, num_objects=4, mirror=mirror, **SMALL)
    assert [item["uid"] for item in _manifest(out)["objects"]] == sorted(order[:2])
    monkeypatch.undo()
    report = render_objaverse(out, num_objects=4, mirror=mirror, **SMALL)
    assert (report.kept, report.rendered) == (order[:2], order[2:4])
    render_objaverse(tmp_path / "at_once", num_objects=4, mirror=mirror, **SMALL)
    assert _manifest(out) == _manifest(tmp_path / "at_once")


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"num_objects": 0}, ValueError, "number of objects must be at least 1, found 0"),
        ({"licences": ["by", "free"]}, ValueError, "expected some of the licences cc0, by, .* found by,free"),
        ({"licences": []}, ValueError, "found none"),
        ({"mirror": "nowhere"}, FileNotFoundError, r"nowhere/object-paths\.json\.gz: no such file; a mirror"),
    ],
)
def test_bad_arguments(mirror, tmp_path, arguments, kind, message):
    with pytest.raises(kind, match=message):
        render_objaverse(tmp_path / "out", **{"mirror": mirror} | SMALL | arguments)
    assert not (tmp_path / "out").exists()


def test_a_damaged_manifest_is_named(mirror, tmp_path):
    for content in ("{", "{}", '{"objects": [{"uid": 1}], "failures": {}}', "[]"):
        (tmp_path / MANIFEST).write_text(content)
        with pytest.raises(ValueError, match=rf"{MANIFEST}: not a readable manifest .*; remove it"):
            render_objaverse(tmp_path, mirror=mirror, **SMALL)


def test_the_hub_gives_what_a_mirror_gives_at_a_recorded_commit(hub, mirror, tmp_path):
    render_objaverse(tmp_path / "hub", num_objects=3, **SMALL)
    render_objaverse(tmp_path / "mirror_out", num_objects=3, mirror=mirror, **SMALL)
    found, expected = _manifest(tmp_path / "hub"), _manifest(tmp_path / "mirror_out")
    assert [item.pop("revision") for item in found["objects"]] == [COMMITS[0]] * 3
    assert [item.pop("revision") for item in expected["objects"]] == [None] * 3
    assert found == expected
    assert {commit for *_, commit in hub.asked} == {COMMITS[0]}


def test_a_folder_keeps_to_the_commit_of_its_first_object(hub, tmp_path):
    render_objaverse(tmp_path / "out", num_objects=1, **SMALL)
    hub.newest = 1
    render_objaverse(tmp_path / "out", num_objects=3, **SMALL)
    assert {item["revision"] for item in _manifest(tmp_path / "out")["objects"]} == {COMMITS[0]}
    render_objaverse(tmp_path / "new", num_objects=1, **SMALL)
    assert {item["revision"] for item in _manifest(tmp_path / "new")["objects"]} == {COMMITS[1]}


def test_a_file_that_the_hub_lacks_or_names_otherwise_is_a_failure_of_its_object(hub, tmp_path):
    del hub.files[_path(UIDS[0])]
    report = render_objaverse(tmp_path / "out", uids=UIDS[:2], **SMALL)
    assert report.rendered == [UIDS[1]]
    assert report.failed[UIDS[0]] == f"{_path(UIDS[0])}: not in the dataset allenai/objaverse at {COMMITS[0]}"
    hub.fault = "wrong"
    report = render_objaverse(tmp_path / "out", uids=UIDS[5:6], **SMALL)
    assert f"instead of {hashlib.sha256(box(5)).hexdigest()}, the file is damaged" in report.failed[UIDS[5]]


def test_no_network_ends_in_one_sentence_and_loses_nothing(hub, tmp_path, monkeypatch):
    out = tmp_path / "out"
    render_objaverse(out, num_objects=1, **SMALL)
    point_client_at("http://127.0.0.1:9", monkeypatch)
    monkeypatch.setattr(time, "sleep", lambda _: None)  # between the client's own attempts
    assert len(render_objaverse(out, num_objects=1, **SMALL).kept) == 1
    with pytest.raises(ConnectionError, match=r"^allenai/objaverse/glbs.* could not be downloaded") as caught:
        render_objaverse(out, num_objects=2, **SMALL)
    assert "\n" not in str(caught.value)
    assert len(_manifest(out)["objects"]) == 1
    assert _manifest(out)["failures"] == {}


def test_offline_mode_says_so(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    result = CliRunner().invoke(main, ["render-objaverse", "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "object-paths.json.gz could not be downloaded" in result.stderr
    assert "(HF_HUB_OFFLINE is set): connect to the network" in result.stderr
    assert "Traceback" not in result.stderr


def _lrm(mirror, out, *arguments):
    sizes = ["--views", "2", "--resolution", "8", "--mirror", str(mirror), "--out", str(out)]
    return CliRunner().invoke(main, ["render-objaverse", *sizes, *arguments])


def test_the_command_renders_and_says_what_failed(mirror, tmp_path):
    out, order = tmp_path / "out", _ref_drawn(4, ("cc0", "by-sa"))
    (mirror / _path(order[0])).write_bytes(b"broken")
    result = _lrm(mirror, out, "--num-objects", "2", "--seed", "4", "--licences", "cc0,by-sa")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{out}: 2 rendered, 0 kept, 1 failed; see {out / MANIFEST}\n"
    assert f"{order[0]}.glb: not readable as a mesh" in result.stderr
    assert split_names(out, "all") == sorted(order[1:3])


def test_the_command_takes_a_list_and_exits_with_2_where_it_falls_short(mirror, tmp_path):
    unknown = "f" * 32
    (tmp_path / "uids.txt").write_text(f"{UIDS[0]}\n\n  {UIDS[1]}\n{UIDS[0]}\n{UIDS[2]}\n{unknown}\n")
    assert read_uids(tmp_path / "uids.txt") == [*UIDS[:3], unknown]
    result = _lrm(mirror, tmp_path / "out", "--uids", str(tmp_path / "uids.txt"))
    assert result.exit_code == 2
    assert "2 rendered, 0 kept, 2 failed" in result.stdout
    assert f"{UIDS[2]}: its licence is by-nc; allowed are cc0, by" in result.stderr
    assert f"{unknown}: not among the 8 objects of object-paths.json.gz" in result.stderr
    assert "out: 2 of 4 objects" in result.stderr
    assert set(_manifest(tmp_path / "out")["failures"]) == {UIDS[2], unknown}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no uids; expected one a line"),
        ("../evil\n", "expected uids of 32 .*, found '../evil'"),
        (None, "no such"),
    ],
)
def test_a_list_that_is_none_is_named(tmp_path, content, message):
    if content is not None:
        (tmp_path / "uids.txt").write_text(content)
    with pytest.raises((ValueError, FileNotFoundError), match=rf"uids\.txt: {message}"):
        read_uids(tmp_path / "uids.txt")
