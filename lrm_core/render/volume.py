"""Rendering of triplanes: samples on rays, the field where it is not empty, quadrature."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lrm_core.model.decoder import activate
from lrm_core.render.field import Field, check_planes
from lrm_core.render.occupancy import Occupancy
from lrm_core.render.quadrature import coarse_depths, composite, fine_depths, interval_weights
from lrm_core.render.rays import BOX_MAX, BOX_MIN, box_span, camera_rays

CHUNK_RAYS = 4_096  # keeps the tensors of a chunk within the cache
CHECKPOINT_RAYS = 32_768  # beyond this many, the backward pass renders each chunk again


@dataclass(frozen=True)
class Rendering:
    """Pictures or rays: rgb in [0, 1], depth in world units, weight = absorbed share of the light."""

    rgb: Tensor
    depth: Tensor
    weight: Tensor


@dataclass(frozen=True)
class RaySegments:
    """Rays (rays, 3) with the distances between which each is sampled (rays,)."""

    origins: Tensor
    directions: Tensor
    start: Tensor
    end: Tensor
    hit: Tensor

    @classmethod
    def through_box(cls, origins: Tensor, directions: Tensor) -> "RaySegments":
        """Rays that miss the box are sampled between the extremes of those that hit it (step 1)."""
        near, far, hit = box_span(origins, directions)
        if hit.any():
            near = torch.where(hit, near, near[hit].min())
            far = torch.where(hit, far, near[hit].max())
        else:
            near, far = torch.zeros_like(near), torch.ones_like(far)
        return cls(origins, directions, near, far, hit)

    def __getitem__(self, index) -> "RaySegments":
        return RaySegments(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    def points(self, depths: Float[Tensor, "rays samples"]) -> Float[Tensor, "rays samples 3"]:
        return self.origins[:, None] + self.directions[:, None] * depths[..., None]


def _offsets(rays: int, samples: int, jitter: torch.Generator | None, like: Tensor) -> tuple[Tensor, Tensor]:
    """Where in its bin each coarse sample lies, and the quantiles of the fine ones (steps 2 and 5)."""
    if jitter is None:
        middle = (torch.arange(samples, device=like.device, dtype=like.dtype) + 0.5) / samples
        return like.new_full((1, 1), 0.5).expand(rays, samples), middle.expand(rays, samples)
    draw = torch.rand(2, rays, samples, generator=jitter, device=jitter.device, dtype=like.dtype)
    return tuple(draw.to(like.device))


@dataclass(frozen=True)
class Samples:
    """Field at samples (rays, samples): raw density, and colour at those that were evaluated, else 0.

    Raw density is -inf outside the box; where the box is empty it is that of the cell's centre.
    """

    density: Float[Tensor, "rays samples"]
    colour: Float[Tensor, "rays samples 3"]


def _skim(occupancy: Occupancy | None, points: Tensor) -> tuple[Tensor, Tensor]:
    """Raw density without the decoder, and which samples (rays, samples) need it."""
    if occupancy is None:
        visit = ((points >= BOX_MIN) & (points <= BOX_MAX)).all(-1)
        return torch.full_like(points[..., 0], -torch.inf), visit
    cell, inside = occupancy.cell_of(points)
    density = occupancy.raw[cell].masked_fill_(~inside, -torch.inf)
    return density, occupancy.occupied[cell] & inside


def _evaluate(field: Field, points: Tensor, density: Tensor, visit: Tensor) -> Samples:
    """Fill in the samples to visit."""
    shape = density.shape
    chosen = visit.flatten().nonzero()[:, 0]
    raw = field.raw(points.reshape(-1, 3)[chosen])
    density = density.flatten().index_put((chosen,), raw[:, 0].to(density.dtype))
    colour = points.new_zeros(density.shape[0], 3).index_put((chosen,), activate(raw)[0].to(points.dtype))
    return Samples(density.view(shape), colour.view(*shape, 3))


def _march(field: Field, occupancy: Occupancy | None, rays: RaySegments, offsets: Tensor, quantiles: Tensor):
    """Colour without background, depth and weight of a chunk of rays, by coarse and fine samples."""
    depths = coarse_depths(rays.start, rays.end, offsets, offsets.shape[1])
    points = rays.points(depths)
    coarse = _evaluate(field, points, *_skim(occupancy, points))
    with torch.no_grad():
        weights = interval_weights(depths, coarse.density)
        more = fine_depths(depths, weights, quantiles)
        points = rays.points(more)
    fine = _evaluate(field, points, *_skim(occupancy, points))
    depths, order = torch.cat([depths, more], dim=1).sort(dim=1)
    density = torch.cat([coarse.density, fine.density], dim=1).gather(1, order)
    shares, mean_depth, weight = composite(depths, density)
    shares = torch.zeros_like(shares).scatter(1, order, shares)  # back to coarse, then fine
    half = depths.shape[1] // 2
    colour = (shares[:, None, :half] @ coarse.colour + shares[:, None, half:] @ fine.colour)[:, 0]
    return colour, mean_depth, weight


@torch.no_grad()
def _reaching(rays: RaySegments, occupancy: Occupancy | None, samples_per_ray: int) -> Tensor:
    """Indices of the rays that come near something: the box, or an occupied cell."""
    if occupancy is None:
        return rays.hit.nonzero()[:, 0]
    inverse = 1 / rays.directions
    first, second = (occupancy.low - rays.origins) * inverse, (occupancy.high - rays.origins) * inverse
    near = torch.maximum(torch.minimum(first, second).nan_to_num(-torch.inf).amax(-1), rays.start)
    far = torch.minimum(torch.maximum(first, second).nan_to_num(torch.inf).amin(-1), rays.end)
    candidates = (rays.hit & (far > near)).nonzero()[:, 0]
    return torch.cat([part[_meets(rays[part], occupancy, samples_per_ray)] for part in candidates.split(CHUNK_RAYS)])


def _meets(rays: RaySegments, occupancy: Occupancy, samples_per_ray: int) -> Tensor:
    """Whether one of a ray's evenly spaced points lies in an occupied cell, (rays,)."""
    points = rays.points(coarse_depths(rays.start, rays.end, 0.5, samples_per_ray // 2))
    return _skim(occupancy, points)[1].any(-1)


def render_field(
    field: Field,
    occupancy: Occupancy | None,
    rays: RaySegments,
    samples_per_ray: int,
    jitter: torch.Generator | None = None,
) -> tuple[Float[Tensor, "rays 3"], Float[Tensor, "rays"], Float[Tensor, "rays"]]:
    """Colour without background, depth (NaN where nothing absorbs) and weight of each ray.

    Args:
        field: of one triplane.
        occupancy: where to look; None evaluates every sample inside the box.
        rays: within the box.
        samples_per_ray: even; half coarse, half fine.
        jitter: draws the sample positions; None is the deterministic quadrature.
    """
    total, half = rays.hit.shape[0], samples_per_ray // 2
    colour, weight = rays.origins.new_zeros(total, 3), rays.origins.new_zeros(total)
    depth = rays.origins.new_full((total,), torch.nan)
    chosen = _reaching(rays, occupancy, samples_per_ray)
    pieces = chosen.split(CHUNK_RAYS)
    save_memory = torch.is_grad_enabled() and len(chosen) > CHECKPOINT_RAYS
    for piece in pieces:
        arguments = (field, occupancy, rays[piece], *_offsets(len(piece), half, jitter, rays.origins))
        march = checkpoint(_march, *arguments, use_reentrant=False) if save_memory else _march(*arguments)
        colour, depth, weight = (
            whole.index_put((piece,), part) for whole, part in zip((colour, depth, weight), march, strict=True)
        )
    return colour, depth, weight


def render_rays(
    planes: Float[Tensor, "N 3 C R R"],
    decoder: nn.Module,
    origins: Float[Tensor, "N rays 3"],
    directions: Float[Tensor, "N rays 3"],
    *,
    background: float | Tensor = 1.0,
    samples_per_ray: int = 96,
    jitter: torch.Generator | None = None,
    skip_empty: bool = True,
) -> Rendering:
    """Render each triplane along its own rays (spec, section Volume rendering).

    Args:
        planes: one triplane per object; gradients flow to it and to the decoder.
        decoder: the model's decoder.
        origins, directions: world units; directions of unit length.
        background: behind everything; a number or a tensor that broadcasts to (N, rays, 3).
        samples_per_ray: even, at least 8.
        jitter: generator of the sample positions; None is the deterministic quadrature.
        skip_empty: spend nothing on samples in empty space.

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
    segments = RaySegments.through_box(origins.flatten(0, 1), directions.flatten(0, 1))
    parts = []
    for n, plane in enumerate(planes):
        field = Field(plane, decoder)
        mine = segments[n * origins.shape[1] : (n + 1) * origins.shape[1]]
        parts.append(render_field(field, Occupancy.of(field) if skip_empty else None, mine, samples_per_ray, jitter))
    colour, depth, weight = (torch.stack(part) for part in zip(*parts, strict=True))
    rgb = colour + background * (1 - weight[..., None])
    return Rendering(rgb, _clamp_depth(depth, segments, samples_per_ray)[..., None], weight[..., None])


def _clamp_depth(depth: Tensor, segments: RaySegments, samples_per_ray: int) -> Tensor:
    """NaN becomes the largest sampled depth; all depths lie in the range of the samples of the call."""
    step = (segments.end - segments.start) / (samples_per_ray // 2 - 1)
    largest = (segments.end + step / 2).max()
    return depth.nan_to_num(torch.inf).clamp(segments.start.min(), largest)


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
    skip_empty: bool = True,
) -> Rendering:
    """Render M views of each of N triplanes.

    Args:
        planes: (N, 3, C, R, R).
        decoder: the model's decoder.
        cameras: (N, M, 25) from `standard_camera`.
        resolution: side of the full image, in pixels.
        anchors: (row, column) of each crop's first pixel, (N, M, 2); None is the image's corner.
        region_size: side of the crop, in pixels; None is the whole image.
        background: a number, or (N, M, 1 or 3).
        samples_per_ray, jitter, skip_empty: as in `render_rays`.

    Returns:
        rgb (N, M, 3, H, W), depth (N, M, 1, H, W), weight (N, M, 1, H, W).

    Raises:
        ValueError: if a shape is wrong, or a plane holds NaN or infinity.
    """
    check_planes(planes, 5)
    if cameras.ndim != 3 or cameras.shape[0] != planes.shape[0]:
        raise ValueError(f"cameras: expected shape ({planes.shape[0]}, views, 25), found {tuple(cameras.shape)}")
    side = region_size or resolution
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
