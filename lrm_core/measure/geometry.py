"""Where an object is: its surface as depth maps, of the true object or of a triplane; matter and what it reads."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import max_pool2d

from lrm_core.measure.oracles import Planes
from lrm_core.measure.visibility import depth_normals, facing, hidden_by_depth, unproject
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.objects.caster import render_object
from lrm_core.objects.mesh_render import render_mesh
from lrm_core.objects.procedural import procedural_name
from lrm_core.paths import data_dir
from lrm_core.render import Rendering, query_points
from lrm_core.render.cameras import pinhole_intrinsics

PROCEDURAL = procedural_name(0).rstrip("0")  # how the names of procedural objects begin
SAME_ALPHA = 0.01  # mean difference of alpha up to which stored images show the object that is made now
MATTER = 5.0  # density in 1 / world unit: a tenth of the box's side absorbs 63% of the light
OPAQUE = 0.5  # weight of a ray from which on its depth counts


@dataclass(frozen=True)
class Geometry:
    """The surface of an object in some of its views, the first of which is the source.

    Attributes:
        cameras: in the normalised world, (V, 25).
        depth: distance from the camera to the surface, in world units, inf where there is none, (V, H, H).
        visible: whether the point that a pixel shows is in the source's line of sight, (V, H, H).
        true: whether it is that of the true object, by ray casting, or else of a triplane, by depth buffer.
    """

    cameras: Float[Tensor, "v 25"]
    depth: Float[Tensor, "v h h"]
    visible: Bool[Tensor, "v h h"]
    true: bool

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
    """The surface of the object that was rendered, found by its name and rendered again from stored poses.

    Args:
        item: named `procedural_<number>`, or as a mesh in `data/objects/glb`.
        views: indices of its views, 0 first.

    Returns:
        None if neither is there: then nothing is known about the object but its images.

    Raises:
        ValueError: if the object that is made now is not the one that the images show.
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
    _check_same(item, views, rgba[:, 3:])
    return Geometry(item.cameras()[views], depth[:, 0], visible[:, 0], true=True)


def triplane_geometry(cameras: Float[Tensor, "v 25"], rendering: Rendering, tolerance: float) -> Geometry:
    """The surface of a triplane in views of it, the first of which is the source.

    Args:
        cameras: of the views.
        rendering: their depth and weight, each (V, 1, H, H).
        tolerance: as in `hidden_by_depth`.
    """
    depth = torch.where(rendering.weight > OPAQUE, rendering.depth, torch.inf)[:, 0].cpu()
    cameras, points = cameras.cpu(), unproject(cameras.cpu(), depth)
    hidden = hidden_by_depth(points.flatten(0, 2).nan_to_num(), cameras[0], depth[0], tolerance)
    return Geometry(cameras, depth, depth.isfinite() & ~hidden.view_as(depth), true=False)


def _check_same(item: RenderedObject, views: list[int], alpha: Float[Tensor, "v 1 h h"]) -> None:
    same_cameras = torch.allclose(item.intrinsics, pinhole_intrinsics(alpha.shape[-1]))
    difference = float((alpha - item.masks[views]).abs().mean()) if same_cameras else 1.0
    if difference > SAME_ALPHA:
        raise ValueError(
            f"{item.name}: expected stored images of the object that this name makes now, found other ones (mean "
            f"difference of alpha {difference:.3f}); render its folder again, or give it a name of its own"
        )


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
