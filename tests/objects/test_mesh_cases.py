"""Features of mesh files that readers drop: each is drawn right, or refused by a sentence that names it."""

import io
import json
import random
import shutil
import unicodedata
from pathlib import Path

import meshopt
import numpy as np
import pytest
import torch
import trimesh
from gltf_files import FACES, SQUARE, SQUARE_UV, Gltf
from PIL import Image

from lrm_core.objects.mesh import load_mesh
from lrm_core.objects.mesh_render import render_mesh
from lrm_core.render.cameras import canonical_pose

CASES = Path(__file__).resolve().parents[1] / "fixtures/meshes"
QUARTERS, PARTS, SIZE = "00_reference_quad.glb", "05_reference_two_parts.glb", 32
RED, GREEN, YELLOW = (1, 0, 0), (0, 1, 0), (1, 1, 0)


def seen(path):
    """RGBA (4, 32, 32) from the front."""
    return render_mesh(path, canonical_pose(2.0)[None], SIZE).rgba[0]


def hues(path):
    """Colours of the four quarters as (r, g, b) of zeros and ones, row by row."""
    picture = seen(path)
    return [tuple((picture[:3, y, x] > 0.3).int().tolist()) for y, x in ((12, 12), (12, 19), (19, 12), (19, 19))]


@pytest.mark.parametrize(
    ("case", "reference"),
    [
        ("03_uv_uint16_normalised.glb", QUARTERS),
        ("13_emissive_texture_black_base.glb", QUARTERS),
        ("22_obj_map_Kd_option/a.obj", QUARTERS),
        ("23_obj_backslash/a.obj", QUARTERS),
        ("41_gltf_percent_encoded/a.gltf", QUARTERS),
        ("05_quantised_positions_two_parts.glb", PARTS),
        ("07_triangle_fan.glb", PARTS),
        ("08_part_below_camera_node.glb", PARTS),
        ("10_skinned_two_parts.glb", PARTS),
        ("11_morph_weight_one.glb", PARTS),
        ("20_obj_no_Kd/a.obj", "20b_obj_Kd1/a.obj"),
    ],
)
def test_a_feature_shows_what_its_plain_twin_shows(case, reference):
    torch.testing.assert_close(seen(CASES / case), seen(CASES / reference), rtol=0, atol=2e-3)


@pytest.mark.parametrize(
    ("case", "expected"),
    [("01_texture_transform.glb", [YELLOW] * 4), ("06_sparse_accessor.glb", [RED, GREEN, RED, GREEN])],
)
def test_a_feature_shows_in_the_four_quarters(case, expected):
    assert hues(CASES / case) == expected


def test_sixteen_bits_of_grey_are_not_clipped():
    picture, white = seen(CASES / "04_texture_16bit_grey.glb"), seen(CASES / "20b_obj_Kd1/a.obj")
    shares = picture[0, 16, [11, 20]] / white[0, 16, [11, 20]]
    torch.testing.assert_close(shares, torch.tensor([0.25, 0.75]), rtol=0, atol=0.01)


def test_instances_are_all_there():
    picture, parts = seen(CASES / "56_gpu_instancing.glb"), seen(CASES / PARTS)
    torch.testing.assert_close(picture[3], parts[3], rtol=0, atol=1e-6)
    assert picture[0].max() == picture[2].max() == 0 < picture[1].max()


def test_a_part_that_is_scaled_to_nothing_does_not_count_for_the_frame(tmp_path):
    alone = Gltf(materials=[{"pbrMetallicRoughness": {"baseColorFactor": [0, 1, 0, 1]}}])
    alone = alone.save(tmp_path / "a.glb", [{"mesh": alone.square(material=0)}])
    torch.testing.assert_close(seen(CASES / "58_hidden_by_zero_scale.glb"), seen(alone), rtol=0, atol=1e-6)


def test_an_opacity_mask_cuts_out():
    picture, whole = seen(CASES / "29d_obj_map_d/a.obj"), seen(CASES / "22_obj_map_Kd_option/a.obj")
    torch.testing.assert_close(picture[:, :15], whole[:, :15], rtol=0, atol=1e-6)
    assert picture[3, 17:].max() == 0


