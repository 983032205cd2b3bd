"""Notebooks through papermill: parameters, caching, what is kept, and what a failure says."""

import signal
import subprocess
import sys
import time

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from lrm_core import reexecute as module
from lrm_core.reexecute import ChapterError, chapters, is_whole, reexecute

PARAMETERS = 'profile = "mini"\nrefresh = False\ndevice = "cpu"'
WITH_TRACES = """
import sys, pathlib
print(pathlib.Path("..").resolve() / "data" / "x.txt", object())
print("\\r 50%", file=sys.stderr)
"""


def _write(root, name: str, *sources: str) -> None:
    cells = [new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}), *map(new_code_cell, sources)]
    path = root / "notebooks" / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells), path)


def _run(root, at_once=None, **options):
    lines = []
    found = chapters("smoke", device="cpu", root=root, **options)
    runs = reexecute(found, root=root, at_once=at_once, report=lines.append)
    return runs, lines


@pytest.fixture
def root(tmp_path):
    """A repository of one quick notebook."""
    (tmp_path / "data").mkdir()
    _write(tmp_path, "01_quick", "print(profile, refresh, device)", WITH_TRACES)
    return tmp_path


@pytest.fixture
def instant(monkeypatch):
    """No kernel: what is asked is when a chapter runs, not what comes of it."""
    monkeypatch.setattr(module, "_execute", lambda chapter: nbformat.read(chapter.source, as_version=4))


def _outputs(run) -> list:
    notebook = nbformat.read(run.executed, as_version=4)
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def test_parameters_arrive_and_the_copy_holds_nothing_of_this_machine(root):
    (run,), (line,) = _run(root)
    first, second = _outputs(run)
    assert first.text == "smoke False cpu\n"
    assert second.text.startswith("data/x.txt <object object at 0x…")
    assert "papermill" not in run.executed.read_text()
    assert line.startswith("[1/1] 01_quick: ")
    assert line.endswith(" s")


def test_a_copy_that_was_cut_is_made_again(root, instant):
    (first,), _ = _run(root)
    whole = first.executed.read_bytes()
    first.executed.write_bytes(whole[: len(whole) // 2])
    assert not is_whole(first.executed)
    (second,), _ = _run(root)
    assert not second.cached
    assert second.executed.read_bytes() == whole


def test_a_copy_is_kept_until_its_inputs_change(root, instant):
    _run(root)
    (run,), (line,) = _run(root)
    assert run.cached
    assert line == "1 of 1 chapters are up to date"
    for profile in ("paper", "cycles"):
        (root / "data" / "results" / profile).mkdir(parents=True)
    (root / "data" / "results" / "paper" / "record.json").write_text("{}")
    assert _run(root)[0][0].cached, "results of a profile that no chapter reads do not matter"
    (root / "data" / "results" / "cycles" / "record.json").write_text("{}")
    assert not _run(root)[0][0].cached, "one chapter reads them in every profile"
    (root / "data" / "weights.bin").write_bytes(b"new")
    assert not _run(root)[0][0].cached
    (root / "benchmarks" / "results").mkdir(parents=True)
    (root / "benchmarks" / "results" / "encoder.json").write_text("{}")
    assert not _run(root)[0][0].cached, "a chapter may quote what was measured by hand"
    assert not any(_run(root, refresh=True)[0][0].cached for _ in range(2))


def test_records_that_chapters_add_do_not_make_those_before_them_stale(root):
    """Each makes what it reads; a second run finds the work done."""
    for name in ("02_first", "03_second"):
        record = f"pathlib.Path('../data/results/smoke/{name}.json')"
        make = f"import pathlib; made = {record}; made.parent.mkdir(parents=True, exist_ok=True); made.write_text('')"
        _write(root, name, make)
    assert not any(run.cached for run in _run(root)[0])
    assert all(run.cached for run in _run(root)[0])


def test_a_failing_cell_is_named_and_finished_chapters_are_kept(root):
    _write(root, "02_broken", "1 + 1", "x = {}\nx['missing']")
    with pytest.raises(ChapterError, match=r"02_broken.ipynb, cell 3 failed with KeyError: 'missing'") as caught:
        _run(root, at_once=1)
    assert "x['missing']" in str(caught.value)
    folder = root / "_build" / "executed" / "smoke"
    assert sorted(path.name for path in folder.iterdir()) == [
        "01_quick.ipynb",
        "01_quick.key",
        "02_broken.failed.ipynb",
    ]
    _write(root, "02_broken", "1 + 1")
    first, second = _run(root)[0]
    assert (first.cached, second.cached) == (True, False)
    assert not (folder / "02_broken.failed.ipynb").exists()


def test_chapters_run_side_by_side_until_one_fails(root):
    """The first waits for the second, which fails when the first has begun and would go on for long."""
    begun = "import pathlib, time\nbegun = pathlib.Path('../begun')"
    _write(root, "01_quick", f"{begun}\nbegun.touch()\ntime.sleep(600)")
    _write(root, "02_broken", f"{begun}\nwhile not begun.exists():\n    time.sleep(0.1)\nraise KeyError('now')")
    began = time.monotonic()
    with pytest.raises(ChapterError, match=r"02_broken.ipynb, cell 2 failed with KeyError: 'now'"):
        _run(root, at_once=2)
    assert time.monotonic() - began < 300
    folder = root / "_build" / "executed" / "smoke"
    assert [path.name for path in folder.iterdir()] == ["02_broken.failed.ipynb"]


def test_an_unknown_notebook_is_named(root):
    with pytest.raises(ValueError, match=r"no notebook starts with '07'; found 01_quick"):
        chapters("smoke", device="cpu", notebook="07", root=root)


INTERRUPTED = """
import sys, pathlib
import lrm_core.reexecute as reexecute
reexecute.repository_root = lambda: pathlib.Path(sys.argv[1])
from lrm_core.cli import main
main(["reproduce", "--profile", "smoke"])
"""
WAITS = """
import os, pathlib, time
while not pathlib.Path("../_build/executed/smoke/01_quick.key").exists():
    time.sleep(0.1)
pathlib.Path("../pid").write_text(str(os.getpid()))
time.sleep(600)
"""


def _is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def _wait_until(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_ctrl_c_ends_the_kernel_and_keeps_finished_chapters(root):
    _write(root, "02_long", WAITS)
    marker = root / "pid"
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED, str(root)], stderr=subprocess.PIPE, text=True)
    _wait_until(lambda: marker.is_file() and marker.read_text())
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted; finished work is kept." in errors
    assert "Traceback" not in errors
    _wait_until(lambda: not _is_running(int(marker.read_text())))
    assert _run(root, notebook="01")[0][0].cached
