"""From pictures to assets: the model sees what it should, and a folder is finished whatever one picture does."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from click.testing import CliRunner
from PIL import Image
from safetensors.torch import load_file
from tiny_folder import TINY

from lrm_core.cli import main
from lrm_core.measure.oracles import predicted_planes
from lrm_core.model.checkpoints import load_model, save_checkpoint
from lrm_core.model.lrm import LRM
from lrm_core.objects import load_object
from lrm_core.paths import data_dir
from lrm_core.predict import ASSETS, PredictConfig, assets, predict_path, predict_picture

FAST = PredictConfig(formats=("ply", "planes", "sheet"), resolution=16, frames=2)
REAL = data_dir() / "mini/objects/real"


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """A tiny model with random weights whose fields are dense enough to have a surface."""
    torch.manual_seed(0)
    model = LRM(TINY)
    with torch.no_grad():
        model.decoder.net[6].bias[0] = 4.0
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_checkpoint(model, path, dtype=torch.float32)
    return path


@pytest.fixture
def pictures(tmp_path) -> Path:
    """Two good pictures, one that is cluttered and one that is cut off."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("a.png", "b.webp"):
        image = Image.new("RGBA", (40, 30))
        image.paste((200, 60, 30, 255), (5, 5, 20, 25))
        image.save(folder / name, lossless=True)
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)).save(folder / "c.png")
    (folder / "d.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "notes.txt").write_text("not a picture")
    return folder


def _predict(weights: Path, pictures: Path, out: Path, *options: str):
    arguments = ["predict", str(pictures), "--model-name", str(weights), "--output-dir", str(out)]
    fast = ["--formats", "ply,planes", "--resolution", "16", *options]
    return CliRunner().invoke(main, [*arguments, *fast])


def test_a_rendered_view_as_it_is_framed_gives_the_planes_of_the_experiments():
    model, item = load_model("mini"), load_object(REAL / "cc0_couch")
    distance = float(item.poses[0, :, 3].norm())
    config = PredictConfig(keep_framing=True, source_distance=distance)
    found = predict_picture(model, REAL / "cc0_couch" / "rgba" / "000.png", config)
    torch.testing.assert_close(found.picture, item.images[0])
    torch.testing.assert_close(found.planes, predicted_planes(model, item), atol=1e-3, rtol=1e-3)


def test_every_format_is_written(weights, pictures, tmp_path):
    report = predict_path(str(weights), pictures / "a.png", tmp_path / "out", replace(FAST, formats=tuple(ASSETS)))
    assert report.made == ["a.png"]
    folder = tmp_path / "out" / "a"
    assert {file.name for file in folder.iterdir()} == {*ASSETS.values(), "picture.png", "prediction.json"}
    planes = load_file(folder / "planes.safetensors")["planes"]
    assert planes.shape == (3, 4, 16, 16)
    assert len(trimesh.load(folder / "mesh.obj", force="mesh", process=False).faces) > 0
    assert Image.open(folder / "picture.png").size == (32, 32)
    assert Image.open(folder / "sheet.png").size == (128, 64)


def test_a_folder_goes_on_after_failures_and_ends_with_code_2(weights, pictures, tmp_path):
    out = tmp_path / "out"
    result = _predict(weights, pictures, out)
    assert result.exit_code == 2
    assert f"{out}: 2 made, 0 kept, 2 failed" in result.stdout
    assert "c.png: neither alpha nor a white background" in result.stderr
    assert "d.jpg: corrupt" in result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(file.name for file in out.iterdir()) == ["a", "b"]


def test_what_is_finished_is_kept(weights, pictures, tmp_path):
    out = tmp_path / "out"
    _predict(weights, pictures / "a.png", out)
    before = (out / "a" / "mesh.ply").stat().st_mtime_ns
    result = _predict(weights, pictures, out)
    assert f"{out}: 1 made, 1 kept, 2 failed" in result.stdout
    assert (out / "a" / "mesh.ply").stat().st_mtime_ns == before


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_assets_that_are_gone_or_cut_are_made_again_and_the_rest_of_the_folder_stays(
    weights, pictures, tmp_path, damage
):
    folder = tmp_path / "out" / "a"
    _predict(weights, pictures / "a.png", tmp_path / "out")
    before = (folder / "mesh.ply").read_bytes()
    (folder / "mesh.ply").write_bytes(before[:-1])
    if damage == "gone":
        (folder / "mesh.ply").unlink()
    (folder / "mine.txt").write_text("mine")
    assert "1 made, 0 kept, 0 failed" in _predict(weights, pictures / "a.png", tmp_path / "out").stdout
    assert (folder / "mesh.ply").read_bytes() == before
    assert (folder / "mine.txt").exists()
    assert len(list(folder.iterdir())) == 5
    assert "0 made, 1 kept, 0 failed" in _predict(weights, pictures / "a.png", tmp_path / "out").stdout


def test_what_another_run_finished_meanwhile_is_kept(weights, pictures, tmp_path, monkeypatch):
    first = _predict(weights, pictures / "a.png", tmp_path / "first")
    assert first.exit_code == 0
    original = assets.predict_picture

    def overtaken(*arguments):
        shutil.copytree(tmp_path / "first", tmp_path / "out", dirs_exist_ok=True)
        return original(*arguments)

    monkeypatch.setattr(assets, "predict_picture", overtaken)
    result = _predict(weights, pictures / "a.png", tmp_path / "out")
    assert "0 made, 1 kept, 0 failed" in result.stdout, result.stderr
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["a"]


def test_a_name_that_is_not_utf8_fails_alone_and_by_name(weights, pictures, tmp_path):
    shutil.copy(pictures / "a.png", os.fsdecode(os.fsencode(pictures) + b"/x\xff.png"))
    result = _predict(weights, pictures, tmp_path / "out")
    assert result.exit_code == 2
    assert "2 made, 0 kept, 3 failed" in result.stdout
    assert r"x\xff.png: its name is not UTF-8; rename it" in result.stderr


@pytest.mark.parametrize("change", ["settings", "picture"])
def test_what_was_made_of_something_else_is_not_overwritten(weights, pictures, tmp_path, change):
    out = tmp_path / "out"
    _predict(weights, pictures / "a.png", out)
    if change == "picture":
        Image.new("RGB", (40, 40), "black").save(pictures / "a.png")
    before = (out / "a" / "prediction.json").read_text()
    result = _predict(
        weights, pictures / "a.png", out, *(["--source-distance", "1.9"] if change == "settings" else [])
    )
    assert result.exit_code == 2
    assert "a: made with another picture, model or settings; remove it" in result.stderr
    assert (out / "a" / "prediction.json").read_text() == before


def test_an_interrupted_picture_leaves_nothing(weights, pictures, tmp_path, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lrm_core.predict.assets.write_assets", interrupted)
    out = tmp_path / "out"
    assert _predict(weights, pictures / "a.png", out).exit_code == 130
    assert list(out.iterdir()) == []


def test_links_out_of_the_folder_and_equal_stems_are_refused(weights, pictures, tmp_path):
    for name in ("c.png", "d.jpg"):
        (pictures / name).unlink()
    elsewhere = (pictures / "a.png").rename(tmp_path / "elsewhere.png")
    os.symlink(elsewhere, pictures / "link.png")
    Image.open(pictures / "b.webp").save(pictures / "b.png")
    report = predict_path(str(weights), pictures, tmp_path / "out", FAST)
    assert report.made == ["b.png"]
    assert "a link out of the folder" in report.failed["link.png"]
    assert "would overwrite the assets of b.png" in report.failed["b.webp"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.png"], "nowhere.png: no such file or folder"),
        (["."], "no pictures; expected files ending in .png"),
        (["a.png", "--formats", "stl"], "formats: found stl; expected some of glb, obj"),
        (["a.png", "--source-distance", "0"], "source_distance: expected a positive, finite number, found 0"),
        (["a.png", "--out", "a.png/below"], "a.png/below"),
        (["a.png", "--model", "maxi"], "unknown model 'maxi'"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path, monkeypatch, weights, arguments, message):
    monkeypatch.chdir(tmp_path)
    if arguments[0] != ".":
        Image.new("RGB", (20, 20), "black").save("a.png")
    result = CliRunner().invoke(main, ["predict", *arguments])
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")
    assert message in result.stderr
    assert "Traceback" not in result.stderr
