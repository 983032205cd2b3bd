"""Runs the notebooks through papermill, several at once; keeps an executed copy of each until something changes."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import chdir, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakSet

import nbformat
from jupyter_client.manager import AsyncKernelManager
from tqdm import tqdm

from lrm_core.atomic import alone, replacing
from lrm_core.files import digest, fingerprint
from lrm_core.normalise import normalise_notebook
from lrm_core.paths import repository_root
from lrm_core.profiles import PUBLISHED, RENDERINGS

CELL_TIMEOUT = 4 * 3600  # seconds; the longest cell is a refresh of every oracle
CHAPTER_MEMORY = 2 * 2**30  # bytes; the largest chapter of the profile `mini` takes 1.2 GiB
_KERNEL_ENVIRONMENT = {"TQDM_DISABLE": "1", "PYTHONHASHSEED": "0"}


class ChapterError(ValueError):
    """A cell of a notebook failed; the message names notebook, cell and error."""


class QuietKernelManager(AsyncKernelManager):
    """Starts kernels without their log on the terminal; what cells write to stderr is still captured."""

    environment: ClassVar[dict[str, str]] = {}  # of the kernels, over that of this process
    started: ClassVar[WeakSet["QuietKernelManager"]] = WeakSet()

    async def start_kernel(self, **options: Any) -> None:
        """Start the kernel; its own log, a traceback at every Ctrl-C among it, goes nowhere."""
        quiet = {"stderr": subprocess.DEVNULL, "env": os.environ | self.environment}
        await self._async_start_kernel(**options | quiet)
        self.started.add(self)

    @classmethod
    def kill_all(cls) -> None:
        """End every kernel that this process started and what those started, at once."""
        for kernel in list(cls.started):
            if kernel.has_kernel and kernel.provisioner.has_process:
                with suppress(ProcessLookupError):
                    os.killpg(kernel.provisioner.pgid, signal.SIGKILL)


@dataclass(frozen=True)
class Notebook:
    """A notebook without outputs, where its executed copy goes, and the values of its cell tagged `parameters`."""

    source: Path
    executed: Path
    parameters: Mapping[str, Any]

    @property
    def failed(self) -> Path:
        """Where a copy goes that stopped at an error."""
        return self.executed.with_suffix(".failed.ipynb")


@dataclass(frozen=True)
class Run:
    """What became of a chapter: its executed copy, the seconds it took, whether it was up to date."""

    executed: Path
    seconds: float
    cached: bool


def chapters(
    profile: str, *, device: str, notebook: str | None = None, refresh: bool = False, root: Path | None = None
) -> list[Notebook]:
    """The notebooks for a profile, in order: those whose name starts with `notebook`; ValueError if there is none."""
    root = root or repository_root()
    sources = sorted((root / "notebooks").glob("*.ipynb"))
    chosen = [source for source in sources if source.stem.startswith(notebook or "")]
    if not chosen:
        names = ", ".join(source.stem for source in sources) or "no notebook at all"
        raise ValueError(f"{root / 'notebooks'}: no notebook starts with {notebook!r}; found {names}")
    parameters = {"profile": profile, "device": device, "refresh": refresh}
    executed = root / "_build" / "executed" / profile
    return [Notebook(source, executed / source.name, parameters) for source in chosen]


def reexecute(
    chapters: list[Notebook],
    *,
    root: Path | None = None,
    at_once: int | None = None,
    report: Callable[[str], None] = print,
) -> list[Run]:
    """Execute the chapters that are not up to date, several at once; finished ones are kept if another fails.

    An executed copy depends on `lrm_core/`, `data/` and the lock file of the root. Without `at_once` there are as
    many as cores and memory allow, one on a GPU. A line on each chapter, with its time, goes to `report`.
    ChapterError at the first cell that fails; the others stop, the copy up to there stays beside the finished.
    """
    root = root or repository_root()
    folder = chapters[0].executed.parent
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        return _reexecute(chapters, root, at_once, report)


def _reexecute(chapters: list[Notebook], root: Path, at_once: int | None, report: Callable[[str], None]) -> list[Run]:
    """`reexecute` where no other process does."""
    data, parameters = _data_key(chapters[0], root), dict(chapters[0].parameters)  # the same for all chapters
    code = fingerprint([root / "lrm_core", root / "requirements.lock"], json.dumps(parameters, sort_keys=True))
    codes = [fingerprint([chapter.source], code) for chapter in chapters]
    runs = []
    for chapter, own in zip(chapters, codes, strict=True):
        current = _kept_key(chapter.executed)[:2] == [own, data] and is_whole(chapter.executed)
        runs.append(Run(chapter.executed, 0.0, cached=current and not parameters["refresh"]))
    pending = {at: code for at, code in enumerate(codes) if not runs[at].cached}
    kept = len(chapters) - len(pending)
    if kept:
        report(f"{kept} of {len(chapters)} chapters are up to date")
    with closing(_finished(chapters, pending, root, at_once)) as finished:
        try:
            for done, (at, run) in enumerate(finished, start=kept + 1):
                runs[at] = run
                report(f"[{done}/{len(chapters)}] {chapters[at].source.stem}: {run.seconds:.1f} s")
        finally:
            if pending:
                data = _data_key(chapters[0], root)  # one for all of a profile
                for at, run in enumerate(runs):
                    if run.cached or run.seconds:
                        _keep_key(chapters[at], codes[at], data)
    return runs


def _finished(
    chapters: list[Notebook], pending: Mapping[int, str], root: Path, at_once: int | None
) -> Iterator[tuple[int, Run]]:
    """Execute some of the chapters, given by the hashes of their code; yields which is done, and what became of it.

    ChapterError of the first that fails, when the kernels of all others are gone.
    """
    if not pending:
        return
    at_once = min(at_once or _room(chapters[0].parameters["device"]), len(pending))
    threads = {"OMP_NUM_THREADS": str(max(1, _cores() // at_once))} if at_once > 1 else {}
    QuietKernelManager.environment = _KERNEL_ENVIRONMENT | threads
    with chdir(chapters[0].source.parent), ThreadPoolExecutor(at_once) as pool:
        futures = {pool.submit(_run, chapters[at], code, root): at for at, code in pending.items()}
        try:
            for future in as_completed(futures):
                run = future.result()
                with tqdm.external_write_mode():
                    yield futures[future], run
        except BaseException as error:
            _stop(futures, chapters, error)
            raise


def _stop(futures: Mapping[Future, int], chapters: list[Notebook], error: BaseException) -> None:
    """End the kernels of all chapters, and wait for that; what they had executed goes, save that of a failed one."""
    stopped = {future: at for future, at in futures.items() if not future.done()}
    while not all(future.done() or future.cancel() for future in stopped):
        QuietKernelManager.kill_all()
        time.sleep(0.1)
    for future, at in stopped.items():
        if future.cancelled() or future.exception() is not error:
            chapters[at].failed.unlink(missing_ok=True)


def _room(device: str) -> int:
    """How many chapters cores and memory of this machine allow at once, at least one; one on a GPU."""
    import psutil

    memory = psutil.virtual_memory().available // CHAPTER_MEMORY
    return max(1, min(_cores(), memory)) if device == "cpu" else 1


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _run(chapter: Notebook, code: str, root: Path) -> Run:
    start = time.perf_counter()
    notebook = _execute(chapter)
    with replacing(chapter.executed) as path:
        path.write_text(nbformat.writes(normalise_notebook(notebook, root)) + "\n", encoding="utf-8")
    _keep_key(chapter, code, _data_key(chapter, root))
    return Run(chapter.executed, time.perf_counter() - start, cached=False)


def _keep_key(chapter: Notebook, code: str, data: str) -> None:
    """Say what an executed copy stands for: the code before it ran, and the data as they are now.

    A chapter makes the records that it reads where they are missing. So its copy stands for the data as it left them,
    and, records being only added, as the chapters after it did.
    """
    with replacing(chapter.executed.with_suffix(".key")) as path:
        path.write_text(f"{code} {data} {digest(chapter.executed)[0]}")


def is_whole(executed: Path) -> bool:
    """Whether an executed copy is there, and as it was written if it says how."""
    kept = _kept_key(executed)
    return executed.is_file() and (len(kept) < 3 or kept[2] == digest(executed)[0])


def _kept_key(executed: Path) -> list[str]:
    """Hashes of the code, of the data and of the executed copy itself; fewer where they were not kept."""
    path = executed.with_suffix(".key")
    return path.read_bytes().decode(errors="replace").split() if path.is_file() else []


def _data_key(chapter: Notebook, root: Path) -> str:
    """Hash of `data/` without the results of profiles that no chapter reads here, and of measured benchmarks."""
    results = root / "data" / "results"
    others = [path for path in (root / "data").glob("*") if path != results]
    profile = chapter.parameters["profile"]
    read = sorted({profile, profile + PUBLISHED, *RENDERINGS})
    measured = root / "benchmarks" / "results"
    return fingerprint([*sorted(others), *(results / profile for profile in read), measured])


def _execute(chapter: Notebook) -> nbformat.NotebookNode:
    """Run one notebook in a fresh kernel, which starts in the working folder; raises as `reexecute`."""
    import papermill  # takes a second, needed only here
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    chapter.executed.parent.mkdir(parents=True, exist_ok=True)
    try:
        notebook = papermill.execute_notebook(
            chapter.source,
            chapter.failed,
            parameters=dict(chapter.parameters),
            kernel_name="python3",
            language="python",
            execution_timeout=CELL_TIMEOUT,
            progress_bar={"desc": chapter.source.stem, "leave": False, "disable": None},  # a bar on terminals
            kernel_manager_class=QuietKernelManager,
        )
    except papermill.PapermillExecutionError as error:
        code = "\n".join(f"    {line}" for line in error.source.splitlines())
        raise ChapterError(
            f"{chapter.source.name}, cell {error.cell_index} failed with {error.ename}: {error.evalue}\n{code}\n"
            f"The copy up to there is {chapter.failed}"
        ) from error
    except (CellTimeoutError, DeadKernelError) as error:
        raise ChapterError(f"{chapter.source.name}: the kernel stopped: {error}") from error
    chapter.failed.unlink()
    return notebook
