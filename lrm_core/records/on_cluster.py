"""The jobs of the runner on a Ray cluster, which may lose workers and nodes; Ray is an optional extra.

Workers write records where they share the store, else send them back.
"""

import os
import pickle
import socket
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from lrm_core.atomic import replacing
from lrm_core.files import fingerprint
from lrm_core.records.runner import Runner, make_each
from lrm_core.records.store import RecordKey, ResultStore

Result = TypeVar("Result")
ERROR = ".error"  # beside where the record of a failed job would lie
LOCAL = "local"
RETRIES = 5  # of a call whose worker or node died; one that kills its worker each time is given up
AHEAD = 4  # calls that wait at the cluster for each core, so that the driver never holds all of them there
TICK = 0.05  # seconds between two looks at what is done, each of which costs as much as there are calls
PATIENCE = 5.0  # seconds until an address counts as silent
_HERE: dict[str, Any] = {}  # in a worker: what its calls share


@dataclass(frozen=True)
class Cluster:
    """Where jobs go: "local" or HOST:PORT, and the share of a GPU of each, 0 for none."""

    address: str
    gpus: float = 0.0


@dataclass(frozen=True)
class Work:
    """What every worker is sent once: also the hashes of weights and data at the driver, and where the model goes.

    `mark` is a file in the store while this goes on; who sees it shares the store.
    """

    runner: Runner
    hashes: tuple[str, ...]
    refresh: bool
    mark: Path
    device: str


@dataclass(frozen=True)
class Outcome:
    """What became of a job: the record's text where the store is not shared, or the error."""

    key: RecordKey
    what: str
    record: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class Lost:
    """A call that could not be made: its worker died each time, or its node was lost too often."""

    call: tuple
    reason: str


def make_on_cluster(
    runner: Runner, groups: Sequence[Sequence[tuple]], refresh: bool, cluster: Cluster
) -> Iterator[tuple[int, str]]:
    """Make groups of jobs, each on one worker; yields how many a group had, and what they share in words.

    A failing job leaves its error beside where its record would lie, and the others go on. ValueError, in the end, if
    jobs failed; at once, if a worker has other weights, data or code. ConnectionError as `on_cluster`.
    """
    runner.store.root.mkdir(parents=True, exist_ok=True)
    mark, failed = runner.store.root / f".cluster-{uuid4().hex}", []
    work = Work(runner, runner.hashes, refresh, mark, "cuda" if cluster.gpus else "cpu")
    mark.touch()
    try:
        for made in on_cluster(_make_group, work, ((group,) for group in groups), cluster.address, cluster.gpus):
            outcomes = made
            if isinstance(made, Lost):
                outcomes = [Outcome(runner.key(*of), runner.named(*of)[1], error=made.reason) for of in made.call[0]]
            failed += [outcome for outcome in outcomes if not _keep(runner.store, outcome)]
            yield len(outcomes), outcomes[0].what
    finally:
        mark.unlink(missing_ok=True)
    if failed:
        path = runner.store.path(failed[0].key).with_suffix(ERROR)
        raise ValueError(
            f"failed jobs: {len(failed)}, the others are made; first {failed[0].what}: "
            f"{failed[0].error.splitlines()[0]} (whole error in {path})"
        )


def _keep(store: ResultStore, outcome: Outcome) -> bool:
    """Write what came of a job; whether it is a record."""
    path = store.path(outcome.key)
    failed = path.with_suffix(ERROR)
    if text := outcome.error or outcome.record:
        with replacing(failed if outcome.error else path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    if not outcome.error:
        failed.unlink(missing_ok=True)
    return not outcome.error


def _make_group(work: Work, jobs: Sequence[tuple]) -> list[Outcome]:
    """In a worker: make jobs one by one."""
    runner, shared = work.runner, work.mark.exists()
    if runner.hashes != work.hashes:
        found, wanted = (", ".join(digest[:12] for digest in part) for part in (runner.hashes, work.hashes))
        raise ValueError(
            f"{socket.gethostname()}: a worker there has other weights or data, SHA-256 {found} instead of "
            f"{wanted}; bring the same there"
        )
    runner.model.to(work.device)
    if not shared:
        runner.store = ResultStore(Path(tempfile.gettempdir()) / work.mark.name)
    with redirect_stderr(StringIO()):
        return [_make(runner, job, work.refresh, shared) for job in jobs]


def _make(runner: Runner, job: tuple, refresh: bool, shared: bool) -> Outcome:
    key, (_, what) = runner.key(*job), runner.named(*job)
    try:
        list(make_each(runner, [job], refresh))
        text = None if shared else runner.store.path(key).read_text(encoding="utf-8")
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        return Outcome(key, what, error=f"{said}\n{traceback.format_exc()}")
    return Outcome(key, what, text)


def on_cluster(
    function: Callable[..., Result], shared: Any, calls: Iterable[tuple], address: str, gpus: float = 0.0
) -> Iterator[Result | Lost]:
    """`function(shared, *call)` for every call, each on one core, wherever the cluster has one.

    Whatever ends this early (Ctrl-C, an error, closing it) cancels what runs and leaves the cluster. The function is
    importable, as are its arguments and results; `shared` is sent to each worker process once.

    Args:
        address: "local" starts a Ray on this machine; HOST:PORT joins one that this machine is a node of.
        gpus: of each call, perhaps a fraction.

    Yields what the calls return, in the order in which they finish; `Lost` for one that was given up. ValueError if
    Ray is not installed, the address is none, or a worker has another version of the code or cannot find what
    `shared` is made of there. ConnectionError if no Ray answers there. Else the first error that a call raised.
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
    return fingerprint([Path(__file__).parents[1]])


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
        advice = "try again when this machine has less to do"
    else:
        _check_answers(address)
        advice = f"make this machine a node of it with `ray start --address={address}`"
    try:
        ray.init(**options)
    except Exception as error:  # a node that does not start in time raises no narrower type
        reason = str(error).splitlines()[0]
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
