"""Points on the surface of an object, and how wrong the predicted colour is there (E4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from scipy.ndimage import binary_erosion
from torch import Tensor

from lrm_core.measure import oracles
from lrm_core.measure.geometry import Geometry, facing, matter_lattice, triplane_geometry, true_geometry
from lrm_core.measure.oracles import OracleCache, OracleConfig, Planes
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.render import query_points

COVERED = 0.99  # alpha from which on a pixel shows nothing but the object
DEPTH_TOLERANCE = 0.05  # world units between a point and a depth map, which has pixels and not points


@dataclass(frozen=True)
class SurfacePoints:
    """Points of a surface, on the CPU."""

    points: Float[Tensor, "n 3"]  # in the normalised world
    hidden: Bool[Tensor, "n"]  # whether the source does not see them
    cosine: Float[Tensor, "n"]  # of the angle between normal and the way to the source, NaN where unknown
    errors: Mapping[str, Float[Tensor, "n"]]  # mean absolute difference of three channels, by what is compared

    def chosen(self, which: Tensor) -> "SurfacePoints":
        """Some of the points, by mask or index."""
        errors = {name: error[which] for name, error in self.errors.items()}
        return SurfacePoints(self.points[which], self.hidden[which], self.cosine[which], errors)

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True)
class SurfaceScene:
    """What E4 looks at.

    The `images` of the held-out views are renders of T_pred ("predicted") and T_ref ("reference"), and the ground
    truth ("truth").
    """

    predicted: Planes  # T_pred
    reference: Planes  # T_ref
    own: Geometry  # the surface of T_ref in the source and the held-out views, by its own depth buffers
    geometry: Geometry  # that of the true object in these and then in the control views; of T_ref if unknown
    images: Mapping[str, Float[Tensor, "v 3 h h"]]
    masks: Float[Tensor, "v h h"]  # alpha of the held-out views

    @property
    def controls(self) -> range:
        """Where the control views are in `geometry`."""
        return range(1 + len(self.masks), len(self.geometry.depth))

    def shown(self) -> Bool[Tensor, "v h h"]:
        """Pixels of the held-out views that show the object alone, and whose surface point is known."""
        return (self.masks >= COVERED) & self.geometry.depth[1 : 1 + len(self.masks)].isfinite()


@torch.no_grad()
def surface_scene(
    model: LRM,
    item: RenderedObject,
    config: OracleConfig,
    views: int,
    controls: int,
    seed: int,
    cache: OracleCache | None = None,
) -> SurfaceScene:
    """The scene of an object: T_ref is the oracle from T_pred.

    Args:
        views: at most so many held-out views are looked at.
        controls: at most so many other views are ready to play the source, evenly from the training views.

    ValueError if there is no held-out view; as `true_geometry`.
    """
    looked_at, (train, heldout) = oracles.heldout_views(item, views), oracles.split_views(item)
    near, others = [0, *heldout[:views]], evenly(train[1:], controls)
    predicted, reference = oracles.both_planes(model, item, config, seed, cache)
    size, cameras = item.images.shape[-1], item.cameras()
    truth = true_geometry(item, near + others)
    rendered = near + others if truth is None else near
    seen = oracles.render_planes(model, reference, cameras[rendered], size)
    own = triplane_geometry(cameras[rendered], seen, DEPTH_TOLERANCE)
    images = {
        "predicted": oracles.render_like(model, predicted, looked_at),
        "reference": seen.rgb[1 : len(near)].cpu(),
        "truth": looked_at.images,
    }
    return SurfaceScene(predicted, reference, own, truth or own, images, item.masks[near[1:], 0])


@torch.no_grad()
def seen_surface(model: LRM, scene: SurfaceScene) -> SurfacePoints:
    """Audited: the surface that pixels of the held-out views show, with errors of the images there.

    Returns:
        errors: of renders of T_pred against those of T_ref ("reference") and against ground truth ("truth");
        of renders of T_ref against ground truth ("oracle"); and of the colour that T_pred has at the surface point,
        whatever its density, against ground truth ("field").
    """
    shown, near = scene.shown(), slice(1, 1 + len(scene.masks))
    points = scene.geometry.points()[near][shown]
    pixels = {name: image.movedim(1, -1)[shown] for name, image in scene.images.items()}
    pixels["field"] = field_colour(model, scene.predicted, points.to(scene.predicted.device)).cpu()
    compared = {
        "reference": ("predicted", "reference"),
        "truth": ("predicted", "truth"),
        "oracle": ("reference", "truth"),
        "field": ("field", "truth"),
    }
    return SurfacePoints(
        points,
        ~scene.geometry.visible[near][shown],
        scene.geometry.cosine()[near][shown],
        {name: (pixels[a] - pixels[b]).abs().mean(-1) for name, (a, b) in compared.items()},
    )


@torch.no_grad()
def matter_surface(model: LRM, scene: SurfaceScene) -> tuple[SurfacePoints, Bool[Tensor, "n"]]:
    """As published: all texel centres of the box that lie in matter of T_ref, with errors of the field there.

    Hidden by the depth buffer of T_ref, with the diagonal of a cell as tolerance.

    Returns:
        The points with the error of T_pred's colour against T_ref's ("reference"); and which of them are on the
        outside of the matter: those with a neighbour along an axis that is not in matter.
    """
    lattice, solid = matter_lattice(model, scene.reference)
    points = lattice[solid]
    first, second = (field_colour(model, planes, points) for planes in (scene.predicted, scene.reference))
    normals = density_normals(model, scene.reference, points).cpu()
    points, tolerance = points.cpu(), 2 * 3**0.5 / len(solid)
    surface = SurfacePoints(
        points,
        scene.own.hidden_from(0, points, tolerance),
        facing(points, normals, scene.own.cameras[0, 3:12:4]),
        {"reference": (first - second).abs().mean(-1).cpu()},
    )
    return surface, outside(solid)[solid].cpu()


def field_colour(model: LRM, planes: Planes, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
    """Colour of a triplane at points, whatever its density there."""
    return query_points(planes[None], model.decoder, points[None]).rgb[0]


def density_normals(model: LRM, planes: Planes, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
    """Unit normals against the gradient of the density, by differences over a texel; NaN where that is zero."""
    steps = torch.eye(3, device=points.device) / planes.shape[-1]
    moved = torch.cat([points + sign * step for step in steps for sign in (1, -1)])
    density = query_points(planes[None], model.decoder, moved[None]).density.view(3, 2, -1)
    downhill = (density[:, 1] - density[:, 0]).T  # (n, 3)
    return downhill / downhill.norm(dim=1, keepdim=True)


def outside(solid: Bool[Tensor, "r r r"]) -> Bool[Tensor, "r r r"]:
    """Solid cells with an empty neighbour along an axis; beyond the box it is empty."""
    return solid & ~solid.new_tensor(binary_erosion(solid.cpu().numpy()))


def evenly(values: Sequence[int], count: int) -> list[int]:
    """At most so many of the values, evenly spaced, the first among them."""
    count = min(count, len(values))
    return [values[k * len(values) // count] for k in range(count)]
