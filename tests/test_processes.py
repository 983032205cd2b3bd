"""Calls in other processes: what they return, and that they end together."""

import multiprocessing
import subprocess
import sys
import time

import psutil
import pytest

from lrm_core.processes import side_by_side

SLEEP = ("__import__('time').sleep(200)",)


def test_results_come_as_they_are_ready_and_the_rest_ends_when_nobody_waits() -> None:
    began = time.monotonic()
    results = side_by_side(eval, [SLEEP, ("__import__('torch').get_num_threads()",), SLEEP], 2)
    assert next(results) == 1
    results.close()
    assert multiprocessing.active_children() == []
    assert time.monotonic() - began < 200


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        ("open('/nowhere')", FileNotFoundError, "No such file or directory: '/nowhere'"),
        ("__import__('os')._exit(1)", ChildProcessError, "one of 2 processes was killed"),
    ],
)
def test_the_first_failure_ends_all(call: str, error: type[Exception], message: str) -> None:
    began = time.monotonic()
    with pytest.raises(error, match=message):
        list(side_by_side(eval, [SLEEP, (call,), SLEEP], 2))
    assert multiprocessing.active_children() == []
    assert time.monotonic() - began < 200


KILLED = """
import os, time
from pathlib import Path
from lrm_core.processes import side_by_side

def work(path):
    Path(path).write_text(str(os.getpid()))
    time.sleep(600)

if __name__ == "__main__":
    list(side_by_side(work, [({one!r},), ({two!r},)], 2))
"""


def test_processes_end_when_their_parent_is_killed(tmp_path) -> None:
    marks = [tmp_path / "one", tmp_path / "two"]
    script = tmp_path / "script.py"
    script.write_text(KILLED.format(one=str(marks[0]), two=str(marks[1])))
    parent = subprocess.Popen([sys.executable, str(script)])
    try:
        workers = [int(_wait_for(lambda mark=mark: mark.exists() and mark.read_text())) for mark in marks]
    finally:
        parent.kill()
        parent.wait()
    for worker in workers:
        _wait_for(lambda worker=worker: not _running(worker))


def _running(process: int) -> bool:
    return psutil.pid_exists(process) and psutil.Process(process).status() != psutil.STATUS_ZOMBIE


def _wait_for(condition):
    for _ in range(1200):
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError("waited for two minutes in vain")
