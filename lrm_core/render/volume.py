"""Rendering of triplanes along rays and in views (spec, section Volume rendering)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lrm_core.render.batched import render_dense, render_packed
from lrm_core.render.field import Field, check_planes
from lrm_core.render.march import render_field
from lrm_core.render.occupancy import Occupancy, skimmed_of
from lrm_core.render.rays import RaySegments, camera_rays

# the path on CUDA: "dense", or "packed" or "fused" once `benchmarks/cuda.py` has confirmed them on a GPU
ON_CUDA = "dense"


@dataclass(frozen=True)
class Rendering:
    """Pictures or rays: rgb in [0, 1], depth in world units, weight = absorbed share of the light."""

    rgb: Float[Tensor, "*lead 3 h w"] | Float[Tensor, "*lead 3"]
    depth: Float[Tensor, "*lead 1 h w"] | Float[Tensor, "*lead 1"]
    weight: Float[Tensor, "*lead 1 h w"] | Float[Tensor, "*lead 1"]


def render_rays(
    planes: Float[Tensor, "N 3 C R R"],
    decoder: nn.Module,
    origins: Float[Tensor, "N rays 3"],
    directions: Float[Tensor, "N rays 3"],
    *,
    background: float | Tensor = 1.0,
    samples_per_ray: int = 96,
    jitter: torch.Generator | None = None,
    skip_empty: bool | None = None,
) -> Rendering:
    """Render each triplane along its own rays (spec, section Volume rendering).

    Args:
        planes, decoder: one triplane per object, and the model's decoder; gradients flow to both.
        origins, directions: world units; directions of unit length.
        background: behind everything; a number or a tensor that broadcasts to (N, rays, 3).
        samples_per_ray: even, at least 8.
        jitter: generator of the sample positions; None is the deterministic quadrature.
        skip_empty: whether to spend nothing on samples in empty space and behind what is opaque, or to evaluate every
            sample. By default the first on a CPU, and on a GPU what `ON_CUDA` says.

    Returns:
        rgb (N, rays, 3), depth (N, rays, 1), weight (N, rays, 1).

    Raises:
        ValueError: if a shape is wrong, or a plane holds NaN or infinity.
    """
    check_planes(planes, 5)
    if origins.shape != directions.shape or origins.ndim != 3 or origins.shape[::2] != (planes.shape[0], 3):
        raise ValueError(
            f"rays: expected origins and directions of shape ({planes.shape[0]}, rays, 3), "
            f"found {tuple(origins.shape)} and {tuple(directions.shape)}"
        )
    if samples_per_ray % 2 or samples_per_ray < 8:
        raise ValueError(f"samples_per_ray: expected an even number of at least 8, found {samples_per_ray}")
    segments = RaySegments.through_box(origins, directions)
    colour, depth, weight = render_segments(planes, decoder, segments, samples_per_ray, jitter, skip_empty=skip_empty)
    rgb = colour + background * (1 - weight[..., None])
    step = (segments.end - segments.start) / (samples_per_ray // 2 - 1)
    largest = (segments.end + step / 2).max()  # of the sampled depths; shown where nothing absorbs
    depth = depth.nan_to_num(torch.inf).clamp(segments.start.min(), largest)
    return Rendering(rgb, depth[..., None], weight[..., None])


def render_segments(
    planes: Float[Tensor, "N 3 C R R"],
    decoder: nn.Module,
    rays: RaySegments,
    samples_per_ray: int,
    jitter: torch.Generator | None = None,
    *,
    skip_empty: bool | None = None,
    occupancies: Sequence[Occupancy | None] | None = None,
) -> tuple[Float[Tensor, "N rays 3"], Float[Tensor, "N rays"], Float[Tensor, "N rays"]]:
    """Colour without background, depth (NaN where nothing absorbs) and weight of each ray (N, rays).

    Args:
        planes, decoder, samples_per_ray, jitter, skip_empty: as in `render_rays`.
        rays: (N, rays), as many for each triplane.
        occupancies: where to look, of each triplane; None finds it.
    """
    if skip_empty is None:
        skip_empty = not planes.is_cuda or ON_CUDA != "dense"
    if not skip_empty:
        return render_dense(planes, decoder, rays, samples_per_ray, jitter)
    if planes.is_cuda:
        field = Field(planes, decoder)
        if occupancies is None:
            skimmed = skimmed_of(field)
        else:
            full = planes.new_full(3 * planes.shape[-1:], torch.inf)
            skimmed = torch.stack([full if each is None else each.skimmed for each in occupancies])
        return render_packed(field, skimmed, rays, samples_per_ray, jitter, fused=ON_CUDA == "fused")
    parts = []
    for n, field in enumerate(Field(plane, decoder) for plane in planes):
        occupancy = Occupancy.of(field) if occupancies is None else occupancies[n]
        parts.append(render_field(field, occupancy, rays[n], samples_per_ray, jitter))
    return tuple(torch.stack(part) for part in zip(*parts, strict=True))


def render_views(
    planes: Float[Tensor, "N 3 C R R"],
    decoder: nn.Module,
    cameras: Float[Tensor, "N M 25"],
    resolution: int,
    *,
    anchors: Float[Tensor, "N M 2"] | None = None,
    region_size: int | None = None,
    background: float | Float[Tensor, "N M _"] = 1.0,
    samples_per_ray: int = 96,
    jitter: torch.Generator | None = None,
    skip_empty: bool | None = None,
) -> Rendering:
    """Render M views of each of N triplanes.

    Args:
        cameras: from `standard_camera`.
        resolution: side of the full image, in pixels.
        anchors: (row, column) of each crop's first pixel; None is the image's corner.
        region_size: side of the crop, in pixels; None is the whole image.
        background: a number, or (N, M, 1 or 3).
        planes, decoder, samples_per_ray, jitter, skip_empty: as in `render_rays`.

    Returns:
        rgb (N, M, 3, H, W), depth (N, M, 1, H, W), weight (N, M, 1, H, W).

    Raises:
        ValueError: if a shape is wrong, or a plane holds NaN or infinity.
    """
    check_planes(planes, 5)
    if cameras.ndim != 3 or cameras.shape[0] != planes.shape[0]:
        raise ValueError(f"cameras: expected shape ({planes.shape[0]}, views, 25), found {tuple(cameras.shape)}")
    side = region_size or resolution
    for name, value, widths in (("anchors", anchors, (2,)), ("background", background, (1, 3))):
        if isinstance(value, Tensor) and not (value.shape[:-1] == cameras.shape[:2] and value.shape[-1] in widths):
            expected = f"({cameras.shape[0]}, {cameras.shape[1]}, {' or '.join(map(str, widths))})"
            raise ValueError(f"{name}: expected shape {expected}, found {tuple(value.shape)}")
    rays = camera_rays(cameras, resolution, anchors, side)
    if isinstance(background, Tensor):
        background = background.repeat_interleave(side * side, dim=1)
    rendering = render_rays(
        planes,
        decoder,
        rays.origins.flatten(1, 2),
        rays.directions.flatten(1, 2),
        background=background,
        samples_per_ray=samples_per_ray,
        jitter=jitter,
        skip_empty=skip_empty,
    )
    views = cameras.shape[1]
    images = (part.unflatten(1, (views, side, side)) for part in (rendering.rgb, rendering.depth, rendering.weight))
    return Rendering(*(part.movedim(-1, 2) for part in images))
