"""Calls on the machines of a Ray cluster, which may lose workers and nodes; Ray is an optional extra."""

import os
import pickle
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from lrm_core.fingerprint import fingerprint

Result = TypeVar("Result")
LOCAL = "local"
RETRIES = 5  # of a call whose worker or node died; one that kills its worker each time is given up
AHEAD = 4  # calls that wait at the cluster for each core, so that the driver never holds all of them there
TICK = 0.05  # seconds between two looks at what is done, each of which costs as much as there are calls
PATIENCE = 5.0  # seconds until an address counts as silent
_HERE: dict[str, Any] = {}  # in a worker: what its calls share


@dataclass(frozen=True)
class Lost:
    """A call that could not be made: its worker died each time, or its node was lost too often."""

    call: tuple
    reason: str


def on_cluster(
    function: Callable[..., Result], shared: Any, calls: Iterable[tuple], address: str, gpus: float = 0.0
) -> Iterator[Result | Lost]:
    """`function(shared, *call)` for every call, each on one core, wherever the cluster has one.

    Whatever ends this early (Ctrl-C, an error, closing it) cancels what runs and leaves the cluster.

    Args:
        function: importable, as are its arguments and results.
        shared: sent to each worker process once.
        calls: the arguments of each call.
        address: "local" starts a Ray on this machine; HOST:PORT joins one that this machine is a node of.
        gpus: of each call, perhaps a fraction.

    Yields:
        What the calls return, in the order in which they finish; `Lost` for one that was given up.

    Raises:
        ValueError: if Ray is not installed, the address is none, or a worker has another version of the code or
            cannot find what `shared` is made of there.
        ConnectionError: if no Ray answers there.
        Exception: the first that a call raised.
    """
    ray = _ray()
    with _joined(ray, address):
        first = (uuid4().hex, code_hash(), [ray.put(ray.cloudpickle.dumps(shared))], function)
        task = ray.remote(_call).options(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)
        todo, waiting = iter(calls), {}
        try:
            while True:
                room = AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1))) - len(waiting)
                waiting |= {task.remote(*first, call): call for call in islice(todo, max(0, room))}
                if not waiting:
                    return
                for reference in ray.wait([*waiting], num_returns=len(waiting), timeout=TICK)[0]:
                    yield _result(ray, reference, waiting.pop(reference))
        finally:
            for reference in waiting:
                ray.cancel(reference, force=True)


def code_hash() -> str:
    """Of this package as it lies on the disk."""
    return fingerprint([Path(__file__).parent])


def _call(token: str, code: str, box: list, function: Callable[..., Result], call: tuple) -> Result:
    """In a worker: what is shared is fetched and the code compared with the first call."""
    if token not in _HERE:
        if (found := code_hash()) != code:
            raise ValueError(
                f"{socket.gethostname()}: a worker there has another version of lrm_core (SHA-256 {found[:12]} "
                f"instead of {code[:12]}); bring the same version there and start its node again"
            )
        _HERE.clear()
        try:
            _HERE[token] = pickle.loads(_ray().get(box[0]))
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{socket.gethostname()}: a worker there lacks data or weights ({error}); bring them there, into "
                "the same folder"
            ) from error
    return function(_HERE[token], *call)


def _result(ray: Any, reference: Any, call: tuple) -> Any:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
    except ray.exceptions.RayError as error:
        return Lost(call, f"{type(error).__name__}: {str(error).splitlines()[0]}")


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ValueError("Ray is not installed: pip install 'lrm_core[cluster]'") from error
    return ray


@contextmanager
def _joined(ray: Any, address: str) -> Iterator[None]:
    """A Ray, quiet, that is left at the end; one of this machine ends with it."""
    options = {"log_to_driver": False, "logging_level": "ERROR", "address": address}
    if address == LOCAL:
        options |= {"num_cpus": len(os.sched_getaffinity(0)), "include_dashboard": False}
    else:
        _check_answers(address)
    try:
        ray.init(**options)
    except Exception as error:  # a node that does not start in time raises no narrower type
        reason = str(error).splitlines()[0]
        advice = f"make this machine a node of it with `ray start --address={address}`"
        if address == LOCAL:
            advice = "try again when this machine has less to do"
        raise ConnectionError(f"{address}: Ray could not be joined ({reason}); {advice}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    host, colon, port = address.rpartition(":")
    if not (host and colon and port.isdecimal()):
        raise ValueError(f"--cluster {address}: expected {LOCAL}, or HOST:PORT of a Ray's head node")
    try:
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise ConnectionError(
            f"{address}: no Ray answers there ({error}); start its head node with `ray start --head --port={port}`"
        ) from error
