"""Builds the pages: gathers sources in one folder, runs Jupyter Book on it with warnings as errors."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from lrm_core.atomic import replacing
from lrm_core.fingerprint import fingerprint
from lrm_core.paths import repository_root
from lrm_core.profiles import PUBLISHED
from lrm_core.reexecute import is_whole

_JUPYTER_BOOK = "from jupyter_book.cli.main import main; main()"  # of this environment, whatever PATH says
_STRICT = ("-n", "-W", "--keep-going")


@dataclass(frozen=True)
class Site:
    """The built pages: the first one, the seconds it took, whether it was up to date."""

    index: Path
    seconds: float
    cached: bool


def build_site(profile: str = "mini", *, out: Path | None = None) -> Site:
    """Build the site from the executed notebooks of one profile.

    Args:
        out: folder that receives `book_src/` and `html/`; `_build` of the repository by default.

    Raises:
        FileNotFoundError: if a notebook was not executed for this profile.
        ValueError: if Jupyter Book warns or fails; its report is in the message.
    """
    root = repository_root()
    out = out or root / "_build"
    key_file, index = out / "html.key", out / "html" / "index.html"
    key = fingerprint(_inputs(root, profile), profile)
    if index.is_file() and key_file.is_file() and key_file.read_text() == key:
        return Site(index, 0.0, cached=True)
    start = time.perf_counter()
    _build(_stage(root, profile, out / "book_src"), out, profile)
    with replacing(key_file) as temporary:
        temporary.write_text(key)
    return Site(index, time.perf_counter() - start, cached=False)


def _inputs(root: Path, profile: str) -> list[Path]:
    """Everything that the pages are made from; the weights decide which records count."""
    results = [
        root / "data" / "results" / name for name in dict.fromkeys((profile, profile + PUBLISHED, "mini"))
    ]  # all for the index; what is not there is left out
    shown = [root / "data" / "mini" / name for name in ("mini.safetensors", "objects")]
    data = [*(root / "data" / name for name in ("claims.json", "published_scale.csv")), *results, *shown]
    code = [root / name for name in ("lrm_core", "requirements.lock", "pyproject.toml", "CITATION.cff")]
    return [*_book_files(root), *_executed(root, profile), *data, *code]


def _book_files(root: Path) -> list[Path]:
    return [root / "_config.yml", root / "_toc.yml", root / "book"]


def _executed(root: Path, profile: str) -> list[Path]:
    """Executed copies of all notebooks, in order.

    Raises:
        FileNotFoundError: if one is missing or damaged.
    """
    folder = root / "_build" / "executed" / profile
    copies = [folder / source.name for source in sorted((root / "notebooks").glob("*.ipynb"))]
    for copy in copies:
        if not is_whole(copy):
            found = "cut or changed since it was executed" if copy.is_file() else "not executed yet"
            raise FileNotFoundError(f"{copy}: {found}; run `lrm reproduce --profile {profile}` first")
    return copies


def _stage(root: Path, profile: str, stage: Path) -> Path:
    """Copy the sources and the executed notebooks, laid out as in the repository, into an empty folder."""
    shutil.rmtree(stage, ignore_errors=True)
    (stage / "notebooks").mkdir(parents=True)
    for copy in _executed(root, profile):
        shutil.copy(copy, stage / "notebooks")
    for path in _book_files(root):
        if path.is_dir():
            shutil.copytree(path, stage / path.name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, stage)
    shutil.copy(_plotly_script(), stage / "book" / "assets" / "vendor" / "plotly.min.js")
    return stage


def _plotly_script() -> Path:
    """plotly.js as the installed Python package carries it."""
    import plotly

    return Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


def _build(stage: Path, out: Path, profile: str) -> None:
    """Run Jupyter Book; the pages move to `out/html` only when every one was built without a warning.

    Raises:
        ValueError: as `build_site`.
    """
    work = out / "book_work"
    shutil.rmtree(work, ignore_errors=True)
    command = [sys.executable, "-c", _JUPYTER_BOOK, "build", str(stage), "--path-output", str(work)]
    environment = os.environ | {"LRM_PROFILE": profile}
    result = subprocess.run(
        [*command, *_STRICT], capture_output=True, text=True, check=False, env=environment
    )
    html = work / "_build" / "html"
    if result.returncode or not (html / "index.html").is_file():
        raise ValueError(f"the site was not built:\n{_complaints(result.stdout + result.stderr)}")
    shutil.rmtree(out / "html", ignore_errors=True)
    html.replace(out / "html")
    shutil.rmtree(work)


def _complaints(report: str) -> str:
    """Warnings and errors of Sphinx, or the end of its report where it names none."""
    lines = report.splitlines()
    named = [line for line in lines if "WARNING:" in line or "ERROR:" in line]
    return "\n".join(dict.fromkeys(named) or lines[-30:])
