"""Independent pieces of work at once, a core each.

A piece is many small operations, and those gain little when several cores share each of them.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch


def side_by_side(function: Callable[..., Any], calls: Sequence[tuple]) -> list[Any]:
    """`function` of each tuple of arguments, in order, without gradients, in as many threads as PyTorch may use."""
    threads = torch.get_num_threads()
    if threads == 1 or len(calls) == 1:
        return [_without_gradients(function, call) for call in calls]
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(lambda call: _without_gradients(function, call), calls))
    finally:
        torch.set_num_threads(threads)  # the number set in a worker holds for threads that start later


def _without_gradients(function: Callable[..., Any], call: tuple) -> Any:
    with torch.no_grad():  # the mode belongs to a thread
        return function(*call)
