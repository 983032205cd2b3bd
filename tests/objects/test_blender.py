"""Rendering through another program: its faults, its end, and resuming. Scripts stand in for Blender."""

import csv
import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
import torch
import trimesh
from click.testing import CliRunner

from lrm_core.cli import main
from lrm_core.objects import load_object, split_names
from lrm_core.objects.blender import SCRIPT, VARIABLE, Cycles, blender_command, run_script
from lrm_core.objects.build import FAILURES, render_path

SMALL = dict(views=2, resolution=8)
HEAD = """#!{python}
import json, os, subprocess, sys, time
from pathlib import Path
from PIL import Image

file = Path(sys.argv[-1])
job = json.loads(file.read_text())

def paint(size, views):
    for view in range(views):
        colour = (view * 50, job["seeds"][view] % 256, 200, 255)
        Image.new("RGBA", size, colour).save(file.with_name(f"{{view:03d}}.png"))

if "{faulty}" in job["mesh"]:
    {fault}
size = [int(side) for side in job["intrinsics"][2]]
paint(size, len(job["poses"]))
"""
FAULTS = {
    "raise ValueError('the importer gave up')": "exit code 1 (ValueError: the importer gave up)",
    "sys.exit(3)": "exit code 3 (without a message)",
    "os.kill(os.getpid(), 9)": "Blender was ended by SIGKILL (without a message)",
    "paint((8, 9), 2); sys.exit(0)": "Blender's view 000.png is 8x9, expected 8x8 pixels",
    "paint((8, 8), 1); sys.exit(0)": "Blender left no view 001.png",
    "file.with_name('000.png').write_text('x'); sys.exit(0)": "000.png: corrupt or not a PNG",
}


@pytest.fixture
def stub(tmp_path):
    """Makes a program that paints what is asked for, but fails at files whose path holds the given word."""

    def make(fault: str = "pass", faulty: str = "ball.glb") -> tuple[str, ...]:
        path = tmp_path / "stub"
        path.write_text(HEAD.format(python=sys.executable, fault=fault, faulty=faulty))
        path.chmod(0o755)
        return blender_command(str(path))

    return make


def ended(process_id: int) -> bool:
    try:
        return psutil.Process(process_id).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_both_engines_write_the_same_cameras_in_the_same_format(meshes, tmp_path, stub):
    render_path(meshes, tmp_path / "cast", **SMALL, seed=5)
    report = render_path(meshes, tmp_path / "cycles", **SMALL, seed=5, cycles=Cycles(stub(), samples=4))
    assert (report.rendered, report.failed) == (["ball", "box"], {})
    assert names(tmp_path / "cycles") == names(tmp_path / "cast") == ["ball", "box", "meta"]
    for name in ("ball", "box"):
        ours, theirs = (load_object(tmp_path / engine / name) for engine in ("cycles", "cast"))
        assert torch.equal(ours.poses, theirs.poses)
        assert torch.equal(ours.intrinsics, theirs.intrinsics)
        assert (ours.images[:, 0] * 255).round().amax((1, 2)).tolist() == [0, 50]
        settings = json.loads((tmp_path / "cycles" / name / "render.json").read_text())
        assert settings.pop("mesh")
        assert settings == {"engine": "cycles", "samples": 4}


@pytest.mark.parametrize("fault", FAULTS)
def test_failing_object_is_recorded_and_tried_again(meshes, tmp_path, stub, fault):
    out = tmp_path / "out"
    report = render_path(meshes, out, **SMALL, cycles=Cycles(stub(fault)))
    assert report.rendered == ["box"]
    assert report.failed["ball"].startswith(f"{meshes / 'ball.glb'}: ")
    assert FAULTS[fault] in report.failed["ball"]
    assert names(out) == ["box", FAILURES, "meta"]
    with (out / FAILURES).open(newline="", encoding="utf-8") as stream:
        assert [*csv.reader(stream)] == [["object", "reason"], ["ball", report.failed["ball"]]]
    report = render_path(meshes, out, **SMALL, cycles=Cycles(stub()))
    assert (report.rendered, report.kept, report.failed) == (["ball"], ["box"], {})
    assert names(out) == ["ball", "box", "meta"]
    assert split_names(out, "all") == ["ball", "box"]


def test_hanging_object_is_stopped_and_recorded(meshes, tmp_path, stub):
    hang = Cycles(stub("time.sleep(600)"), time_limit=0.2)
    report = render_path(meshes / "ball.glb", tmp_path / "out", **SMALL, cycles=hang)
    assert "ball.glb: not finished after 0.2 s and stopped; raise --time-limit" in report.failed["ball"]
    assert names(tmp_path / "out") == [FAILURES]


LEFT = "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
TELL = "note = file.with_name('note'); note.write_text(str(child.pid)); note.rename(file.with_name('child'));"


