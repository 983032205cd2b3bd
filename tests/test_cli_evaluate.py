"""`lrm evaluate`: the tables, the files and the page of a tiny model, and what it says of bad input."""

import csv
import errno
import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from tiny_folder import save_square, save_tiny

from lrm_core.cli import main
from lrm_core.model.checkpoints import load_model
from lrm_core.objects import load_object
from lrm_core.predict import evaluation_page
from lrm_core.predict.evaluate import scored_views

FILES = {"index.html", "evaluation.json", "views.csv", "objects.csv"}


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A tiny model, and two groups of objects; one object is broken."""
    folder = tmp_path_factory.mktemp("evaluation")
    save_tiny(folder / "tiny.safetensors")
    for seed, name in enumerate(("cups/<b>cup", "cups/mug", "bowls/bowl")):
        save_square(folder / name, seed, views=4)
    shutil.copytree(folder / "cups/mug", folder / "broken/mug")
    shutil.copytree(folder / "cups/mug", folder / "broken/pot")
    (folder / "broken/pot/pose/003.npy").unlink()
    return folder


@pytest.fixture(scope="module")
def evaluated(place: Path) -> tuple[Result, Path]:
    """Both good groups."""
    return _lrm(place, "cups", "bowls", "--out", place / "out"), place / "out"


def _lrm(place: Path, *arguments: object) -> Result:
    given = [str(place / a) if isinstance(a, str) and (place / a).is_dir() else str(a) for a in arguments]
    return CliRunner().invoke(main, ["evaluate", str(place / "tiny.safetensors"), *given])


def test_the_terminal_shows_every_object_and_group(evaluated):
    result, out = evaluated
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.split()[:3] for line in lines[1:7:2]] == [
        ["<b>cup", "cups", "source"],
        ["mug", "cups", "source"],
        ["bowl", "bowls", "source"],
    ]
    assert "PSNR (dB)" in lines[0]
    assert ["cups", "2", "novel"] in [line.split()[:3] for line in lines]
    assert lines[-1] == f"3 objects evaluated, 0 failed; see {out / 'index.html'}"


def test_the_files_say_the_same(evaluated, place):
    _, out = evaluated
    assert {path.name for path in out.iterdir()} == FILES
    written = json.loads((out / "evaluation.json").read_text())
    rows = list(csv.DictReader((out / "views.csv").open()))
    assert len(rows) == len(written["views"]) == 12
    for row, view in zip(rows, written["views"], strict=True):
        assert (row["object"], int(row["view"]), row["kind"]) == (view["object"], view["view"], view["kind"])
        assert float(row["psnr"]) == pytest.approx(view["psnr"])
        assert row["depth"] == ""
    model, item = load_model(place / "tiny.safetensors"), load_object(place / "bowls/bowl")
    assert written["views"][-1]["lpips"] == pytest.approx(scored_views(model, item)[3].scores["lpips"], abs=1e-5)
    objects = list(csv.DictReader((out / "objects.csv").open()))
    assert [row["object"] for row in objects] == ["<b>cup", "mug", "bowl"]
    assert (written["model"]["name"], written["split"]) == ("tiny.safetensors", "all")


def test_the_page_stands_alone(evaluated):
    page = (evaluated[1] / "index.html").read_text()
    addresses = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert addresses
    assert all(address.startswith("data:") for address in addresses)
    assert "url(" not in page
    assert "<b>cup" not in page.replace("<b>&lt;b&gt;cup", "")
    assert page.count("<figure>") == 6
    assert page.count("<img") == 12
    assert "prefers-color-scheme: dark" in page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_in_either_scheme(evaluated, browser, scheme):
    page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto((evaluated[1] / "index.html").as_uri())
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert said == []
    text, ground = (
        sum(map(int, re.findall(r"\d+", page.evaluate(f"getComputedStyle(document.body).{name}"))[:3]))
        for name in ("color", "backgroundColor")
    )
    assert (text < ground) == (scheme == "light")
    assert abs(text - ground) > 450
    page.close()


def test_a_broken_object_is_listed_and_ends_with_code_2(place, tmp_path):
    result = _lrm(place, "broken", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "1 objects evaluated, 1 failed" in result.stdout
    assert "pot/pose/003.npy: missing pose, although its image exists" in result.stderr
    assert "Traceback" not in result.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    page = (tmp_path / "out/index.html").read_text()
    assert "Not evaluated" in page
    assert "003.npy: missing pose" in page


def test_a_full_disk_leaves_the_files_as_they_were(place, tmp_path, monkeypatch):
    out = tmp_path / "out"
    assert _lrm(place, "bowls", "--out", out).exit_code == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    write = Path.write_text

    def full(path: Path, text: str, **options: object) -> int:
        if "index.html" in path.name:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write(path, text, **options)

    monkeypatch.setattr(Path, "write_text", full)
    result = _lrm(place, "cups", "--out", out)
    assert result.exit_code == 2
    assert "no space left on" in result.stderr
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_an_interrupted_evaluation_writes_nothing(place, tmp_path, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluation_page, "record", interrupted)
    assert _lrm(place, "bowls", "--out", tmp_path / "out").exit_code == 130
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: no such folder of rendered objects"),
        (["cups", "--split", "test"], "unknown split 'test'; choose one of all, train, val"),
        (["cups", "--split", "val"], "val_uids.json: no such list of objects"),
        (["cups", "cups"], "expected each folder once"),
        (["cups", "--device", "cuda"], "device cuda: "),
        (["cups", "--out", "tiny.safetensors"], "tiny.safetensors"),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(place, tmp_path, monkeypatch, arguments, message):
    if "cuda" in arguments and torch.cuda.is_available():
        pytest.skip("there is such a device here")
    monkeypatch.chdir(tmp_path)
    shutil.copy(place / "tiny.safetensors", tmp_path)
    result = _lrm(place, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.safetensors"]
