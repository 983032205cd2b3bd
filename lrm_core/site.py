"""Builds the pages with Jupyter Book, warnings as errors, and prints them by Chromium as one PDF.

Where only notebooks or prose changed since the last build, only their pages are made again. The PDF is in reading
order, with still figures and an outline.
"""

import filecmp
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from tqdm import tqdm

from lrm_core.atomic import replacing
from lrm_core.files import fingerprint
from lrm_core.paths import repository_root
from lrm_core.profiles import PUBLISHED
from lrm_core.reexecute import is_whole

_JUPYTER_BOOK = "from jupyter_book.cli.main import main; main()"  # of this environment, whatever PATH says
_STRICT = ("-n", "-W", "--keep-going")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
DRAWN = """() => [...document.querySelectorAll('.lrm-figure')].every(box => box.querySelector('.main-svg'))
  && [...document.querySelectorAll('.math')].every(formula => formula.querySelector('mjx-container'))"""
# Links that lead to other pages on this machine lead nowhere from the PDF; the cards of the first page say all.
PREPARE = """() => {
  for (const link of document.querySelectorAll('a[href]'))
    if (!/^https?:/.test(link.href)) link.removeAttribute('href');
  for (const more of document.querySelectorAll('.brief details')) more.open = true;
}"""
HEADING = "document.querySelector('h1').firstChild.textContent.trim()"
PATIENCE = 240_000  # milliseconds that a page may take to draw itself
PAPER = {"format": "A4", "print_background": True, "margin": dict.fromkeys(("top", "bottom"), "16mm")}


@dataclass(frozen=True)
class Site:
    """The built pages: the first one, the seconds it took, whether it was up to date."""

    index: Path
    seconds: float
    cached: bool


def build_site(profile: str = "mini", *, out: Path | None = None) -> Site:
    """Build the site from the executed notebooks of a profile: `book_src/` and `html/` of a folder, or of `_build`.

    FileNotFoundError if a notebook was not executed for this profile; ValueError, with its report, if Jupyter Book
    warns or fails.
    """
    root = repository_root()
    out = out or root / "_build"
    key_file, index = out / "html.key", out / "html" / "index.html"
    lines = (line for path in _prose(root) for line in path.read_text(encoding="utf-8").splitlines())
    titles = "\n".join(line for line in lines if line.startswith("# "))  # which stand beside every page
    everywhere = fingerprint(_of_every_page(root, profile), profile + titles)
    key = f"{everywhere} {fingerprint([*_prose(root), *_executed(root, profile)])}"
    kept = key_file.read_text() if key_file.is_file() else ""
    if index.is_file() and kept == key:
        return Site(index, 0.0, cached=True)
    start = time.perf_counter()
    if not kept.startswith(everywhere):
        shutil.rmtree(out / "book_work", ignore_errors=True)
    made = _build(_stage(root, profile, out / "book_src"), out, profile)
    key_file.unlink(missing_ok=True)
    shutil.rmtree(out / "html", ignore_errors=True)
    made.replace(out / "html")
    with replacing(key_file) as temporary:
        temporary.write_text(key)
    return Site(index, time.perf_counter() - start, cached=False)


def _of_every_page(root: Path, profile: str) -> list[Path]:
    """What any page may be made from; the weights decide which records count."""
    results = [f"results/{name}" for name in dict.fromkeys((profile, profile + PUBLISHED, "mini"))]
    shown = ("claims.json", "published_scale.csv", *results, "mini/mini.safetensors", "mini/objects")
    data = [root / "data" / name for name in shown]  # what is not there is left out
    code = [root / name for name in ("lrm_core", "requirements.lock", "pyproject.toml", "CITATION.cff")]
    book = [path for path in _book_files(root) if path not in _prose(root)]
    return [*book, *data, *code]


def _prose(root: Path) -> list[Path]:
    """Sources of pages that depend on nothing of each other but their titles."""
    return sorted((root / "book").glob("*.md"))


