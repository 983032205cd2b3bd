"""Mesh renderer: against a brute-force twin, against closed forms, and its complaints."""

import numpy as np
import pytest
import torch
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from trimesh.visual.material import PBRMaterial

from lrm_core.objects.mesh import Mesh, face_normals, load_mesh, write_mesh
from lrm_core.objects.mesh_reading import Material, display_from_linear, linear_from_display
from lrm_core.objects.mesh_render import AMBIENT, LIGHT, WRAP, MeshCaster, render_mesh, sample_texture
from lrm_core.render.cameras import canonical_pose, look_at, pinhole_intrinsics, standard_camera
from lrm_core.render.rays import camera_rays

FRONT = canonical_pose(2.0)[None]
RED, BLUE = (255, 0, 0, 255), (0, 0, 255, 255)
# faces +z, the front when y is up
QUAD = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], dtype=float)
QUAD_UV = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=float)


def cameras_at(*positions):
    return look_at(torch.tensor(positions, dtype=torch.float32))


def quad(z=0.0, size=1.0, **material):
    visual = trimesh.visual.TextureVisuals(uv=QUAD_UV, material=PBRMaterial(**material))
    return trimesh.Trimesh(QUAD * size + [0, 0, z], [[0, 1, 2], [0, 2, 3]], visual=visual, process=False)


def save(path, *meshes):
    trimesh.Scene(list(meshes)).export(path)
    return path


def brightness(normal):
    return AMBIENT + (1 - AMBIENT) * max((np.dot(normal, LIGHT) + WRAP) / (1 + WRAP), 0)


def random_mesh(seed, faces=40):
    """Loose triangles of which the second material's are half cut away."""
    rng = np.random.default_rng(seed)
    triangles = rng.uniform(-0.6, 0.6, (faces, 1, 3)) + rng.uniform(-0.5, 0.5, (faces, 3, 3))
    holes = rng.uniform(0, 1, (4, 4, 4)).astype(np.float32)
    return Mesh(
        triangles=triangles,
        normals=np.repeat(face_normals(triangles)[:, None], 3, axis=1),
        uv=rng.uniform(-2, 2, (faces, 3, 2)),
        colours=np.ones((faces, 3, 4)),
        material=rng.integers(0, 2, faces),
        materials=(Material((holes,), 0.0), Material((holes,), 0.5)),
    )


def _ref_lookup(texture, u, v):
    """Bilinear weights written out for one point of a repeating texture."""
    height, width = texture.shape[:2]
    total = np.zeros(texture.shape[2])
    row, column = (1 - v) * height - 0.5, u * width - 0.5
    for i in (int(np.floor(row)), int(np.floor(row)) + 1):
        for j in (int(np.floor(column)), int(np.floor(column)) + 1):
            total += (1 - abs(row - i)) * (1 - abs(column - j)) * texture[i % height, j % width]
    return total


def _ref_first_hit(mesh, origin, direction):
    """Nearest solid crossing of one ray: a loop over all triangles, each a 3x3 linear system."""
    best, nearest = -1, np.inf
    for index, (a, b, c) in enumerate(mesh.triangles):
        t, second, third = np.linalg.solve(np.column_stack([-direction, b - a, c - a]), origin - a)
        if t <= 0 or second < 0 or third < 0 or second + third > 1 or t >= nearest:
            continue
        uv = np.array([1 - second - third, second, third]) @ mesh.uv[index]
        material = mesh.materials[mesh.material[index]]
        if _ref_lookup(material.levels[0], *uv)[3] >= material.cutoff:
            best, nearest = index, t
    return best, nearest


def test_first_hits_agree_with_a_loop_over_triangles():
    mesh = random_mesh(0)
    camera = standard_camera(cameras_at((0.3, -2.0, 0.5)).double(), pinhole_intrinsics(20).double())
    origins, directions = (rays[0].numpy() for rays in camera_rays(camera, 20))
    hits = MeshCaster(mesh).first_hits(origins, directions)
    pairs = zip(origins, directions, strict=True)
    face, distance = map(np.array, zip(*(_ref_first_hit(mesh, *pair) for pair in pairs), strict=True))
    assert 0.1 < (face >= 0).mean() < 0.9
    assert (mesh.material[face[face >= 0]] == 1).any()
    same = face == hits.face
    assert same.mean() > 0.99  # single-precision rays may pass on the other side of an edge or of a cut
    np.testing.assert_allclose(hits.distance[same], distance[same], atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), *[st.integers(1, 5)] * 2, *[st.floats(-3, 3, width=16)] * 2)
def test_texture_lookup_agrees_with_written_out_weights(seed, height, width, u, v):
    texture = np.random.default_rng(seed).uniform(size=(height, width, 4))
    found = sample_texture(texture, np.array([[u, v]]))
    np.testing.assert_allclose(found[0], _ref_lookup(texture, u, v), atol=1e-9)


