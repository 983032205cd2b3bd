"""The chapter on one's own picture: what it shows is what the files hold, on a tiny model and the mini one."""

import base64
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image
from safetensors.torch import load_file

from lrm_core import load_model
from lrm_core.evidence.oracles import render_planes
from lrm_core.objects.mesh import load_mesh
from lrm_core.predict import PredictConfig, predict_picture
from lrm_core.profiles import get_profile
from lrm_core.render import cameras
from lrm_core.render.turntable import turntable
from lrm_core.show.own_data import own_picture
from lrm_core.show.own_data.own_picture import OwnPicture


@pytest.fixture(scope="module")
def own() -> OwnPicture:
    return own_picture.open_picture("mini")


@pytest.fixture
def off_centre(tmp_path) -> Path:
    """A small red thing in a corner of a large canvas."""
    image = Image.new("RGBA", (300, 200))
    image.paste((200, 30, 30, 255), (20, 30, 80, 70))
    image.save(tmp_path / "red.png")
    return tmp_path / "red.png"


def test_the_default_is_the_source_view_of_an_object_of_the_repository(own):
    assert own.path.parts[-3:] == ("cc0_couch", "rgba", "000.png")
    assert Image.open(own.path).mode == "RGBA"
    assert own_picture.default_picture(["cc0_barrel"]).parts[-3] == "cc0_barrel"


def test_the_prediction_is_that_of_the_command_on_the_same_picture(own):
    expected = predict_picture(load_model("mini"), own.path, PredictConfig())
    torch.testing.assert_close(own.prediction.planes, expected.planes)


def test_what_is_off_its_centre_is_shown_before_and_after(off_centre, tiny_model, monkeypatch):
    monkeypatch.setattr(own_picture, "load_model", lambda *_, **__: tiny_model)
    own = own_picture.open_picture("mini", str(off_centre))
    size = tiny_model.config.source_size
    assert own.given.image.shape == own.prediction.picture.shape == (3, size, size)
    columns = [(image < 0.5)[1].any(0).nonzero().flatten().float().mean().item()
               for image in (own.given.image, own.prediction.picture)]  # fmt: skip
    assert columns[0] < size / 4
    assert columns[1] == pytest.approx((size - 1) / 2, abs=0.5)
    html = own_picture.pictures(own)
    assert html.count("<img") == 2
    assert "red.png: as the model sees it" in html


def test_the_first_view_around_is_from_in_front(own):
    samples = own.model.config.rendering_samples_per_ray
    frames, (frame,) = own.frames, turntable(own.prediction.planes, own.model.decoder, 1, 128, samples)
    assert np.abs(frames[0].astype(int) - frame).max() <= 1
    assert own_picture.around(own).count("<img") == 1 + own_picture.FRAMES // own_picture.EVERY


def test_the_prediction_is_seen_from_the_camera_that_the_model_was_told(own):
    pose = cameras.canonical_pose(2.0)
    intrinsics = torch.tensor([[0.75, 0.75], [0.5, 0.5], [1.0, 1.0]])
    camera = cameras.standard_camera(pose[None], intrinsics[None])
    expected = render_planes(own.model, own.prediction.planes, camera, 128).rgb[0]
    torch.testing.assert_close(own_picture.source_view(own), expected, atol=1e-3, rtol=0)


def test_the_figure_is_the_mesh_of_the_file(own):
    (drawn,) = own_picture.mesh_figure(own).data
    (path,) = (path for path in own.files() if path.suffix == ".glb")
    mesh = trimesh.load(path, force="mesh", process=False)
    assert drawn.type == "mesh3d"
    np.testing.assert_array_equal(np.stack([drawn.i, drawn.j, drawn.k], 1), mesh.faces)
    x, y, z = mesh.vertices.T  # y up and the front at +z in the file
    np.testing.assert_allclose(np.stack([drawn.x, drawn.y, drawn.z]), np.stack([x, -z, y]), atol=6e-4)
    colours = np.array([re.findall(r"\d+", colour) for colour in drawn.vertexcolor], int)
    expected = (own.surface.colours.numpy() * 255).round()
    np.testing.assert_array_equal(colours, expected)
    assert colours.std() > 1
    assert load_mesh(path).triangles.shape == (len(mesh.faces), 3, 3)


def test_figure_and_sentence_say_how_large_the_mesh_is(own):
    vertices, faces = (f"{len(part):,}" for part in (own.surface.vertices, own.surface.faces))
    alt = own_picture.mesh_figure(own).layout.meta["alt"]
    for text in (alt, own_picture.mesh_sentence(own)):
        assert vertices in text
        assert faces in text


def test_the_files_are_in_a_temporary_folder_that_no_output_names(own):
    folder = Path(own.folder.name)
    assert {path.name for path in own.files()} == {path.name for path in folder.iterdir()}
    planes = load_file(folder / "planes.safetensors")["planes"]
    torch.testing.assert_close(planes, own.prediction.planes)
    table = own_picture.files_table(own)
    assert table["file"].tolist() == ["mesh.glb", "turntable.mp4", "planes.safetensors"]
    links = own_picture.file_links(own)
    for text in (table.to_string(), links, own_picture.reproduce(own, "14_own_picture")):
        assert str(folder) not in text
        assert str(Path.home()) not in text
    held = re.findall(r'download="([^"]*)" href="data:[^;]*;base64,([^"]*)"', links)
    assert {name: base64.b64decode(data) for name, data in held} == {
        path.name: path.read_bytes() for path in own.files() if path.suffix != ".safetensors"
    }


def test_the_folder_is_gone_when_nobody_needs_it(own):
    other = OwnPicture(own.plan, own.model, own.path, own.prediction)
    other.__dict__["frames"] = own.frames
    folder = Path(other.folder.name)
    assert folder.is_dir()
    other.folder.cleanup()
    assert not folder.exists()


def test_the_triplane_can_be_turned(own, monkeypatch):
    shown = []
    monkeypatch.setattr(own_picture, "show_viewer", lambda *arguments, **_: shown.append(arguments))
    own_picture.turn_by_hand(own)
    ((planes, decoder, words),) = shown
    assert planes is own.prediction.planes
    assert decoder is own.model.decoder
    assert "000.png" in words


def test_quality_comes_from_the_store_or_is_said_to_be_unknown(own, tiny_model):
    table = own_picture.experiment_table("e00_model", "mini", own_picture.model_hash(own.model))
    said = own_picture.quality_sentence(own)
    if len(table):
        assert f"{table['model.novel.psnr'].mean():.1f} dB" in said
        assert f"On {len(table)} rendered objects" in said
    unknown = OwnPicture(get_profile("mini"), tiny_model, own.path, own.prediction)
    assert "has not been measured" in own_picture.quality_sentence(unknown)


def test_commands_name_the_profile_the_picture_and_the_published_weights(own):
    text = own_picture.reproduce(own, "14_own_picture")
    assert "reproduce --profile mini --notebook 14" in text
    assert "-p picture picture.png" in text
    assert f"--model {get_profile('paper').model}" in text


@pytest.mark.parametrize(
    ("picture", "error", "message"),
    [
        ("nowhere.png", FileNotFoundError, "nowhere.png: no such file"),
        ("notes.png", ValueError, "notes.png: corrupt, or not a PNG"),
    ],
)
def test_a_picture_that_cannot_be_read_is_named(tmp_path, picture, error, message):
    (tmp_path / "notes.png").write_text("not a picture")
    with pytest.raises(error, match=message):
        own_picture.open_picture("mini", str(tmp_path / picture))
