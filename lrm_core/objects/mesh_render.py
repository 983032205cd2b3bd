"""Views of a mesh by ray casting (trimesh with Embree): colour, alpha, depth and visibility.

The shading is that of the procedural objects: a wrapped Lambert term from one light fixed in the world, plus
ambient light, without cast shadows or gloss. It depends on the side of a surface that is seen, not on the
direction it is seen from.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import trimesh
from jaxtyping import Bool, Float, Int
from torch import Tensor
from trimesh.ray.ray_pyembree import RayMeshIntersector

from lrm_core.objects.mesh import Mesh, Triangles, edge_products, face_normals, load_mesh
from lrm_core.objects.mesh_reading import Texture
from lrm_core.render.cameras import FOCAL, pinhole_intrinsics, standard_camera
from lrm_core.render.rays import camera_rays

SAMPLES = 2  # rays per pixel along each axis
LAYERS = 16  # see-through surfaces that one ray may cross
STEP = 1e-4  # world units past a see-through surface
TOUCH = 2e-3  # world units; a surface this close to a point is the point's own
LIGHT = np.array([-0.35, -0.6, 0.72]) / np.linalg.norm([-0.35, -0.6, 0.72])  # towards the light
AMBIENT = 0.45
WRAP = 0.3

Vectors = Float[np.ndarray, "n 3"]  # points, directions or barycentric coordinates
Scalars = Float[np.ndarray, " n"]
Faces = Int[np.ndarray, " n"]
Flags = Bool[np.ndarray, " n"]
Point = Float[np.ndarray, " 3"]


class MeshViews(NamedTuple):
    """Straight RGBA in [0, 1], distance from the camera (inf where nothing is hit), what view 0 sees too."""

    rgba: Float[Tensor, "V 4 H W"]
    depth: Float[Tensor, "V 1 H W"]
    visible: Bool[Tensor, "V 1 H W"]


class Hits(NamedTuple):
    """First opaque surface on n rays: face, -1 for none; barycentric coordinates; distance, inf for none."""

    face: Faces
    barycentric: Vectors
    distance: Scalars


def render_mesh(path: str | Path, poses: Float[Tensor, "V 3 4"], resolution: int) -> MeshViews:
    """Render a mesh file, normalised as in `load_mesh`, in square views of focal length 0.75 of the width in pixels.

    Poses are camera-to-world, with Blender axes, in world units; view 0 is the source. Raises as `load_mesh`.

    Returns:
        rgba from 2x2 rays a pixel; depth in world units, the mean over the rays that hit; visible, where
        at least half of those rays meet a side of the surface that is in view 0's line of sight.
    """
    caster = MeshCaster(load_mesh(path))
    cameras = standard_camera(poses.double(), pinhole_intrinsics(resolution).double())
    source = poses[0, :, 3].double().numpy()
    views = [_render_view(caster, camera, source, resolution) for camera in cameras]
    return MeshViews(*map(torch.stack, zip(*views, strict=True)))


class MeshCaster:
    """Embree's tree over a mesh, and ray queries that see through its cut-outs."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self.face_normals = face_normals(mesh.triangles)
        area = np.linalg.norm(edge_products(mesh.triangles), axis=-1)
        first, second = mesh.uv[:, 1] - mesh.uv[:, 0], mesh.uv[:, 2] - mesh.uv[:, 0]
        uv_area = np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0])
        size = np.array([np.prod(m.levels[0].shape[:2]) for m in mesh.materials])
        self.texel_density = np.sqrt(uv_area * size[mesh.material] / area)  # (F,), finest level, per world unit
        self._cutoffs = np.array([m.cutoff for m in mesh.materials])
        soup = trimesh.triangles.to_kwargs(mesh.triangles)
        self._tree = RayMeshIntersector(trimesh.Trimesh(**soup, process=False))

    def first_hits(self, origins: Vectors, directions: Vectors) -> Hits:
        """First surface whose alpha reaches its cutoff, among the `LAYERS` nearest on rays with unit directions."""
        count = len(origins)
        hits = Hits(np.full(count, -1), np.zeros((count, 3)), np.full(count, np.inf))
        live, start = np.arange(count), np.zeros(count)
        for _ in range(LAYERS):
            at = origins[live] + start[live, None] * directions[live]
            face = self._tree.intersects_first(at, directions[live])
            live, at, face = live[face >= 0], at[face >= 0], face[face >= 0]
            step, barycentric = _intersect(self.mesh.triangles[face], at, directions[live])
            cutoff = self._cutoffs[self.mesh.material[face]]
            solid = cutoff == 0
            alpha = self.base_colour(face[~solid], barycentric[~solid], np.zeros((~solid).sum()))[:, 3]
            solid[~solid] = alpha >= cutoff[~solid]
            done = live[solid]
            hits.face[done], hits.barycentric[done] = face[solid], barycentric[solid]
            hits.distance[done] = start[done] + step[solid]
            start[live] += np.maximum(step, 0) + STEP
            live = live[~solid]
            if not len(live):
                break
        return hits

    def base_colour(self, face: Faces, barycentric: Vectors, footprint: Scalars) -> Float[np.ndarray, "n 4"]:
        """Display-referred straight RGBA in [0, 1] at surface points, unlit.

        The footprint is about how large a texel may be, in world units; 0 for the finest level.
        """
        uv = _interpolate(self.mesh.uv, face, barycentric)
        colour = _interpolate(self.mesh.colours, face, barycentric)
        index = self.mesh.material[face]
        for material in np.unique(index):
            at = index == material
            levels = self.mesh.materials[material].levels
            wanted = np.log2(np.maximum(footprint[at] * self.texel_density[face[at]], 1))
            wanted = np.minimum(wanted.round().astype(int), len(levels) - 1)
            texel = np.empty((at.sum(), 4))
            for level in np.unique(wanted):
                texel[wanted == level] = sample_texture(levels[level], uv[at][wanted == level])
            colour[at] *= texel
        return colour


