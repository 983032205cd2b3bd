"""Rendering files into a dataset: resumed, reported; the project's own data and their digests."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest
import torch
import trimesh
from PIL import Image

from lrm_core.files import digest
from lrm_core.objects import build, load_object, load_split, split_names
from lrm_core.objects.build import build_procedural, make_entry, read_manifest, record_entries, render_path
from lrm_core.objects.caster import render_object
from lrm_core.objects.mesh_render import render_mesh
from lrm_core.objects.procedural import FIRST_HELD_OUT_SEED, procedural_name

DATA = Path(__file__).resolve().parents[2] / "data"
MINI = DATA / "mini/objects"
MESHES = Path(__file__).resolve().parents[1] / "fixtures/meshes"
SMALL = dict(views=2, resolution=8)


def test_folder_becomes_a_dataset(meshes, tmp_path):
    report = render_path(meshes, tmp_path / "out", **SMALL)
    assert (report.rendered, report.kept, report.failed) == (["ball", "box"], [], {})
    found = {loaded.name: loaded for loaded in load_split(tmp_path / "out", "all")}
    assert sorted(found) == ["ball", "box"]
    assert found["box"].images.shape == (2, 3, 8, 8)
    assert found["box"].masks.max() == 1
    assert not torch.equal(found["box"].poses, found["ball"].poses)


@pytest.mark.parametrize("change", [dict(views=3), dict(resolution=9), dict(seed=1)])
def test_other_cameras_are_not_taken_for_finished(meshes, tmp_path, change):
    render_path(meshes / "box.ply", tmp_path / "out", **SMALL)
    report = render_path(meshes / "box.ply", tmp_path / "out", **(SMALL | change))
    assert report.kept == []
    assert "out/box: exists with other views, resolution or seed; remove it" in report.failed["box"]


def test_bad_arguments(meshes, tmp_path):
    with pytest.raises(ValueError, match=r"views and resolution must be at least 1, found 0 and 128"):
        render_path(meshes, tmp_path / "out", views=0)
    trimesh.creation.box().export(meshes / "box.obj")
    with pytest.raises(ValueError, match=r"box\.ply: would overwrite the views of box\.obj"):
        render_path(meshes, tmp_path / "out")


def test_procedural_objects_are_the_held_out_ones(tmp_path):
    build_procedural(tmp_path, **SMALL)
    names = split_names(tmp_path, "all")
    assert names == [procedural_name(FIRST_HELD_OUT_SEED + index) for index in range(24)]
    assert load_object(tmp_path / names[0]).masks.max() == 1


def _first_view_again(group, name, poses):
    if group == "real":
        return render_mesh(MINI.parents[1] / f"objects/glb/{name}.glb", poses, 128).rgba
    return render_object(int(name.split("_")[1]), poses, 128)[0]


@pytest.mark.parametrize("group", ["real", "procedural"])
def test_objects_of_the_project_can_be_rendered_again(group):
    name = split_names(MINI / group, "val")[0]
    stored = load_object(MINI / group / name)
    again = _first_view_again(group, name, stored.poses[:1])
    composited = again[:, :3] * again[:, 3:] + 1 - again[:, 3:]
    difference = (composited - stored.images[:1]).abs()
    assert difference.mean() < 1 / 255
    assert (difference < 2 / 255).float().mean() > 0.99  # rays at edges may fall differently elsewhere


def test_another_mesh_of_the_name_and_an_edited_one_are_not_taken_for_finished(meshes, tmp_path):
    out = tmp_path / "out"
    render_path(meshes / "box.ply", out, **SMALL)
    assert render_path(meshes / "box.ply", out, **SMALL).kept == ["box"]
    (tmp_path / "other").mkdir()
    trimesh.creation.box((1, 2, 3)).export(tmp_path / "other/box.ply")
    report = render_path(tmp_path / "other/box.ply", out, **SMALL)
    assert "out/box: exists with the views of another mesh of this name" in report.failed["box"]
    (out / "box/render.json").unlink()  # as objects that were rendered before this was stored
    assert render_path(tmp_path / "other/box.ply", out, **SMALL).kept == ["box"]


@pytest.mark.parametrize(
    ("case", "file", "part"),
    [
        ("41_gltf_percent_encoded", "a.gltf", "my tex.png"),
        ("29d_obj_map_d", "a.obj", "mask.png"),
        ("22_obj_map_Kd_option", "a.obj", "tex.png"),
    ],
)
def test_a_mesh_is_another_with_another_texture(tmp_path, case, file, part):
    shutil.copytree(MESHES / case, tmp_path / case)
    render_path(tmp_path / case / file, tmp_path / "out", **SMALL)
    Image.new("L", (2, 2), 255).save(tmp_path / case / part)
    assert "it was edited" in str(render_path(tmp_path / case / file, tmp_path / "out", **SMALL).failed)


def test_an_object_that_another_run_finished_meanwhile_is_kept(meshes, tmp_path, monkeypatch):
    def overtaken(path, *arguments):
        if not (tmp_path / "out" / path.stem).exists():
            monkeypatch.setattr(build, "render_mesh", original)
            render_path(path, tmp_path / "out", **SMALL)
            monkeypatch.setattr(build, "render_mesh", overtaken)
        return original(path, *arguments)

    original = build.render_mesh
    monkeypatch.setattr(build, "render_mesh", overtaken)
    report = render_path(meshes, tmp_path / "out", **SMALL)
    assert (report.rendered, report.kept, report.failed) == ([], ["ball", "box"], {})
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["ball", "box", "meta"]


def test_names_that_cannot_name_a_folder_fail_alone(meshes, tmp_path):
    content = (meshes / "box.ply").read_bytes()
    Path(os.fsdecode(os.fsencode(meshes) + b"/b\xf6x.ply")).write_bytes(content)
    for name in ("failures.csv.ply", "meta.ply", ".hidden.ply"):
        (meshes / name).write_bytes(content)
    report = render_path(meshes, tmp_path / "out", **SMALL)
    assert report.rendered == ["ball", "box"]
    assert sorted(report.failed) == [".hidden", "b\\xf6x", "failures.csv", "meta"]
    assert "b\\xf6x.ply: its name is not UTF-8; rename it" in report.failed["b\\xf6x"]
    assert "b\\xf6x" in (tmp_path / "out/failures.csv").read_text(encoding="utf-8")


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
