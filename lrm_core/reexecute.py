"""Runs the notebooks through papermill and keeps an executed copy of each until something changes."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from lrm_core.atomic import alone, replacing
from lrm_core.files import digest
from lrm_core.fingerprint import fingerprint
from lrm_core.normalise import normalise_notebook
from lrm_core.paths import repository_root
from lrm_core.profiles import PUBLISHED, RENDERINGS

CELL_TIMEOUT = 4 * 3600  # seconds; the longest cell is a refresh of every oracle
_KERNEL_ENVIRONMENT = {"TQDM_DISABLE": "1", "PYTHONHASHSEED": "0"}


class ChapterError(ValueError):
    """A cell of a notebook failed; the message names notebook, cell and error."""


@dataclass(frozen=True)
class Chapter:
    """One notebook and where its executed copy goes.

    Attributes:
        source: notebook without outputs.
        executed: its executed copy.
        parameters: values for the cell tagged `parameters`.
    """

    source: Path
    executed: Path
    parameters: Mapping[str, Any]

    @property
    def key_file(self) -> Path:
        """Holds the hash of everything that the executed copy was made from."""
        return self.executed.with_suffix(".key")

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
    profile: str,
    *,
    device: str,
    notebook: str | None = None,
    refresh: bool = False,
    root: Path | None = None,
) -> list[Chapter]:
    """The notebooks of the paper for one profile, in order.

    Args:
        notebook: only the one whose name starts so, such as "02".

    Raises:
        ValueError: if no notebook has that name.
    """
    root = root or repository_root()
    sources = sorted((root / "notebooks").glob("*.ipynb"))
    chosen = [source for source in sources if source.stem.startswith(notebook or "")]
    if not chosen:
        names = ", ".join(source.stem for source in sources) or "no notebook at all"
        raise ValueError(f"{root / 'notebooks'}: no notebook starts with {notebook!r}; found {names}")
    parameters = {"profile": profile, "device": device, "refresh": refresh}
    executed = root / "_build" / "executed" / profile
    return [Chapter(source, executed / source.name, parameters) for source in chosen]


def reexecute(
    chapters: list[Chapter], *, root: Path | None = None, report: Callable[[str], None] = print
) -> list[Run]:
    """Execute each chapter that is not up to date, in order; finished ones are kept if a later one fails.

    Args:
        root: repository, whose `lrm_core/`, `data/` and lock file an executed copy depends on.
        report: receives one line on each chapter, with its time.

    Raises:
        ChapterError: at the first cell that fails; the partly executed copy stays beside the others.
    """
    root = root or repository_root()
    folder = chapters[0].executed.parent
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        return _reexecute(chapters, root, report)


def _reexecute(chapters: list[Chapter], root: Path, report: Callable[[str], None]) -> list[Run]:
    """`reexecute` where no other process does."""
    runs = []
    for number, chapter in enumerate(chapters, start=1):
        run = _run_unless_cached(chapter, root)
        state = "up to date" if run.cached else f"{run.seconds:.1f} s"
        report(f"[{number}/{len(chapters)}] {chapter.source.stem}: {state}")
        runs.append(run)
    if not all(run.cached for run in runs):
        data = _data_key(chapters[0], root)  # one for all of a profile
        for chapter in chapters:
            _keep_key(chapter, chapter.key_file.read_text().split()[0], data)
    return runs


def _run_unless_cached(chapter: Chapter, root: Path) -> Run:
    code = _code_key(chapter, root)
    kept = _kept_key(chapter.executed)
    up_to_date = kept[:2] == [code, _data_key(chapter, root)] and is_whole(chapter.executed)
    if up_to_date and not chapter.parameters["refresh"]:
        return Run(chapter.executed, 0.0, cached=True)
    start = time.perf_counter()
    notebook = _execute(chapter)
    with replacing(chapter.executed) as path:
        path.write_text(nbformat.writes(normalise_notebook(notebook, root)) + "\n", encoding="utf-8")
    _keep_key(chapter, code, _data_key(chapter, root))
    return Run(chapter.executed, time.perf_counter() - start, cached=False)


def _keep_key(chapter: Chapter, code: str, data: str) -> None:
    """Say what an executed copy stands for: the code before it ran, and the data as they are now.

    A chapter makes the records that it reads where they are missing. So its copy stands for the data as it left them,
    and, records being only added, as the chapters after it did.
    """
    with replacing(chapter.key_file) as path:
        path.write_text(f"{code} {data} {digest(chapter.executed)[0]}")


def is_whole(executed: Path) -> bool:
    """Whether an executed copy is there, and as it was written if it says how."""
    kept = _kept_key(executed)
    return executed.is_file() and (len(kept) < 3 or kept[2] == digest(executed)[0])


def _kept_key(executed: Path) -> list[str]:
    """Hashes of the code, of the data and of the executed copy itself; fewer where they were not kept."""
    path = executed.with_suffix(".key")
    return path.read_bytes().decode(errors="replace").split() if path.is_file() else []


def _code_key(chapter: Chapter, root: Path) -> str:
    parameters = json.dumps(dict(chapter.parameters), sort_keys=True)
    return fingerprint([chapter.source, root / "lrm_core", root / "requirements.lock"], parameters)


def _data_key(chapter: Chapter, root: Path) -> str:
    """Hash of `data/` without the results of profiles that no chapter reads here, and of measured benchmarks."""
    results = root / "data" / "results"
    others = [path for path in (root / "data").glob("*") if path != results]
    profile = chapter.parameters["profile"]
    read = sorted({profile, profile + PUBLISHED, *RENDERINGS})
    measured = root / "benchmarks" / "results"
    return fingerprint([*sorted(others), *(results / profile for profile in read), measured])


def _execute(chapter: Chapter) -> nbformat.NotebookNode:
    """Run one notebook in a fresh kernel.

    Raises:
        ChapterError: as `reexecute`.
    """
    import papermill  # takes a second, needed only here
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    from lrm_core.quiet_kernel import QuietKernelManager

    chapter.executed.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _environment(_KERNEL_ENVIRONMENT):
            notebook = papermill.execute_notebook(
                chapter.source,
                chapter.failed,
                parameters=dict(chapter.parameters),
                kernel_name="python3",
                language="python",
                cwd=chapter.source.parent,
                execution_timeout=CELL_TIMEOUT,
                progress_bar={"desc": chapter.source.stem, "leave": False},
                kernel_manager_class=QuietKernelManager,
            )
    except papermill.PapermillExecutionError as error:
        raise ChapterError(_explain(chapter, error)) from error
    except (CellTimeoutError, DeadKernelError) as error:
        raise ChapterError(f"{chapter.source.name}: the kernel stopped: {error}") from error
    chapter.failed.unlink()
    return notebook


def _explain(chapter: Chapter, error: Any) -> str:
    """One message from a papermill error: where, what, and the code of the cell."""
    code = "\n".join(f"    {line}" for line in error.source.splitlines())
    return (
        f"{chapter.source.name}, cell {error.cell_index} failed with {error.ename}: {error.evalue}\n{code}\n"
        f"The copy up to there is {chapter.failed}"
    )


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables set for the kernels started inside, then put back."""
    import tqdm.auto  # noqa: F401  reads TQDM_DISABLE when first imported; our own bar stays

    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