def test_real_draco_data_are_decoded(tmp_path):
    ball = trimesh.creation.icosphere(2)
    content = trimesh.exchange.gltf.export_glb(trimesh.Scene(ball), extension_draco=True)
    assert b"KHR_draco_mesh_compression" in content
    (tmp_path / "ball.glb").write_bytes(content)
    found = load_mesh(tmp_path / "ball.glb")
    assert len(found.triangles) == len(ball.faces)
    np.testing.assert_allclose(np.linalg.norm(found.triangles, axis=-1), 0.95, atol=1e-3)


@pytest.mark.parametrize("name", ["EXT_meshopt_compression", "KHR_meshopt_compression"])
def test_meshopt_data_are_decoded(tmp_path, name):
    file = Gltf(extensionsUsed=[name], extensionsRequired=[name])
    mesh = file.square()
    before = seen(file.save(tmp_path / "plain.glb", [{"mesh": mesh}]))
    for index, values in ((0, SQUARE), (1, SQUARE_UV), (2, FACES)):
        mode, packed = "ATTRIBUTES", meshopt.encode_vertex_buffer(values) if values is not FACES else b""
        if values is FACES:
            mode, packed = "TRIANGLES", meshopt.encode_index_buffer(FACES.astype(np.uint32))
        view = file.tree["bufferViews"][file.view(bytes(packed))]
        stride = values.nbytes // len(values)
        fallback = {"buffer": 1, "byteOffset": 0, "byteLength": values.nbytes}
        extra = {**view, "byteStride": stride, "count": len(values), "mode": mode}
        file.tree["bufferViews"][index] = fallback | {"extensions": {name: extra}}
    path = file.save(tmp_path / "packed.glb", [{"mesh": mesh}])
    torch.testing.assert_close(seen(path), before, rtol=0, atol=1e-6)
    broken = path.read_bytes().replace(b'"mode": "TRIANGLES"', b'"mode": "INDICES"  ')
    (tmp_path / "broken.glb").write_bytes(broken)
    with pytest.raises(ValueError, match=r"broken\.glb"):
        load_mesh(tmp_path / "broken.glb")


def quarters(file, **info):
    """Index of a material with the four colours."""
    image = Image.new("RGB", (2, 2))
    image.putdata([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)])
    stream = io.BytesIO()
    image.resize((8, 8), 0).save(stream, "PNG")
    file.tree |= {
        "images": [{"bufferView": file.view(stream.getvalue()), "mimeType": "image/png"}],
        "textures": [{"source": 0}],
        "materials": [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0, **info}}}],
    }
    return 0


@pytest.mark.parametrize(
    ("rotation", "expected"), [(0.0, "rgby"), (np.pi / 2, "bryg"), (np.pi, "ybgr"), (-np.pi / 2, "gyrb")]
)
def test_a_texture_turns_clockwise_as_its_coordinates_turn_the_other_way(tmp_path, rotation, expected):
    """By hand: turned by 90 degrees, (u, v) becomes (v, -u), so the top left shows what was at the bottom left."""
    file = Gltf()
    turn = {"KHR_texture_transform": {"rotation": rotation}}
    path = file.save(tmp_path / "a.glb", [{"mesh": file.square(material=quarters(file, extensions=turn))}])
    names = {RED: "r", GREEN: "g", (0, 0, 1): "b", YELLOW: "y"}
    assert "".join(names[hue] for hue in hues(path)) == expected


@pytest.mark.parametrize("place", ["texture", "transform"])
def test_a_texture_lies_on_the_set_of_coordinates_that_it_names(tmp_path, place):
    transform = {"KHR_texture_transform": {"texCoord": 1}}
    info = {"texCoord": 1} if place == "texture" else {"extensions": transform}
    file = Gltf()
    second = file.array(np.full((4, 2), 255 * 0.25).astype(np.uint8), normalized=True)
    mesh = file.square(material=quarters(file, **info), attributes={"TEXCOORD_1": second})
    assert hues(file.save(tmp_path / "a.glb", [{"mesh": mesh}])) == [RED] * 4


