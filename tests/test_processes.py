"""Calls in other processes: what they return, and that they end together."""

import multiprocessing
import time

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
