"""The chapter on one's own picture: what it shows is what the files hold, on the mini model."""

import base64
import re

import numpy as np
import pytest
import trimesh
from PIL import Image

from lrm_core import load_model
from lrm_core.page.own_data import own_picture
from lrm_core.paths import data_dir
from lrm_core.predict import PredictConfig, predict_picture
from lrm_core.render.surface import extract_surface

PATH = data_dir() / "mini/objects/real/cc0_couch/rgba/000.png"


@pytest.fixture(scope="module")
def model():
    return load_model("mini").requires_grad_(False)


def test_what_is_off_its_centre_is_shown_before_and_after(tmp_path, model):
    image = Image.new("RGBA", (300, 200))
    image.paste((200, 30, 30, 255), (20, 30, 80, 70))
    image.save(tmp_path / "red.png")
    found = predict_picture(model, tmp_path / "red.png", PredictConfig())
    html = own_picture.pictures(tmp_path / "red.png", found)
    assert html.count("<img") == 2
    assert "red.png: as the model sees it" in html


def test_the_figure_and_the_files_are_the_mesh_and_the_film(model, tmp_path, monkeypatch):
    found = predict_picture(model, PATH, PredictConfig())
    surface = extract_surface(found.planes, model.decoder, 32)
    frames = np.zeros((own_picture.FRAMES, 32, 32, 3), np.uint8)
    assert own_picture.around(frames).count("<img") == own_picture.FRAMES // own_picture.EVERY
    shown = []
    monkeypatch.setattr(own_picture.page, "show_html", shown.append)
    own_picture.show_files(surface, frames)
    held = dict(re.findall(r'download="([^"]*)" href="data:[^;]*;base64,([^"]*)"', shown[0]))
    assert set(held) == {"mesh.glb", "turntable.mp4"}
    (tmp_path / "mesh.glb").write_bytes(base64.b64decode(held["mesh.glb"]))
    mesh = trimesh.load(tmp_path / "mesh.glb", force="mesh", process=False)
    (drawn,) = own_picture.mesh_figure(surface).data
    np.testing.assert_array_equal(np.stack([drawn.i, drawn.j, drawn.k], 1), mesh.faces)
    x, y, z = mesh.vertices.T  # y up and the front at +z in the file
    np.testing.assert_allclose(np.stack([drawn.x, drawn.y, drawn.z]), np.stack([x, -z, y]), atol=6e-4)
    assert f"{len(mesh.vertices):,} coloured vertices" in own_picture.mesh_figure(surface).layout.meta["alt"]
