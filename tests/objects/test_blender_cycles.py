"""Views by Blender itself against the ray caster: silhouettes, cameras, colours and file formats."""

import json
import math
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image
from scipy import ndimage
from torch.nn.functional import avg_pool2d

from lrm_core.objects.blender import SKY, SUN, VARIABLE, Cycles, blender_command, run_script
from lrm_core.objects.dataset import sample_poses
from lrm_core.objects.mesh import RADIUS, turned
from lrm_core.objects.mesh_render import LIGHT, render_mesh
from lrm_core.paths import data_dir
from lrm_core.render.cameras import look_at

LEAST_IOU = 0.98
POSES = sample_poses(torch.Generator().manual_seed(3), 3)
TO_FBX = """
import sys, bpy
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.import_scene.gltf(filepath=sys.argv[1])
bpy.ops.export_scene.fbx(filepath=sys.argv[2])
"""


@pytest.fixture(scope="module")
def python() -> str:
    """A Python that has Blender."""
    try:
        command = blender_command()
    except FileNotFoundError:
        pytest.skip(f"no Blender: its views were not looked at; name a Python that has bpy in {VARIABLE}")
    return command[0]


@pytest.fixture(scope="module")
def cycles(python) -> Cycles:
    return Cycles(blender_command(python), samples=16)


def ious(ours, theirs):
    """Of the silhouettes of each view, (V,)."""
    first, second = ours[:, 3] > 0.5, theirs[:, 3] > 0.5
    return (first & second).sum((1, 2)) / (first | second).sum((1, 2))


def cast(file, resolution=128, times=4):
    """Views of the caster from so many times its rays: its own four cannot say which half is covered."""
    return avg_pool2d(render_mesh(file, POSES, resolution * times).rgba, times)


@pytest.mark.parametrize("name", ["cc0_teddyBear", "cc0_kitchenaid", "cc0_antiqueChair", "cc0_horse2"])
def test_silhouettes_of_real_objects_agree(cycles, tmp_path, name):
    file = data_dir() / f"objects/glb/{name}.glb"
    ours, theirs = cycles.render(file, tmp_path / name, POSES, 128, 0), cast(file)
    found = ious(ours, theirs)
    print(f"blender: {name} IoU {found.min():.4f} to {found.max():.4f}")
    assert (found >= LEAST_IOU).all()
    inside = (ours[:, 3] == 1) & (theirs[:, 3] == 1)
    difference = (ours - theirs)[:, :3].permute(0, 2, 3, 1)[inside]
    print(f"blender: {name} mean absolute difference of colour {difference.abs().mean():.3f}")
    assert difference.abs().mean() < 0.1


def lopsided(suffix: str) -> trimesh.Trimesh:
    """A mesh that looks different from every side, far from the origin, in the axes of a file."""
    boxes = [
        trimesh.creation.box(bounds=[[0, 0, 0], [3, 1, 0.5]]),
        trimesh.creation.box(bounds=[[0, 0, 0.5], [1, 0.5, 2]]),
    ]
    mesh = trimesh.util.concatenate(boxes)
    return trimesh.Trimesh(turned(mesh.vertices + np.array([5, -7, 9]), suffix), mesh.faces, process=False)


@pytest.mark.parametrize("suffix", [".glb", ".gltf", ".obj", ".ply", ".stl", ".fbx"])
def test_every_format_has_the_same_frame(cycles, python, tmp_path, suffix):
    file, twin = tmp_path / f"mesh{suffix}", tmp_path / "twin.glb"
    lopsided(".glb").export(twin)
    if suffix == ".fbx":
        subprocess.run([python, "-I", "-c", TO_FBX, twin, file], check=True, stdout=subprocess.DEVNULL)
    elif suffix == ".gltf":
        for name, content in trimesh.exchange.gltf.export_gltf(trimesh.Scene(lopsided(suffix))).items():
            (tmp_path / name.replace("model.gltf", file.name)).write_bytes(content)
    else:
        lopsided(suffix).export(file)
    ours, theirs = cycles.render(file, tmp_path / "views", POSES, 128, 0), cast(twin)
    assert (ious(ours, theirs) >= LEAST_IOU).all()


