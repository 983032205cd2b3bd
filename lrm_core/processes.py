"""Calls in processes of their own, which end with the one that asked for them."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import TypeVar

from tqdm import tqdm

Result = TypeVar("Result")


def side_by_side(function: Callable[..., Result], calls: Iterable[tuple], processes: int) -> Iterator[Result]:
    """`function(*call)` for every call, in processes with one thread each.

    Whatever ends this early (Ctrl-C, a call that fails, closing it) ends the processes at once, and no further
    call begins.

    Yields:
        What the calls return, in the order in which they finish; it is importable, as are the function and arguments.

    The first error of a call; ChildProcessError if a process died.
    """
    spawn = multiprocessing.get_context("spawn")  # a forked PyTorch can hang
    others = set(multiprocessing.active_children())
    with ProcessPoolExecutor(processes, spawn, initializer=_begin) as pool:
        try:
            for future in as_completed([pool.submit(function, *call) for call in calls]):
                yield future.result()
        except BrokenProcessPool as error:
            raise ChildProcessError(
                f"one of {processes} processes was killed, perhaps for want of memory; finished work is kept, "
                "go on with fewer processes"
            ) from error
        except BaseException:
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()  # without one of its processes the pool drops what is queued
            raise


def _begin() -> None:
    """In a new process: Ctrl-C or the end of its parent ends it without a word; it works with one thread."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Its own lock is shared between processes, and one that is ended would leave it behind.
    tqdm.set_lock(threading.RLock())
    os.environ["OMP_NUM_THREADS"] = "1"  # read when NumPy and PyTorch are loaded
    import torch

    torch.set_num_threads(1)  # where the script of the user has loaded them already


def _end_with_parent() -> None:
    """Wait until the parent is gone, however it went (SIGTERM, SIGKILL), and end this process."""
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
