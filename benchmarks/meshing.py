"""Meshes of the mini model's predictions: sparse lattice against dense, and outlines against the volume render.

    .venv/bin/python benchmarks/meshing.py --resolution 384

Seconds are of one thread's processor time, so that other work on the machine does not count.
"""

import argparse
import statistics
import sys
import time

import numpy as np
import torch
from keep import keep
from scipy.spatial import cKDTree
from skimage.measure import marching_cubes

from lrm_core import load_model
from lrm_core.measure.oracles import predicted_planes, render_planes
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject, load_object
from lrm_core.objects.mesh import Material, Mesh, face_normals
from lrm_core.objects.mesh_render import MeshCaster
from lrm_core.paths import data_dir
from lrm_core.render.field import Field
from lrm_core.render.rays import camera_rays
from lrm_core.render.sparse_lattice import RIM, sparse_lattice
from lrm_core.render.surface import SURFACE_DENSITY, Surface, extract_surface, raw_level, triangles

OBJECTS = ("real/cc0_couch", "real/cc0_teddyBear", "real/cc0_oakChair", "procedural/procedural_10000000")
COMPARED = OBJECTS[:1]  # with the dense lattice, which takes minutes
DENSITIES = (1.0, 1.5, 2.0, 3.0, 5.0)
VIEWS = (0, 5, 11)


def dense_mesh(field: Field, resolution: int, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) in world units and faces (F, 3) from every point of the lattice, a slab at a time."""
    axis = torch.linspace(-1, 1, resolution + 1)
    volume = np.empty((resolution + 1,) * 3, dtype=np.float32)
    plane = torch.cartesian_prod(axis, axis)
    for index, x in enumerate(axis):
        values = field.raw(torch.cat([x.expand(len(plane), 1), plane], dim=1))[:, 0]
        volume[index] = values.view(resolution + 1, -1).numpy()
    for face in (0, -1):
        for axis_index in range(3):
            rim = np.moveaxis(volume, axis_index, 0)[face]
            np.minimum(rim, level - RIM, out=rim)
    vertices, faces, _, _ = marching_cubes(volume, level, gradient_direction="ascent")
    return vertices * (2 / resolution) - 1, faces


def sparse(field: Field, resolution: int, level: float) -> tuple[dict[str, float], np.ndarray, np.ndarray]:
    """Points and seconds at one resolution, vertices and faces."""
    started = time.process_time()
    lattice = sparse_lattice(lambda points: field.raw(points)[:, 0], resolution, level, 2 / field.resolution)
    vertices, faces = (part.numpy() for part in triangles(lattice))
    figures = {
        "sparse points": lattice.evaluated,
        "times fewer": (resolution + 1) ** 3 / lattice.evaluated,
        "sparse seconds": time.process_time() - started,
        "faces": len(faces),
    }
    return figures, vertices, faces


def dense(field: Field, resolution: int, level: float, vertices: np.ndarray, faces: np.ndarray) -> dict[str, float]:
    """Points and seconds of every point, and how far the vertices of another mesh lie from those of its mesh."""
    started = time.process_time()
    expected, expected_faces = dense_mesh(field, resolution, level)
    return {
        "dense points": (resolution + 1) ** 3,
        "dense seconds": time.process_time() - started,
        "dense faces": len(expected_faces),
        "same faces": bool(np.array_equal(faces, expected_faces)),
        "largest distance": float(cKDTree(vertices).query(expected)[0].max()),
    }


def outline_overlaps(model: LRM, planes: torch.Tensor, item: RenderedObject) -> list[float]:
    """Mean IoU over views of the mesh's outline and the half-covered pixels of the volume render, by density."""
    size, cameras = item.images.shape[-1], item.cameras()[list(VIEWS)]
    expected = render_planes(model, planes, cameras, size).weight[:, 0] > 0.5
    overlaps = []
    for density in DENSITIES:
        surface = extract_surface(planes, model.decoder, 64, density)
        found = outlines(surface, cameras, size)
        overlaps.append(float(((found & expected).sum((1, 2)) / (found | expected).sum((1, 2))).mean()))
    return overlaps


def outlines(surface: Surface, cameras: torch.Tensor, size: int) -> torch.Tensor:
    """Pixels whose ray meets the surface, (views, size, size)."""
    caster = MeshCaster(plain_mesh(surface.vertices[surface.faces].double().numpy()))
    rays = [[part.numpy() for part in camera_rays(camera, size)] for camera in cameras.double()]
    found = [caster.first_hits(*one).face >= 0 for one in rays]
    return torch.from_numpy(np.stack(found)).view(-1, size, size)


def plain_mesh(corners: np.ndarray) -> Mesh:
    """Opaque white triangles."""
    corners = corners[
        np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) > 0
    ]
    count, white = len(corners), np.ones((1, 1, 4), np.float32)
    normals = np.repeat(face_normals(corners)[:, None], 3, axis=1)
    colours, uv = np.ones((count, 3, 4)), np.zeros((count, 3, 2))
    return Mesh(corners, normals, uv, colours, np.zeros(count, int), (Material((white,), 0.0),))


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resolution", type=int, default=384)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model, level, meshes, overlaps = load_model("mini"), raw_level(SURFACE_DENSITY), {}, []
    for name in OBJECTS:
        item = load_object(data_dir() / "mini/objects" / name)
        planes = predicted_planes(model, item)
        field = Field(planes, model.decoder)
        meshes[name], *mesh = sparse(field, arguments.resolution, level)
        if name in COMPARED:
            meshes[name] |= dense(field, arguments.resolution, level, *mesh)
        overlaps.append(outline_overlaps(model, planes, item))
        print(name, meshes[name], overlaps[-1], file=sys.stderr)
    means = {
        f"{density:g}": statistics.mean(column)
        for density, column in zip(DENSITIES, zip(*overlaps, strict=True), strict=True)
    }
    keep("meshing", {"resolution": arguments.resolution, "meshes": meshes, "outline IoU by density": means})


if __name__ == "__main__":
    main()