def test_nested_nodes_are_placed(cycles, tmp_path):
    scene = trimesh.Scene()
    box = trimesh.creation.box(extents=(1, 0.4, 0.2))
    turn = trimesh.transformations.rotation_matrix(0.7, [0, 1, 0])
    scene.add_geometry(box, geom_name="box", node_name="first", transform=turn)
    shift = trimesh.transformations.translation_matrix([1, 2, 3])
    scene.add_geometry(box, geom_name="other", node_name="second", parent_node_name="first", transform=shift)
    scene.export(tmp_path / "tree.glb")
    ours = cycles.render(tmp_path / "tree.glb", tmp_path / "views", POSES, 128, 0)
    assert (ious(ours, cast(tmp_path / "tree.glb")) >= LEAST_IOU).all()


def job(file, poses, intrinsics, samples=64):
    settings = dict(samples=samples, gpu=False, light=LIGHT.tolist(), sun=SUN, sky=SKY, radius=RADIUS)
    cameras = dict(poses=poses.tolist(), intrinsics=intrinsics, seeds=[0] * len(poses))
    return json.dumps({"mesh": str(file), **settings, **cameras})


def run(python, tmp_path, *arguments, **settings):
    (tmp_path / "job.json").write_text(job(*arguments, **settings))
    run_script(blender_command(python), tmp_path / "job.json", 600)
    return np.asarray(Image.open(tmp_path / "000.png")) / 255.0


def test_markers_are_where_the_intrinsics_put_them(python, tmp_path):
    places = np.array([[-1, -1, -1], [1, 1, 1], [-1, 1, -0.2], [1, -0.6, 0.3], [0.2, 0, -0.7]])
    places *= RADIUS / math.sqrt(3)
    cubes = [trimesh.creation.box(bounds=[place - 0.03, place + 0.03]) for place in places]
    mesh = trimesh.util.concatenate(cubes)
    mesh.export(tmp_path / "markers.ply")
    focal, centre, size = 150.0, (110.0, 75.0), (200, 160)  # a principal point that is not in the middle
    pose = look_at(torch.tensor([[0.9, -2.6, 0.7]], dtype=torch.float64))
    image = run(python, tmp_path, tmp_path / "markers.ply", pose, [[focal] * 2, centre, size])
    assert image.shape == (160, 200, 4)
    shrunk = places * RADIUS / np.linalg.norm(mesh.vertices, axis=1).max()
    x, y, z = pose[0, :, :3].numpy().T @ (shrunk - pose[0, :, 3].numpy()).T
    # row, column; z is negative
    expected = np.stack([centre[1] + focal * y / z, centre[0] - focal * x / z], axis=1)
    labels, count = ndimage.label(image[..., 3] > 0)
    found = np.array(ndimage.center_of_mass(image[..., 3], labels, range(1, count + 1))) + 0.5
    assert count == len(places)
    nearest = np.linalg.norm(found[:, None] - expected[None], axis=-1).min(0)
    assert nearest.max() < 0.5


def test_a_white_sky_and_the_sun_leave_the_colour_of_a_surface_that_faces_them(python, tmp_path):
    quad = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], dtype=float)
    placed = quad @ trimesh.geometry.align_vectors([0, 0, 1], LIGHT)[:3, :3].T
    colour = np.array([200, 120, 40, 255], dtype=np.uint8)
    trimesh.Trimesh(placed, [[0, 1, 2, 3]], vertex_colors=np.tile(colour, (4, 1)), process=False).export(
        tmp_path / "quad.ply"
    )
    pose = look_at(torch.tensor(2.2 * LIGHT)[None])
    image = run(python, tmp_path, tmp_path / "quad.ply", pose, [[24, 24], [16, 16], [32, 32]], samples=256)
    assert np.abs(image[14:18, 14:18] - colour / 255).max() < 0.02


def test_the_seed_fixes_the_noise(cycles, tmp_path):
    file = tmp_path / "ball.ply"
    trimesh.creation.icosphere(2).export(file)
    one, again, other = (cycles.render(file, tmp_path / "ball", POSES[:1], 16, seed) for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_a_file_that_only_blender_can_refuse(cycles, tmp_path):
    (tmp_path / "broken.fbx").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"broken\.fbx: Blender ended with exit code 1"):
        cycles.render(tmp_path / "broken.fbx", tmp_path / "views", POSES, 8, 0)
    assert os.listdir(tmp_path) == ["broken.fbx"]


def test_no_gpu_is_said(cycles, tmp_path):
    if Path("/dev/nvidia0").exists() or Path("/dev/kfd").exists():
        pytest.skip("this machine has a GPU")
    trimesh.creation.box().export(tmp_path / "box.ply")
    with pytest.raises(ValueError, match=r"Cycles finds no GPU; render with --device cpu"):
        Cycles(cycles.command, gpu=True).render(tmp_path / "box.ply", tmp_path / "views", POSES, 8, 0)