def test_a_strip_is_turned_the_same_way_throughout(tmp_path):
    file = Gltf()
    mesh = file.square(mode=5)
    file.tree["meshes"][mesh]["primitives"][0]["indices"] = file.array(np.array([0, 1, 3, 2], np.uint16))
    found = load_mesh(file.save(tmp_path / "a.glb", [{"mesh": mesh}]))
    assert len(found.triangles) == 2
    np.testing.assert_allclose(found.normals, np.broadcast_to([0, -1, 0], (2, 3, 3)), atol=1e-6)


def test_a_file_without_scenes_shows_its_roots(tmp_path):
    file = Gltf()
    nodes = [
        {"children": [1], "translation": [1, 0, 0]},
        {"mesh": file.square()},
        {"mesh": 0, "translation": [5, 0, 0]},
    ]
    assert len(load_mesh(file.save(tmp_path / "a.glb", nodes)).triangles) == 4


def test_bones_turn_and_blend_vertices(tmp_path):
    """The lower corners stay, the upper ones follow half a turned bone that starts elsewhere: written out by hand."""
    file = Gltf()
    bind = np.eye(4, dtype=np.float32)
    bind[:3, 3] = [0, -1, 0]
    matrices = np.stack([np.eye(4, dtype=np.float32), bind]).transpose(0, 2, 1).reshape(2, 16)
    joints = np.array([[0, 1, 0, 0]] * 4, np.uint8)
    weights = np.array([[255, 0, 0, 0]] * 2 + [[51, 204, 0, 0]] * 2, np.uint8)
    attributes = {"JOINTS_0": file.array(joints), "WEIGHTS_0": file.array(weights, normalized=True)}
    mesh = file.square(attributes=attributes)
    file.tree["skins"] = [{"joints": [1, 2], "inverseBindMatrices": file.array(matrices)}]
    turned = {"translation": [0, 1, 0], "rotation": [0, 0, 1, 0]}  # half a turn about the upper edge's middle
    nodes = [{"mesh": mesh, "skin": 0, "translation": [9, 9, 9]}, {"children": [2]}, turned]
    found = load_mesh(file.save(tmp_path / "a.glb", nodes))
    corners = SQUARE.copy()
    corners[2:, 0] = 0.2 * SQUARE[2:, 0] + 0.8 * -SQUARE[2:, 0]
    ours = found.triangles[:, :, [0, 2]].reshape(-1, 2)
    expected = corners[FACES][:, :2] - (corners.max(0) + corners.min(0))[:2] / 2
    np.testing.assert_allclose(ours / np.ptp(ours), expected / np.ptp(expected), atol=1e-6)


def test_instances_are_turned_and_scaled(tmp_path):
    file = Gltf()
    attributes = {
        "TRANSLATION": file.array(np.float32([[0, 0, 0], [4, 0, 0]])),
        "ROTATION": file.array(np.int8([[0, 0, 0, 127], [0, 0, 90, 90]]), normalized=True),
        "SCALE": file.array(np.float32([[1, 1, 1], [1, 2, 1]])),
    }
    nodes = [{"mesh": file.square(), "extensions": {"EXT_mesh_gpu_instancing": {"attributes": attributes}}}]
    found = load_mesh(file.save(tmp_path / "a.glb", nodes)).triangles
    first, second = (np.ptp(found[part].reshape(-1, 3), axis=0) for part in (slice(2), slice(2, 4)))
    np.testing.assert_allclose(second / first.max(), [2, 0, 1], atol=0.01)