def test_fine_texture_does_not_alias(tmp_path):
    checker = np.indices((512, 512)).sum(0) % 2 * 255
    image = Image.fromarray(np.repeat(checker[..., None], 3, -1).astype(np.uint8))
    views = render_mesh(save(tmp_path / "quad.glb", quad(baseColorTexture=image)), FRONT, 32)
    middle = views.rgba[0, :3, 12:20, 12:20]
    torch.testing.assert_close(middle, torch.full_like(middle, 0.5 * brightness((0, -1, 0))), rtol=0, atol=0.01)


def test_box_has_the_depth_and_outline_of_a_box(tmp_path):
    path = tmp_path / "box.ply"
    trimesh.creation.box((2, 1, 1)).export(path)
    scale = 0.95 / np.linalg.norm([1, 0.5, 0.5])
    views = render_mesh(path, FRONT, 64)
    near = 2 - 0.5 * scale
    camera = standard_camera(FRONT, pinhole_intrinsics(64))
    directions = camera_rays(camera, 64).directions[0].view(64, 64, 3)
    distance = near / directions[..., 1]
    at = directions * distance[..., None]
    reach = torch.tensor([scale - 0.03, 0.5 * scale - 0.03])
    inside = (at[..., [0, 2]].abs() < reach).all(-1)
    outside = (at[..., [0, 2]].abs() > reach + 0.06).any(-1)
    assert inside.sum() > 300
    torch.testing.assert_close(views.depth[0, 0][inside], distance[inside], rtol=0, atol=1e-3)
    assert (views.rgba[0, 3][inside] == 1).all()
    assert (views.rgba[0, :, outside] == 0).all()
    assert views.depth[0, 0][outside].isinf().all()
    assert views.visible[0, 0][inside].all()
    assert not views.visible[0, 0][outside].any()


def test_front_of_a_y_up_file_faces_the_source(tmp_path):
    front, back = quad(0.5, baseColorFactor=RED), quad(-0.5, baseColorFactor=BLUE)
    path = save(tmp_path / "pair.glb", front, back)
    views = render_mesh(path, cameras_at((0, -2, 0), (0, 2, 0)), 16)
    expected = [brightness((0, -1, 0)), 0, 0, 0, 0, brightness((0, 1, 0))]
    assert views.rgba[:, :3, 8, 8].flatten().tolist() == pytest.approx(expected)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.floats(1e-3, 1e3), st.floats(-50, 50))
def test_any_mesh_fits_the_sphere(tmp_path_factory, seed, size, shift):
    corners = np.random.default_rng(seed).normal(size=(12, 3)) * size + shift * size
    path = tmp_path_factory.mktemp("mesh") / "soup.ply"
    trimesh.Trimesh(corners, np.arange(12).reshape(4, 3), process=False).export(path)
    found = load_mesh(path).triangles.reshape(-1, 3)
    assert np.linalg.norm(found, axis=-1).max() == pytest.approx(0.95, abs=1e-6)
    np.testing.assert_allclose(found.min(0) + found.max(0), 0, atol=1e-6)


def test_factor_of_gltf_is_linear_and_texture_is_not(tmp_path):
    grey = Image.new("RGB", (1, 1), (128, 128, 128))
    path = save(tmp_path / "quad.glb", quad(baseColorFactor=(128, 128, 128, 255), baseColorTexture=grey))
    found = render_mesh(path, FRONT, 16).rgba[0, 0, 8, 8]
    expected = display_from_linear(linear_from_display(np.array(128 / 255)) * 128 / 255)
    assert found == pytest.approx(float(expected) * brightness((0, -1, 0)), abs=1e-3)


def test_vertex_colours_are_interpolated(tmp_path):
    colours = np.array([RED, BLUE, BLUE, RED], dtype=np.uint8)
    mesh = trimesh.Trimesh(QUAD[:, [0, 2, 1]], [[0, 1, 2], [0, 2, 3]], vertex_colors=colours, process=False)
    mesh.export(tmp_path / "quad.ply")
    row = render_mesh(tmp_path / "quad.ply", FRONT, 32).rgba[0, :, 16]
    lit = brightness((0, -1, 0))
    torch.testing.assert_close(row[0] + row[2], row[3] * lit, rtol=0, atol=0.01)  # red and blue sum to one
    assert row[0, 8] > 0.7 * lit
    assert row[2, 23] > 0.7 * lit
    assert row[0, 15:17].mean() == pytest.approx(0.5 * lit, abs=0.01)


def half_clear(alpha=0):
    """Left half red, right half of the given alpha."""
    image = Image.new("RGBA", (64, 64), RED)
    image.paste((255, 0, 0, alpha), (32, 0, 64, 64))
    return image


