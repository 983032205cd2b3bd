"""Where an object is: its surface as depth maps, of the true object or of a triplane; what cameras see; matter."""

from dataclasses import dataclass
from math import nan

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import max_pool2d, normalize, pad

from lrm_core.measure.oracles import Planes
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.objects.caster import render_object
from lrm_core.objects.mesh_render import render_mesh
from lrm_core.objects.procedural import procedural_name
from lrm_core.paths import data_dir
from lrm_core.render import Rendering, query_points
from lrm_core.render.cameras import pinhole_intrinsics
from lrm_core.render.rays import camera_rays

PROCEDURAL = procedural_name(0).rstrip("0")  # how the names of procedural objects begin
SAME_ALPHA = 0.01  # mean difference of alpha up to which stored images show the object that is made now
MATTER = 5.0  # density in 1 / world unit: a tenth of the box's side absorbs 63% of the light
OPAQUE = 0.5  # weight of a ray from which on its depth counts
STEEPEST = 5.0  # slope of a surface against the image: deeper by so many widths of a pixel from one to the next


@dataclass(frozen=True)
class Geometry:
    """The surface of an object in some of its views, the first of which is the source."""

    cameras: Float[Tensor, "v 25"]  # in the normalised world
    depth: Float[Tensor, "v h h"]  # distance from the camera to the surface, in world units, inf where there is none
    visible: Bool[Tensor, "v h h"]  # whether the point that a pixel shows is in the source's line of sight
    true: bool  # whether it is that of the true object, by ray casting, or else of a triplane, by depth buffer

    def points(self) -> Float[Tensor, "v h h 3"]:
        """World point of every pixel; NaN where there is no surface."""
        return unproject(self.cameras, self.depth)

    def cosine(self) -> Float[Tensor, "v h h"]:
        """`facing` of every pixel's surface to the source; NaN where the normal is not known."""
        return facing(self.points(), depth_normals(self.cameras, self.depth), self.cameras[0, 3:12:4])

    def hidden_from(self, view: int, points: Float[Tensor, "n 3"], tolerance: float) -> Bool[Tensor, "n"]:
        """Whether points are hidden from one of the views, by its depth buffer."""
        return hidden_by_depth(points, self.cameras[view], self.depth[view], tolerance)


def true_geometry(item: RenderedObject, views: list[int]) -> Geometry | None:
    """The surface of the object that was rendered, in some of its views, 0 first, rendered again from stored poses.

    It is found by its name, `procedural_<number>` or that of a mesh in `data/objects/glb`.

    Returns:
        None if neither is there: then nothing is known about the object but its images.

    ValueError if the object that is made now is not the one that the images show.
    """
    poses, size = item.poses[views], item.images.shape[-1]
    mesh = data_dir() / "objects" / "glb" / f"{item.name}.glb"
    number = item.name.removeprefix(PROCEDURAL)
    if item.name != number and number.isdecimal():
        rgba, depth, visible = render_object(int(number), poses, size)
    elif mesh.is_file():
        rgba, depth, visible = render_mesh(mesh, poses, size)
    else:
        return None
    difference = 1.0
    if torch.allclose(item.intrinsics, pinhole_intrinsics(size)):
        difference = float((rgba[:, 3:] - item.masks[views]).abs().mean())
    if difference > SAME_ALPHA:
        raise ValueError(
            f"{item.name}: expected stored images of the object that this name makes now, found other ones (mean "
            f"difference of alpha {difference:.3f}); render its folder again, or give it a name of its own"
        )
    return Geometry(item.cameras()[views], depth[:, 0], visible[:, 0], true=True)


def triplane_geometry(cameras: Float[Tensor, "v 25"], rendering: Rendering, tolerance: float) -> Geometry:
    """The surface of a triplane in views of it, the source first; the tolerance is that of `hidden_by_depth`."""
    depth = torch.where(rendering.weight > OPAQUE, rendering.depth, torch.inf)[:, 0].cpu()
    cameras, points = cameras.cpu(), unproject(cameras.cpu(), depth)
    hidden = hidden_by_depth(points.flatten(0, 2).nan_to_num(), cameras[0], depth[0], tolerance)
    return Geometry(cameras, depth, depth.isfinite() & ~hidden.view_as(depth), true=False)


def unproject(cameras: Float[Tensor, "views 25"], depth: Float[Tensor, "views h h"]) -> Float[Tensor, "views h h 3"]:
    """World points that the pixels of depth maps show; NaN where the depth, a distance, is not finite."""
    rays = camera_rays(cameras, depth.shape[-1])
    distance = depth.flatten(1).masked_fill(~depth.flatten(1).isfinite(), nan)[..., None]
    return (rays.origins + distance * rays.directions).unflatten(1, depth.shape[1:])


