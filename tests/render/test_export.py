"""Meshes, textures and films in files: axes, colours and outlines, read back by the tools of others."""

import imageio_ffmpeg
import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from lrm_core.model.lrm import Decoder
from lrm_core.objects.mesh import RADIUS, load_mesh, write_mesh, write_textured_glb
from lrm_core.objects.mesh_render import render_mesh
from lrm_core.render import query_points, render_views
from lrm_core.render.cameras import orbit_poses, pinhole_intrinsics, standard_camera
from lrm_core.render.surface import bake, extract_surface, rasterise
from lrm_core.render.turntable import turntable, write_film

SUFFIXES = (".glb", ".obj", ".ply")
SIZE = 64


@pytest.fixture(scope="module")
def thing():
    """A lopsided ellipsoid: planes (3, 4, 32, 32) and a decoder that reads them.

    Inside where x^2 + 3 y^2 + 2 z^2 - 0.15 x + 0.25 z < 0.2; red grows with x, green with y, blue with z.
    """
    side = 32
    centre = (2 * torch.arange(side) + 1) / side - 1
    planes = torch.zeros(3, 4, side, side)
    planes[0, 0] = 3 * centre.square()[:, None] + centre.square() - 0.15 * centre  # plane xy: rows y, columns x
    planes[1, 0] = (2 * centre.square() + 0.25 * centre)[:, None].expand(side, side)  # plane xz: rows z
    planes[0, 1], planes[0, 2] = centre.expand(side, side), centre[:, None].expand(side, side)
    planes[1, 3] = centre[:, None].expand(side, side)
    decoder = Decoder(4)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.zero_()
        layers = [layer for layer in decoder.net if isinstance(layer, torch.nn.Linear)]
        for channel in range(4):
            layers[0].weight[channel, channel::4] = 1.0
            layers[0].bias[channel] = 5.0
            layers[1].weight[channel, channel] = layers[2].weight[channel, channel] = 1.0
            layers[3].weight[channel, channel] = -800.0 if channel == 0 else 3.0
            layers[3].bias[channel] = 800 * 5.2 if channel == 0 else -15.0
    return planes, decoder.requires_grad_(False)


@pytest.fixture(scope="module")
def surface(thing):
    return extract_surface(*thing, resolution=48)


def _write(path, surface):
    write_mesh(path, *(part.numpy() for part in (surface.vertices, surface.faces, surface.colours)))
    return path


def _world(points, suffix):
    """Points of a file in the world: y up becomes z up, +z becomes -y."""
    return points if suffix == ".ply" else np.stack([points[:, 0], -points[:, 2], points[:, 1]], axis=1)


def _normalised(surface, poses):
    """The poses that see `load_mesh`'s normalised mesh as `poses` see the surface."""
    low, high = surface.vertices.amin(0), surface.vertices.amax(0)
    middle = (low + high) / 2
    moved = poses.clone()
    moved[:, :, 3] = (poses[:, :, 3] - middle) * (RADIUS / (surface.vertices - middle).norm(dim=1).max())
    return moved


@pytest.fixture(scope="module")
def volume(thing):
    """Views of the volume render from below and above."""
    poses = torch.cat([orbit_poses(4)[:3], orbit_poses(3, height=-0.9)[:2]])
    cameras = standard_camera(poses, pinhole_intrinsics(SIZE)[None])
    return poses, render_views(thing[0][None], thing[1], cameras[None], SIZE)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_outlines_are_those_of_the_volume_render(tmp_path, surface, volume, suffix):
    poses, rendered = volume
    path = _write(tmp_path / f"mesh{suffix}", surface)
    found = render_mesh(path, _normalised(surface, poses), SIZE).rgba[:, 3] > 0.5
    expected = rendered.weight[0, :, 0] > 0.5
    overlap = (found & expected).sum((1, 2)) / (found | expected).sum((1, 2))
    assert overlap.min() > 0.95
    mirrored = (found.flip(2) & expected).sum((1, 2)) / (found.flip(2) | expected).sum((1, 2))
    assert mirrored.min() < 0.9  # a wrong axis would show


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_hold_the_mesh_and_its_colours(tmp_path, surface, suffix):
    scene = trimesh.load_scene(_write(tmp_path / f"mesh{suffix}", surface), process=False)
    (mesh,) = scene.geometry.values()
    np.testing.assert_allclose(_world(mesh.vertices, suffix), surface.vertices, atol=1e-5)
    np.testing.assert_array_equal(mesh.faces, surface.faces)
    expected = surface.colours.numpy()
    if suffix == ".glb":
        colours = mesh.visual.vertex_attributes["color"]  # beside a material
        expected = np.where(expected > 0.04045, ((expected + 0.055) / 1.055) ** 2.4, expected / 12.92)
    else:
        colours = mesh.visual.vertex_colors
    np.testing.assert_allclose(colours[:, :3] / 255, expected, atol=0.51 / 255)
    assert mesh.is_watertight
    assert mesh.volume > 0