def test_emission_is_added_as_light(tmp_path):
    both = {"emissiveFactor": [0, 0.25, 0], "pbrMetallicRoughness": {"baseColorFactor": [0, 0.5, 0, 1]}}
    strength = {"KHR_materials_emissive_strength": {"emissiveStrength": 6}}
    only = {"emissiveFactor": [0, 0.125, 0], "pbrMetallicRoughness": {"baseColorFactor": [0, 0, 0, 1]}}
    file = Gltf(materials=[both, only | {"extensions": strength}])
    nodes = [{"mesh": file.square(material=0)}, {"mesh": file.square(material=1)}]
    materials = load_mesh(file.save(tmp_path / "a.glb", nodes)).materials
    np.testing.assert_allclose(materials[0].levels[0], materials[1].levels[0], atol=2e-3)


@pytest.mark.parametrize("look", [{}, {"material": 0}], ids=["bare", "with a material"])
def test_colours_of_corners_may_be_fractions(tmp_path, look):
    file = Gltf(materials=[{}])
    mesh = file.square(attributes={"COLOR_0": file.array(np.tile(np.float32([1, 0, 0]), (4, 1)))}, **look)
    assert hues(file.save(tmp_path / "a.glb", [{"mesh": mesh}])) == [RED] * 4


def _square(folder, nodes=(), change=lambda file: None, **tree):
    """A square with a texture, changed."""
    file = Gltf(**tree)
    mesh = file.square(material=quarters(file))
    change(file)
    return file.save(folder / "a.glb", [*nodes, {"mesh": mesh}])


def _spoil_picture(file):
    place = file.tree["bufferViews"][file.tree["images"][0]["bufferView"]]["byteOffset"]
    file.buffer = file.buffer[:place] + b"gibberish" + file.buffer[place + 9 :]


def _emit_elsewhere(file):
    file.tree["materials"][0] |= {"emissiveFactor": [1, 1, 1], "emissiveTexture": {"index": 0, "texCoord": 1}}


def _obj(folder, statement="map_Kd tex.png", texture=None):
    """A square with this in its material file, and another content of its picture."""
    shutil.copytree(CASES / "22_obj_map_Kd_option", folder / "a")
    (folder / "a/a.mtl").write_text(f"newmtl m\n{statement}\n", encoding="utf-8")
    if texture is not None:
        (folder / "a/tex.png").write_bytes(texture)
    return folder / "a/a.obj"


def _obj_without_its_picture(folder):
    path = _obj(folder)
    (folder / "a/tex.png").unlink()
    return path


def _ply_with_a_picture(folder):
    ply = trimesh.creation.box().export(file_type="ply", encoding="ascii").decode()
    (folder / "a.ply").write_text(ply.replace("element vertex", "comment TextureFile gone.png\nelement vertex"))
    return folder / "a.ply"


CORNERS, BACK = "v 0 0 0\nv 1 0 0\nv 0 1 0\n", "f -3 -2 -1\n"


def _triangles(folder, text):
    (folder / "a.obj").write_text(text)
    return folder / "a.obj"


INVISIBLE = [{"extensions": {"KHR_node_visibility": {"visible": False}}}]
REFUSED = [
    (lambda _: CASES / "16_basisu_texture.glb", "KHR_texture_basisu"),
    (lambda _: CASES / "18b_draco_only.glb", "Draco"),
    (lambda _: CASES / "24b_obj_missing_mtl/a.obj", r"a\.mtl is missing"),
    (lambda _: CASES / "40_gltf_missing_texture/a.gltf", r"gone\.png"),
    (lambda folder: _square(folder, extensionsRequired=["EXT_gone"]), "EXT_gone"),
    (lambda folder: _square(folder, asset={"version": "1.0"}), r"glTF 1\.0"),
    (lambda folder: _square(folder, INVISIBLE), "KHR_node_visibility"),
    (lambda folder: _square(folder, change=_spoil_picture), "baseColorTexture of material 0"),
    (lambda folder: _square(folder, change=_emit_elsewhere), "material 0 has its emission on other"),
    (
        lambda folder: _square(folder, change=lambda file: file.tree["accessors"][1].pop("bufferView")),
        "its TEXCOORD_0 has no data",
    ),
    (lambda folder: _obj(folder, texture=b"gibberish"), r"the texture tex\.png is not a readable picture"),
    (_obj_without_its_picture, r"tex\.png is missing"),
    (_ply_with_a_picture, r"gone\.png is missing"),
    (lambda folder: _obj(folder, "map_Kd -t 0.5 0.5 0.5 tex.png"), "the option -t"),
    (lambda folder: _obj(folder, "d 0.2\nmap_Kd tex.png"), "nothing to see; its materials are transparent"),
    (lambda folder: _triangles(folder, 2 * (CORNERS + BACK)), "counts back from vertices amid its faces"),
]