def hidden_by_depth(
    points: Float[Tensor, "points 3"], camera: Float[Tensor, "25"], depth: Float[Tensor, "h w"], tolerance: float
) -> Bool[Tensor, "points"]:
    """Whether a camera's depth map has something in front of each point; true also outside of its image.

    All lengths are in world units. The depth is the distance from the camera to the first surface in each pixel, inf
    where there is none; a point that lies behind it by at most the tolerance still counts as part of the surface.
    """
    pose, intrinsics = camera[:16].view(4, 4), camera[16:].view(3, 3)
    local = (points - pose[:3, 3]) @ pose[:3, :3]  # x right, y up, looking along -z
    forward = -local[:, 2]
    across = local[:, :2] * local.new_tensor([1.0, -1.0]) / forward.clamp(min=1e-6)[:, None]
    uv = across * intrinsics.diagonal()[:2] + intrinsics[:2, 2]
    height, width = depth.shape
    column, row = (uv * uv.new_tensor([width, height])).floor().long().unbind(1)
    inside = (forward > 0) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    first = depth[row.clamp(0, height - 1), column.clamp(0, width - 1)]
    return ~inside | (local.norm(dim=1) > first + tolerance)


def facing(
    points: Float[Tensor, "*lead 3"], normals: Float[Tensor, "*lead 3"], eye: Float[Tensor, "3"]
) -> Float[Tensor, "*lead"]:
    """Cosine of the angle between the outward normal and the way to a camera; NaN where there is no normal.

    Above 0 the surface faces the camera (visible by normals), below 0 it faces away.
    """
    return (normalize(eye - points, dim=-1) * normals).sum(-1).clamp(-1, 1)


def depth_normals(
    cameras: Float[Tensor, "views 25"], depth: Float[Tensor, "views h h"]
) -> Float[Tensor, "views h h 3"]:
    """Unit normals of the surface in depth maps, towards their camera, by central differences.

    NaN at the border of the image, beside pixels without a surface and where the depth jumps: where the next
    pixel but one is further away than on a surface of the slope `STEEPEST`.
    """
    points = unproject(cameras, depth)
    across = points[:, 1:-1, 2:] - points[:, 1:-1, :-2]
    down = points[:, 2:, 1:-1] - points[:, :-2, 1:-1]
    normal = normalize(torch.linalg.cross(down, across, dim=-1), dim=-1)
    focal = cameras[:, 16, None, None] * depth.shape[-1]  # in pixels
    widest = 2 * (1 + STEEPEST**2) ** 0.5 * depth[:, 1:-1, 1:-1] / focal
    jump = torch.maximum(across.norm(dim=-1), down.norm(dim=-1)) > widest
    away = (normal * (points[:, 1:-1, 1:-1] - cameras[:, None, None, 3:12:4])).sum(-1, keepdim=True) > 0
    normal = torch.where(away, -normal, normal).masked_fill(jump[..., None], nan)
    return pad(normal, (0, 0, 1, 1, 1, 1), value=nan)


@torch.no_grad()
def matter_lattice(model: LRM, planes: Planes) -> tuple[Float[Tensor, "r r r 3"], Bool[Tensor, "r r r"]]:
    """The texel centres of the box, indexed [z, y, x], in world units, and whether each lies in matter."""
    size = planes.shape[-1]
    centres = (torch.arange(size, device=planes.device) + 0.5) * (2 / size) - 1
    z, y, x = torch.meshgrid(centres, centres, centres, indexing="ij")
    points = torch.stack([x, y, z], dim=-1)
    density = query_points(planes[None], model.decoder, points.view(1, -1, 3)).density
    return points, (density > MATTER).view(size, size, size)


@torch.no_grad()
def matter_texels(model: LRM, planes: Planes) -> Bool[Tensor, "3 r r"]:
    """Texels that some point in matter reads, from the densities at the texel centres of the box.

    A fit moves the other texels too (Adam makes steps of full size of the smallest gradients), but no image
    shows it. Bilinear lookups reach one texel further, hence a margin of one.
    """
    _, solid = matter_lattice(model, planes)
    read = torch.stack([solid.any(0), solid.any(1), solid.any(2).T])  # planes xy, xz, zy as [row, column]
    return max_pool2d(read.float(), 3, stride=1, padding=1) > 0


@torch.no_grad()
def points_in_matter(model: LRM, planes: Planes, draws: int, seed: int) -> Float[Tensor, "points 3"]:
    """Those of so many uniform draws from the box that lie in matter."""
    points = 2 * torch.rand(draws, 3, generator=torch.Generator().manual_seed(seed)) - 1
    points = points.to(planes.device)
    return points[query_points(planes[None], model.decoder, points[None]).density[0, :, 0] > MATTER]
