"""The page of `lrm app`: the files of `lrm predict`, one sentence for a bad picture, and no other machine."""

import re
import sys
import urllib.request
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors.torch import load_file
from tiny_folder import TINY

from lrm_core.cli import main
from lrm_core.model.checkpoints import save_checkpoint
from lrm_core.model.lrm import LRM
from lrm_core.predict import PredictConfig, predict_path
from lrm_core.predict.app import LOOPBACK, REQUIREMENT, SHOWN, build_app, launch, predict_files


@pytest.fixture(scope="module")
def model() -> LRM:
    """A tiny model with random weights whose fields are dense enough to have a surface."""
    torch.manual_seed(0)
    tiny = LRM(TINY).eval().requires_grad_(False)
    tiny.decoder.net[6].bias[0] = 4.0
    return tiny


@pytest.fixture
def picture(tmp_path) -> Path:
    image = Image.new("RGBA", (40, 30))
    image.paste((200, 60, 30, 255), (5, 5, 20, 25))
    image.save(tmp_path / "a.png")
    return tmp_path / "a.png"


@pytest.fixture
def root(tmp_path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def test_the_page_shows_the_files_of_predict(model, picture, root, tmp_path):
    shown = predict_files(model, root, str(picture), 1.9)
    save_checkpoint(model, tmp_path / "tiny.safetensors", dtype=torch.float32)
    config = PredictConfig(formats=SHOWN, source_distance=1.9)
    predict_path(str(tmp_path / "tiny.safetensors"), picture, tmp_path / "out", config)
    expected = tmp_path / "out" / "a"
    *files, planes = map(Path, (shown.picture, *shown.files))
    for file in files:
        assert file.read_bytes() == (expected / file.name).read_bytes(), file.name
    ours, theirs = (
        load_file(planes),
        load_file(expected / planes.name),
    )  # the order of their headers is not fixed
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert shown.files[:2] == [shown.mesh, shown.film]


@pytest.mark.parametrize(
    ("chosen", "distance", "message"),
    [
        (False, 2.0, "no picture chosen; expected a file ending in .png"),
        (True, 2.0, "a.png: corrupt, or not a PNG, JPEG or WebP"),
        (True, 0.0, "source_distance: expected a positive, finite number, found 0"),
    ],
)
def test_bad_input_is_one_sentence_without_the_folder(model, picture, root, chosen, distance, message):
    picture.write_text("not a picture")
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        predict_files(model, root, str(picture) if chosen else None, distance)
    assert str(picture.parent) not in str(error.value)
    assert list(root.iterdir()) == []


def test_without_gradio_one_sentence_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    result = CliRunner().invoke(main, ["app"])
    assert result.exit_code == 2
    assert result.stderr == f'Error: `lrm app` needs gradio: `pip install "{REQUIREMENT}"` in `.venv`\n'


def test_the_page_is_served_on_loopback_and_names_no_other_machine(model, root, monkeypatch):
    pytest.importorskip("gradio")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(root))
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    app = build_app(model, root)
    try:
        address = launch(app, 7871)
        assert address.startswith(f"http://{LOOPBACK}:")
        assert (app.server_name, app.share, app.analytics_enabled) == (LOOPBACK, False, False)
        page, style = (
            urllib.request.urlopen(address + part, timeout=60).read().decode() for part in ("", "theme.css")
        )
    finally:
        app.close()
    loaded = r"""<(?:script|link|img)[^>]*(?:src|href)=["']?https?://(?!127\.0\.0\.1)[^"'>]*"""
    assert re.findall(loaded, page) == []
    assert re.findall(r"url\(.?https?:", style) == []
    assert "Content-Security-Policy" in page