@pytest.mark.parametrize(("make", "named"), REFUSED)
def test_what_cannot_be_drawn_is_refused_by_name(tmp_path, make, named):
    path = make(tmp_path)
    with pytest.raises(ValueError, match=named) as caught:
        load_mesh(path)
    assert str(path) in str(caught.value)


def test_a_missing_map_that_nothing_is_drawn_from_does_no_harm(tmp_path):
    tree = json.loads((CASES / "41_gltf_percent_encoded/a.gltf").read_text())
    tree["images"].append({"uri": "gone.png"})
    tree["textures"].append({"source": 1})
    tree["materials"][0]["normalTexture"] = {"index": 1}
    shutil.copytree(CASES / "41_gltf_percent_encoded", tmp_path / "a")
    (tmp_path / "a/a.gltf").write_text(json.dumps(tree))
    assert hues(tmp_path / "a/a.gltf")[0] == RED


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("written", ["tëx.png", "t%C3%ABx.png", "..\\elsewhere\\tëx.png"])
def test_names_are_found_as_they_are_written(tmp_path, form, written):
    path = _obj(tmp_path, f"Kd 1 1 1\nmap_Kd {written}")
    (tmp_path / "a/tex.png").rename(tmp_path / "a" / unicodedata.normalize(form, "tëx.png"))
    assert hues(path) == hues(CASES / QUARTERS)


@pytest.mark.parametrize("statement", ["map_Kd -o 1 0 -clamp on -mm 0 1 tex.png", "d 0.8\nmap_Kd tex.png"])
def test_options_and_opacity_that_change_nothing(tmp_path, statement):
    assert hues(_obj(tmp_path, statement)) == hues(CASES / QUARTERS)


def test_a_scale_zooms(tmp_path):
    assert hues(_obj(tmp_path, "map_Kd -s 0.4 0.4 1 tex.png")) == [(0, 0, 1)] * 4


@pytest.mark.parametrize("face", ["f 1 2 3\n", BACK])
def test_indices_may_count_back_after_all_vertices(tmp_path, face):
    assert load_mesh(_triangles(tmp_path, CORNERS + face)).triangles.shape == (1, 3, 3)


def test_colours_of_scanners(tmp_path):
    mesh = trimesh.creation.box()
    mesh.visual.vertex_colors = np.tile(np.uint8([255, 0, 0, 255]), (8, 1))
    text = mesh.export(file_type="ply", encoding="ascii").decode()
    for channel in ("red", "green", "blue"):
        text = text.replace(f"uchar {channel}", f"uchar diffuse_{channel}")
    (tmp_path / "a.ply").write_text(text)
    assert hues(tmp_path / "a.ply") == [RED] * 4


def test_mutated_files_are_read_or_refused_by_name(tmp_path):
    """A few bytes changed, or the end cut: a mesh, or a ValueError that names the file."""
    rng = random.Random(0)
    files = sorted(path for path in CASES.rglob("*") if path.suffix in (".glb", ".gltf", ".obj"))
    for number in range(150):
        source = rng.choice(files)
        folder = tmp_path / str(number)
        shutil.copytree(source.parent, folder) if source.parent != CASES else folder.mkdir()
        content = bytearray(source.read_bytes())
        for _ in range(rng.randint(1, 6)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        if rng.random() < 0.2:
            content = content[: rng.randrange(len(content))]
        (folder / source.name).write_bytes(content)
        message = ""
        try:
            assert np.isfinite(load_mesh(folder / source.name).triangles).all()
        except ValueError as error:
            message = str(error)
        assert not message or str(folder / source.name) in message