def test_nothing_that_the_program_started_is_left(tmp_path, stub):
    job = tmp_path / "job.json"
    job.write_text(json.dumps({"mesh": "ball.glb"}))
    run_script(stub(f"{LEFT} {TELL} sys.exit(0)"), job, 600)
    child = int((tmp_path / "child").read_text())
    while not ended(child):  # killed already; pytest's own limit ends this
        os.sched_yield()


def test_interruption_ends_the_program_and_leaves_nothing_half_written(meshes, tmp_path, stub, interrupt):
    out, seen = tmp_path / "out", []

    def started() -> bool:
        seen.extend(int(path.read_text()) for path in out.glob(".ball.*.tmp/child"))
        return bool(seen)

    interrupt(started)
    with pytest.raises(KeyboardInterrupt):
        render_path(meshes, out, **SMALL, cycles=Cycles(stub(f"{LEFT} {TELL} time.sleep(600)")))
    while not ended(seen[0]):
        os.sched_yield()
    assert names(out) == []


def test_other_engine_or_samples_are_not_taken_for_finished(meshes, tmp_path, stub):
    cycles = Cycles(stub())
    for mesh, out, first, then in (
        ("ball.glb", "a", None, cycles),
        ("box.ply", "b", cycles, None),
        ("box.ply", "c", cycles, Cycles(cycles.command, samples=33)),
    ):
        render_path(meshes / mesh, tmp_path / out, **SMALL, cycles=first)
        report = render_path(meshes / mesh, tmp_path / out, **SMALL, cycles=then)
        assert "exists with another engine or other samples" in str(report.failed)


def test_broken_meshes_do_not_start_the_program(tmp_path, stub):
    started = tmp_path / "started"
    cycles = Cycles(stub(f"Path({str(started)!r}).touch()", faulty=""))
    meshes = tmp_path / "meshes"
    meshes.mkdir()
    box = trimesh.creation.box()
    whole = box.export(file_type="glb")
    claim = whole.replace(b'"count":36', b'"count":4000000000')
    assert claim != whole
    (meshes / "claim.glb").write_bytes(claim)
    (meshes / "length.glb").write_bytes(whole[:12] + b"\xff\xff\xff\x7f" + whole[16:])
    (meshes / "points.ply").write_bytes(trimesh.PointCloud(box.vertices).export(file_type="ply"))
    box.vertices[0] = float("nan")
    box.export(meshes / "nan.ply")
    with_cycles = render_path(meshes, tmp_path / "cycles", **SMALL, cycles=cycles).failed
    assert with_cycles == render_path(meshes, tmp_path / "cast", **SMALL).failed
    assert sorted(with_cycles) == ["claim", "length", "nan", "points"]
    (meshes / "picture.png").touch()
    wrong = [meshes / "picture.png", meshes / "picture.fbx"]
    wrong[1].symlink_to(meshes / "nowhere.fbx")
    for path, message in zip(wrong, ("unsupported suffix", "no such file"), strict=True):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            cycles.render(path, tmp_path / "out/picture", torch.zeros(1, 3, 4), 8, 0)
    assert not started.exists()


@pytest.mark.skipif(find_spec("bpy") is not None, reason="this Python has Blender")
def test_the_script_says_that_blender_is_missing(meshes, tmp_path, monkeypatch):
    with pytest.raises(OSError, match=r"has no Blender \(No module named 'bpy'\)"):
        render_path(meshes, tmp_path / "out", **SMALL, cycles=Cycles(blender_command(sys.executable)))
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(FileNotFoundError, match=r"this Python does not have; .*pip install bpy"):
        blender_command()


def test_which_program(tmp_path, monkeypatch):
    for name in ("python3", "blender"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    python, blender = str(tmp_path / "python3"), str(tmp_path / "blender")
    monkeypatch.setenv(VARIABLE, blender)
    assert blender_command(python) == (python, "-I", str(SCRIPT))
    assert blender_command()[:2] == (blender, "-b")
    assert blender_command()[-1] == "--"
    with pytest.raises(FileNotFoundError, match="gone: no such program"):
        blender_command(str(tmp_path / "gone"))


def test_command_line(meshes, tmp_path, stub):
    stub(f"Path({str(tmp_path / 'job')!r}).write_text(file.read_text())", faulty="box.ply")
    options = ["--engine", "cycles", "--blender-python", str(tmp_path / "stub")]
    options += ["--views", "3", "--resolution", "9"]
    command = ["render", str(meshes), "--out", str(tmp_path / "out"), *options]
    result = CliRunner().invoke(main, [*command, "--samples", "7", "--device", "gpu"])
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'out'}: 2 rendered, 0 kept\n")
    job = json.loads((tmp_path / "job").read_text())
    assert (job["samples"], job["gpu"], len(job["poses"])) == (7, True, 3)
    assert job["intrinsics"] == [[6.75, 6.75], [4.5, 4.5], [9, 9]]
    stub("sys.exit(1)")
    result = CliRunner().invoke(main, [*command[:3], str(tmp_path / "other"), *options])
    assert result.exit_code == 2
    assert f"1 failed (listed in {tmp_path / 'other' / FAILURES})" in result.stderr
