"""The jobs of the runner on a cluster: workers write records where they share the store, else send them back."""

import socket
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from uuid import uuid4

from lrm_core.atomic import replacing
from lrm_core.cluster import Lost, on_cluster
from lrm_core.records.runner import Runner, make_each
from lrm_core.records.store import RecordKey, ResultStore

ERROR = ".error"  # beside where the record of a failed job would lie


@dataclass(frozen=True)
class Cluster:
    """Where jobs go: "local" or HOST:PORT, and the share of a GPU of each, 0 for none."""

    address: str
    gpus: float = 0.0


@dataclass(frozen=True)
class Work:
    """What every worker is sent once.

    Attributes:
        hashes: of the runner's weights and data at the driver.
        mark: a file in the store while this goes on; who sees it shares the store.
        device: where the model goes.
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


def make_on_cluster(
    runner: Runner, groups: Sequence[Sequence[tuple]], refresh: bool, cluster: Cluster
) -> Iterator[tuple[int, str]]:
    """Make groups of jobs, each on one worker; yields how many a group had, and what they share in words.

    A failing job leaves its error beside where its record would lie, and the others go on.

    Raises:
        ValueError: in the end, if jobs failed; at once, if a worker has other weights, data or code.
        ConnectionError: as `on_cluster`.
    """
    runner.store.root.mkdir(parents=True, exist_ok=True)
    mark, failed = runner.store.root / f".cluster-{uuid4().hex}", []
    device = "cuda" if cluster.gpus else "cpu"
    work = Work(runner, runner.hashes, refresh, mark, device)
    calls = ((number, list(group)) for number, group in enumerate(groups))
    mark.touch()
    try:
        for made in on_cluster(_make_group, work, calls, cluster.address, cluster.gpus):
            outcomes = _lost(runner, made) if isinstance(made, Lost) else made
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
    if outcome.error:
        with replacing(path.with_suffix(ERROR)) as temporary:
            temporary.write_text(outcome.error, encoding="utf-8")
        return False
    if outcome.record:
        with replacing(path) as temporary:
            temporary.write_text(outcome.record, encoding="utf-8")
    path.with_suffix(ERROR).unlink(missing_ok=True)
    return True


def _lost(runner: Runner, lost: Lost) -> list[Outcome]:
    jobs = lost.call[1]
    return [Outcome(runner.key(*job), runner.named(*job)[1], error=lost.reason) for job in jobs]


def _make_group(work: Work, number: int, jobs: list[tuple]) -> list[Outcome]:
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
        for _ in make_each(runner, [job], refresh):
            pass
        text = None if shared else runner.store.path(key).read_text(encoding="utf-8")
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        return Outcome(key, what, error=f"{said}\n{traceback.format_exc()}")
    return Outcome(key, what, text)
