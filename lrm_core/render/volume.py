"""Rendering of triplanes along rays and in views (spec, section Volume rendering).

On a CPU one triplane after another: which rays meet something, and chunks of those marched in turn or at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lrm_core.render.batched import render_dense, render_packed
from lrm_core.render.field import Field, check_planes, side_by_side
from lrm_core.render.occupancy import Occupancy, skimmed_of
from lrm_core.render.quadrature import coarse_depths, draws
from lrm_core.render.rays import RaySegments, box_span, camera_rays, indices
from lrm_core.render.walk import March, Rendered, seen, skim, walk

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
    """Render each triplane along its own rays: rgb (N, rays, 3), depth and weight (N, rays, 1).

    ValueError if a shape is wrong, or a plane holds NaN or infinity.

    Args:
        planes, decoder: one triplane per object, and the model's decoder; gradients flow to both.
        origins, directions: world units; directions of unit length.
        background: behind everything; a number or a tensor that broadcasts to (N, rays, 3).
        samples_per_ray: even, at least 8.
        jitter: generator of the sample positions; None is the deterministic quadrature.
        skip_empty: whether to spend nothing on samples in empty space and behind what is opaque, or to evaluate every
            sample. By default the first on a CPU, and on a GPU what `ON_CUDA` says.
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
    """Render M views of each of N triplanes: rgb (N, M, 3, H, W), depth and weight (N, M, 1, H, W).

    ValueError if a shape is wrong, or a plane holds NaN or infinity.

    Args:
        cameras: from `standard_camera`.
        resolution: side of the full image, in pixels.
        anchors: (row, column) of each crop's first pixel; None is the image's corner.
        region_size: side of the crop, in pixels; None is the whole image.
        background: a number, or (N, M, 1 or 3).
        planes, decoder, samples_per_ray, jitter, skip_empty: as in `render_rays`.
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


SKIM_RAYS = 8_192  # at a time, to see which of them meet something
CHUNK_RAYS = 4_096  # of those: fewer pay for more overhead, more leave the cache and keep fewer cores busy
CHECKPOINT_RAYS = 16_384  # beyond this many, the backward pass renders each chunk again


def render_field(
    field: Field,
    occupancy: Occupancy | None,
    rays: RaySegments,
    samples_per_ray: int,
    jitter: torch.Generator | None = None,
) -> Rendered:
    """Colour without background, depth (NaN where nothing absorbs) and weight of each ray, of one triplane.

    Without an occupancy every sample inside the box is evaluated; other arguments as in `render_dense`.
    """
    nothing = rays.origins.new_zeros(len(rays), 3), rays.end * torch.nan, torch.zeros_like(rays.end)
    candidates, count = rays.hit, samples_per_ray // 2
    if occupancy is not None:  # those that cross the bounding box of what is occupied
        candidates = candidates & box_span(rays.origins, rays.directions, *occupancy.box).hit
    pieces = indices(candidates).split(SKIM_RAYS)
    drawn = [draws(piece.shape, count, jitter, rays.origins) for piece in pieces]
    kept = 0 if jitter is None else count  # even quantiles need not be kept
    calls = [(occupancy, rays, piece, draw[0], draw[1][:, :kept]) for piece, draw in zip(pieces, drawn, strict=True)]
    starts = [torch.cat(part).split(CHUNK_RAYS) for part in zip(*side_by_side(_looked_at, calls), strict=True)]
    calls = [
        (field, occupancy, rays[index], depths, skimmed, count if jitter is None else quantiles.sort(1).values)
        for index, depths, skimmed, quantiles in zip(*starts, strict=True)
    ]
    if torch.is_grad_enabled():
        save_memory = sum(len(call[2]) for call in calls) > CHECKPOINT_RAYS
        parts = [checkpoint(_march, *call, use_reentrant=False) if save_memory else _march(*call) for call in calls]
    else:  # several at once
        parts = side_by_side(_march, calls)
    index, parts = torch.cat(starts[0]), zip(*parts, strict=True)
    return tuple(whole.index_put((index,), torch.cat(part)) for whole, part in zip(nothing, parts, strict=True))


def _looked_at(
    occupancy: Occupancy | None,
    rays: RaySegments,
    index: Int[Tensor, "some"],
    offsets: Float[Tensor, "some coarse"],
    quantiles: Float[Tensor, "some fine"],
) -> tuple[Tensor, Float[Tensor, "found coarse"], Float[Tensor, "found coarse"], Float[Tensor, "found fine"]]:
    """Those of some rays that meet something, with the depths and densities (`skim`) of their coarse samples."""
    rays = rays[index]
    depths = coarse_depths(rays.start, rays.end, offsets)
    skimmed = skim(occupancy, rays, depths, rays.end)
    found = indices(skimmed.amax(1) == torch.inf)
    return tuple(part.index_select(0, found) for part in (index, depths, skimmed, quantiles))


def _march(field: Field, *start) -> Rendered:
    """Colour without background, depth and weight of the rays of a start (arguments of `walk` after the field)."""
    return March.apply(field, start, *field.parameters) if torch.is_grad_enabled() else seen(walk(field, *start))