@pytest.mark.parametrize(
    ("material", "behind"),
    [
        (dict(baseColorTexture=half_clear(), alphaMode="MASK", alphaCutoff=0.5), True),
        (dict(baseColorTexture=half_clear(100), alphaMode="MASK", alphaCutoff=0.2), False),
        (dict(baseColorTexture=half_clear(), alphaMode="OPAQUE"), False),
        (dict(baseColorTexture=half_clear(), alphaMode="BLEND"), True),
        (dict(baseColorFactor=(255, 0, 0, 100), alphaMode="BLEND"), True),
        (dict(baseColorFactor=(255, 0, 0, 200), alphaMode="BLEND"), False),
    ],
)
def test_rays_pass_clear_texels(tmp_path, material, behind):
    path = save(tmp_path / "pair.glb", quad(0.2, **material), quad(-0.2, baseColorFactor=BLUE))
    views = render_mesh(path, FRONT, 32)
    assert (views.rgba[0, 2, 16, 20] > 0.5) == behind
    assert (views.rgba[0, 0, 16, 20] > 0.5) != behind
    assert views.rgba[0, 3, 16, 20] == 1
    assert views.visible[0, 0, 16, 20]


def test_visible_points_are_those_of_a_convex_body_that_face_the_source(tmp_path):
    trimesh.creation.icosphere(4).export(tmp_path / "ball.ply")
    poses = cameras_at((0, -2, 0), (1.6, -1.2, 0.3))
    views = render_mesh(tmp_path / "ball.ply", poses, 48)
    rays = camera_rays(standard_camera(poses[1:], pinhole_intrinsics(48)), 48)
    points = rays.origins[0] + views.depth[1].view(-1, 1) * rays.directions[0]
    cosine = torch.nn.functional.normalize(points, dim=-1)[:, 1]  # visible where below -0.95 / 2
    whole, seen = views.rgba[1, 3].flatten() == 1, views.visible[1].flatten()
    assert seen[whole & (cosine < -0.475 - 0.1)].all()
    assert not seen[whole & (cosine > -0.475 + 0.1)].any()
    assert 200 < seen.sum() < whole.sum()


def test_both_sides_are_lit_whatever_the_winding(tmp_path):
    flipped = quad(baseColorFactor=RED)
    flipped.invert()
    poses = cameras_at((0, -2, 0), (0, 2, 0))
    both = [
        render_mesh(save(tmp_path / f"{name}.glb", mesh), poses, 16).rgba[:, 0, 8, 8].tolist()
        for name, mesh in (("plain", quad(baseColorFactor=RED)), ("flipped", flipped))
    ]
    expected = [brightness((0, -1, 0)), brightness((0, 1, 0))]
    assert both[0] == pytest.approx(expected)
    assert both[1] == pytest.approx(expected)


def test_edges_of_a_box_stay_sharp_and_a_ball_is_smooth(tmp_path):
    trimesh.creation.box().export(tmp_path / "box.ply")
    box = load_mesh(tmp_path / "box.ply")
    np.testing.assert_allclose(box.normals, np.repeat(face_normals(box.triangles)[:, None], 3, 1), atol=1e-6)
    trimesh.creation.icosphere(2).export(tmp_path / "ball.ply")
    ball = load_mesh(tmp_path / "ball.ply")
    np.testing.assert_allclose(ball.normals, ball.triangles / 0.95, atol=0.02)


BAD_FILES = {
    "suffix": ("a.dae", b"<COLLADA/>", r"a\.dae: unsupported suffix; meshes are read from \.glb"),
    "garbage": ("a.glb", b"x" * 100, r"a\.glb: not readable as a mesh"),
    "truncated": ("a.ply", b"ply\nformat ascii 1.0\nelement vertex 3\n", r"a\.ply: not readable as a mesh"),
    "no faces": ("a.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\n", r"a\.obj: no faces"),
    "NaN": ("a.obj", b"v 0 0 nan\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", r"a\.obj: vertices hold NaN"),
    "collapsed": ("a.obj", b"v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n", r"a\.obj: no faces with an area"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_are_named(tmp_path, name):
    file, content, message = BAD_FILES[name]
    (tmp_path / file).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        render_mesh(tmp_path / file, FRONT, 8)


def test_visibility_counts_sides_and_what_stands_between(tmp_path):
    path = save(tmp_path / "pair.glb", quad(0.3, 0.5), quad(-0.3))
    views = render_mesh(path, cameras_at((0, -2, 0), (0, 2, 0), (1.9, -0.8, 0)), 65)
    assert views.visible[0, 0][views.rgba[0, 3] == 1].all()
    assert not views.visible[1].any()  # backs of both sheets
    oblique = views.visible[2, 0][views.rgba[2, 3] == 1]
    assert 0.1 < oblique.float().mean() < 0.9  # part of the large sheet lies behind the small one


@pytest.mark.parametrize("suffix", [".glb", ".obj", ".ply"])
def test_written_colours_are_read_again(tmp_path, suffix):
    vertices = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
    faces = np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]])
    colours = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.25], [0.8, 0.8, 0.0], [0.3, 0.6, 0.9]])
    write_mesh(tmp_path / f"tetrahedron{suffix}", vertices, faces, colours)
    read = load_mesh(tmp_path / f"tetrahedron{suffix}").colours
    assert read.shape == (4, 3, 4)
    np.testing.assert_allclose(read[..., :3], colours[faces], atol=0.02)
    assert (read[..., 3] == 1).all()