def test_glb_asks_for_no_further_light(tmp_path, surface):
    content = _write(tmp_path / "mesh.glb", surface).read_bytes()
    assert content[:4] == b"glTF"
    assert b'"extensionsUsed":["KHR_materials_unlit"]' in content.replace(b" ", b"")


def test_unsupported_suffixes_name_the_file(tmp_path, surface):
    with pytest.raises(ValueError, match=r"mesh\.stl: unsupported suffix; meshes are written to \.glb"):
        _write(tmp_path / "mesh.stl", surface)
    with pytest.raises(ValueError, match=r"film\.avi: unsupported suffix; films are written to \.mp4"):
        write_film(tmp_path / "film.avi", np.zeros((2, 8, 8, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def _ref_rasterise(triangles, side):
    """Which triangles hold each texel's centre, by solving for its coordinates in every one, (F, side, side)."""
    row, column = torch.meshgrid(*[torch.arange(side, dtype=torch.float64) + 0.5] * 2, indexing="ij")
    centres = torch.stack([column, row]).flatten(1)  # (2, texels)
    held = []
    for corner, second, third in (triangles * side).double():
        matrix = torch.stack([second - corner, third - corner], dim=1)
        if matrix.det().abs() < 1e-9:
            held.append(torch.zeros(side, side, dtype=torch.bool))
            continue
        s, t = torch.linalg.solve(matrix, centres - corner[:, None])
        held.append((torch.stack([s, t, 1 - s - t]).amin(0) >= -1e-9).view(side, side))
    return torch.stack(held)


def test_rasterising_agrees_with_texel_by_texel():
    triangles = torch.rand(12, 3, 2, generator=torch.Generator().manual_seed(0))
    triangles[3] = triangles[3, :1]  # no area
    face, barycentric = rasterise(triangles, 12)
    held = _ref_rasterise(triangles, 12)
    assert torch.equal(face >= 0, held.any(0))
    assert held.gather(0, face.clamp(min=0)[None])[0][face >= 0].all()
    rows, columns = (face >= 0).nonzero().T
    weights = barycentric[rows, columns]
    points = (weights[..., None] * triangles[face[rows, columns]]).sum(1) * 12
    torch.testing.assert_close(points, torch.stack([columns, rows], 1) + 0.5, atol=1e-3, rtol=0)


def test_baked_texture_has_the_colours_of_the_field(tmp_path, thing):
    surface = extract_surface(*thing, resolution=24)
    baked = bake(surface, *thing, side=256)
    path = tmp_path / "textured.glb"
    write_textured_glb(path, *(part.numpy() for part in baked[:3]), texture=baked.texture)
    mesh = load_mesh(path)
    rng = np.random.default_rng(0)
    faces = rng.integers(len(mesh.triangles), size=400)
    weights = rng.dirichlet([1, 1, 1], size=400)
    uv = (weights[..., None] * mesh.uv[faces]).sum(1)
    texture = mesh.materials[0].levels[0]
    texel = np.clip(np.stack([(1 - uv[:, 1]) * 256, uv[:, 0] * 256]).astype(int), 0, 255)
    points = (weights[..., None] * baked.vertices.numpy()[baked.faces.numpy()[faces]]).sum(1)
    expected = query_points(thing[0][None], thing[1], torch.from_numpy(points).float()[None]).rgb[0]
    error = np.abs(texture[texel[0], texel[1], :3] - expected.numpy())
    assert np.quantile(error, 0.95) < 0.03
    assert error.max() < 0.15  # nor does any point fall into the gutter


def test_turntable_starts_in_front_and_turns_once(thing):
    frames = turntable(*thing, frames=4, size=32)
    assert frames.shape == (4, 32, 32, 3)
    cameras = standard_camera(orbit_poses(5)[:4], pinhole_intrinsics(32)[None])
    expected = render_views(thing[0][None], thing[1], cameras[None], 32).rgb[0].permute(0, 2, 3, 1)
    np.testing.assert_allclose(frames / 255, expected, atol=0.51 / 255)


@pytest.mark.parametrize("side", [32, 33])
def test_mp4_holds_every_frame_in_order(tmp_path, side):
    frames = np.stack([np.full((side, side, 3), value, np.uint8) for value in (20, 90, 160, 230)])
    write_film(tmp_path / "film.mp4", frames)
    reader = imageio_ffmpeg.read_frames(str(tmp_path / "film.mp4"))
    assert next(reader)["size"] == (32, 32)
    means = [np.frombuffer(frame, np.uint8).mean() for frame in reader]
    np.testing.assert_allclose(means, [20, 90, 160, 230], atol=4)
    assert [file.name for file in tmp_path.iterdir()] == ["film.mp4"]


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_gif_and_webp_hold_every_frame_and_repeat(tmp_path, suffix):
    frames = np.stack([np.full((16, 16, 3), value, np.uint8) for value in (20, 90, 160)])
    write_film(tmp_path / f"film{suffix}", frames)
    with Image.open(tmp_path / f"film{suffix}") as film:
        assert film.n_frames == 3
        assert film.info["loop"] == 0
        for index, frame in enumerate(frames):
            film.seek(index)
            np.testing.assert_allclose(np.asarray(film.convert("RGB")), frame, atol=1)