def _render_view(
    caster: MeshCaster, camera: Float[Tensor, " 25"], source: Point, resolution: int
) -> tuple[Float[Tensor, "4 H W"], Float[Tensor, "1 H W"], Bool[Tensor, "1 H W"]]:
    """One view: means over the rays of each pixel that hit; alpha is the share that does."""
    fine = resolution * SAMPLES
    origins, directions = (rays.numpy() for rays in camera_rays(camera, fine))
    hits = caster.first_hits(origins, directions)
    rays = np.flatnonzero(hits.face >= 0)
    face, barycentric, distance = hits.face[rays], hits.barycentric[rays], hits.distance[rays]
    shade = _shade(caster, face, barycentric, directions[rays])
    colour = caster.base_colour(face, barycentric, distance / (FOCAL * fine))[:, :3] * shade
    points = origins[rays] + distance[:, None] * directions[rays]
    seen = _sees(caster, source, points, face, directions[rays])
    samples = np.zeros((fine * fine, 6))  # colour, hit, distance, seen
    samples[rays] = np.column_stack([colour, np.ones(len(rays)), distance, seen])
    blocks = samples.reshape(resolution, SAMPLES, resolution, SAMPLES, 6).mean((1, 3))  # (H, W, 6)
    blocks = torch.from_numpy(blocks).permute(2, 0, 1)
    alpha = blocks[3:4]
    means = torch.where(alpha > 0, blocks / alpha, 0)
    rgba = torch.cat([means[:3].clamp(0, 1), alpha]).float()
    hit = rgba[3:] > 0
    return rgba, means[4:5].float().where(hit, torch.inf), hit & (means[5:6] >= 0.5)


def _shade(caster: MeshCaster, face: Faces, barycentric: Vectors, directions: Vectors) -> Float[np.ndarray, "n 1"]:
    """Brightness (n, 1) of surface points, lit on the side that the rays arrive from."""
    normal = _interpolate(caster.mesh.normals, face, barycentric)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9)
    flat = caster.face_normals[face]
    side = np.where((flat * directions).sum(-1) > 0, -1.0, 1.0)  # the face's normal times this meets the ray
    agree = np.where((flat * normal).sum(-1) < 0, -1.0, 1.0)
    cosine = (normal @ LIGHT) * side * agree
    return (AMBIENT + (1 - AMBIENT) * np.maximum((cosine + WRAP) / (1 + WRAP), 0))[:, None]


def _sees(caster: MeshCaster, source: Point, points: Vectors, face: Faces, directions: Vectors) -> Flags:
    """Whether a camera at `source` sees the side of the surface points (n, 3) that rays `directions` meet."""
    towards, flat = points - source, caster.face_normals[face]
    seen = (flat * towards).sum(-1) * (flat * directions).sum(-1) > 0  # the same side
    distance = np.linalg.norm(towards[seen], axis=-1)
    rays = towards[seen] / distance[:, None]
    first = caster.first_hits(np.broadcast_to(source, rays.shape), rays).distance
    seen[seen] = first >= distance - TOUCH
    return seen


def _intersect(triangles: Triangles, origins: Vectors, directions: Vectors) -> tuple[Scalars, Vectors]:
    """Distance (n,) and barycentric (n, 3) where rays meet triangles (Moeller and Trumbore 1997)."""
    edge1, edge2 = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    offset = origins - triangles[:, 0]
    p, q = np.cross(directions, edge2), np.cross(offset, edge1)
    determinant = (edge1 * p).sum(-1)
    inverse = np.divide(1, determinant, out=np.zeros_like(determinant), where=determinant != 0)
    second, third = (offset * p).sum(-1) * inverse, (directions * q).sum(-1) * inverse
    barycentric = np.clip(np.stack([1 - second - third, second, third], axis=-1), 0, 1)
    return (edge2 * q).sum(-1) * inverse, barycentric / barycentric.sum(-1, keepdims=True)


def _interpolate(corners: Float[np.ndarray, "F 3 C"], face: Faces, barycentric: Vectors) -> Float[np.ndarray, "n C"]:
    """Corner values (F, 3, C) at barycentric coordinates (n, 3) of faces (n,)."""
    return np.einsum("nkc,nk->nc", corners[face], barycentric)


def sample_texture(texture: Texture, uv: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 4"]:
    """Bilinear lookup (n, 4) in a repeating texture (H, W, 4) at uv (n, 2), v pointing up."""
    height, width = texture.shape[:2]
    column, row = uv[:, 0] * width - 0.5, (1 - uv[:, 1]) * height - 0.5
    left, top = np.floor(column).astype(int), np.floor(row).astype(int)
    across, down = (column - left)[:, None], (row - top)[:, None]
    left, right, top, bottom = left % width, (left + 1) % width, top % height, (top + 1) % height
    upper = texture[top, left] * (1 - across) + texture[top, right] * across
    lower = texture[bottom, left] * (1 - across) + texture[bottom, right] * across
    return upper * (1 - down) + lower * down