def _book_files(root: Path) -> list[Path]:
    files = (path for path in (root / "book").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return [root / "_config.yml", root / "_toc.yml", *sorted(files)]


def _executed(root: Path, profile: str) -> list[Path]:
    """Executed copies of all notebooks, in order; FileNotFoundError if one is missing or damaged."""
    folder = root / "_build" / "executed" / profile
    copies = [folder / source.name for source in sorted((root / "notebooks").glob("*.ipynb"))]
    for copy in copies:
        if not is_whole(copy):
            found = "cut or changed since it was executed" if copy.is_file() else "not executed yet"
            raise FileNotFoundError(f"{copy}: {found}; run `lrm reproduce --profile {profile}` first")
    return copies


def _stage(root: Path, profile: str, stage: Path) -> Path:
    """Copy the sources and the executed notebooks into a folder, laid out as in the repository.

    What lies there and has not changed keeps its time, by which Sphinx knows; what does not belong there goes.
    """
    import plotly

    from lrm_core.page.own_data.own_picture import FOLDER, write_scripts

    sources = {path.relative_to(root): path for path in _book_files(root)}
    sources |= {Path("notebooks", copy.name): copy for copy in _executed(root, profile)}
    sources[Path("book/assets/vendor/plotly.min.js")] = Path(plotly.__file__).parent / "package_data/plotly.min.js"
    model = write_scripts(stage.parent / FOLDER)  # a page loads it when a reader gives it a picture
    sources |= {Path("book/assets", FOLDER, file.name): file for file in model}
    for old in stage.rglob("*"):
        if old.is_file() and old.relative_to(stage) not in sources:
            old.unlink()
    for name, source in sources.items():
        target = stage / name
        if not target.is_file() or not filecmp.cmp(source, target, shallow=False):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    return stage


def _build(stage: Path, out: Path, profile: str) -> Path:
    """Run Jupyter Book; returns a folder of the pages, once every one was built without a warning.

    What it keeps for the next time is in `out/book_work`, and nothing after a warning, which it would not repeat.
    Raises as `build_site`.
    """
    work = out / "book_work"
    command = [sys.executable, "-c", _JUPYTER_BOOK, "build", str(stage), "--path-output", str(work)]
    environment = os.environ | {"LRM_PROFILE": profile}
    result = subprocess.run([*command, *_STRICT], capture_output=True, text=True, check=False, env=environment)
    html = work / "_build" / "html"
    if result.returncode or not (html / "index.html").is_file():
        shutil.rmtree(work, ignore_errors=True)
        raise ValueError(f"the site was not built:\n{_complaints(result.stdout + result.stderr)}")
    shutil.rmtree(out / "html.new", ignore_errors=True)
    return shutil.copytree(html, out / "html.new")


def _complaints(report: str) -> str:
    """Warnings and errors of Sphinx, or the end of its report where it names none."""
    lines = report.splitlines()
    named = [line for line in lines if "WARNING:" in line or "ERROR:" in line]
    return "\n".join(dict.fromkeys(named) or lines[-30:])


def reading_order() -> list[str]:
    """Every page of the book without its suffix, the first page first."""
    toc = yaml.safe_load((repository_root() / "_toc.yml").read_text(encoding="utf-8"))
    return [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]


def print_book(html: Path, out: Path, pages: Sequence[str]) -> int:
    """Print pages of the built site into one PDF with an entry of the outline for each; returns its sheets of A4.

    The PDF is written only when every page was printed. FileNotFoundError if one was not built, or without a browser.
    """
    from pypdf import PdfWriter

    for page in pages:
        if not (html / f"{page}.html").is_file():
            raise FileNotFoundError(f"{html / page}.html: not built yet; run `lrm site` first")
    book = PdfWriter()
    with TemporaryDirectory() as folder, headless() as browser:
        tab = browser.new_page(viewport={"width": 740, "height": 1100})
        tab.emulate_media(media="print", color_scheme="light", reduced_motion="reduce")  # still pictures
        for number, page in enumerate(tqdm(pages, desc="pdf", unit="page")):
            part = Path(folder) / f"{number}.pdf"
            tab.goto((html / f"{page}.html").resolve().as_uri(), timeout=PATIENCE)
            tab.wait_for_function(DRAWN, timeout=PATIENCE)
            tab.evaluate(PREPARE)
            tab.pdf(path=part, **PAPER)
            book.append(part, outline_item=tab.evaluate(HEADING))
    book.add_metadata({"/Title": book.outline[0].title})
    with replacing(out) as temporary:
        book.write(temporary)
    return len(book.pages)


@contextmanager
def headless() -> Iterator[Any]:
    """A browser without a window, as Playwright's; FileNotFoundError if none of `BROWSERS` is there."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        raise FileNotFoundError(f"no browser found ({', '.join(BROWSERS)}); install one, such as chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()
