"""Fields along rays: which rays meet something, and chunks of those marched one after another or at once."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from lrm_core.render.field import Field, side_by_side
from lrm_core.render.occupancy import Occupancy
from lrm_core.render.quadrature import coarse_depths
from lrm_core.render.rays import RaySegments, box_span, indices
from lrm_core.render.walk import March, Rendered, seen, skim, walk

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
    index, parts = torch.cat(starts[0]), zip(*_march_all(calls), strict=True)
    return tuple(whole.index_put((index,), torch.cat(part)) for whole, part in zip(nothing, parts, strict=True))


def draws(
    rays: Sequence[int], samples: int, jitter: torch.Generator | None, like: Tensor
) -> tuple[Float[Tensor, "*rays samples"], Float[Tensor, "*rays samples"]]:
    """Where in its bin each coarse sample lies, and the quantiles of as many fine ones (steps 2 and 5).

    The shape is that of the rays, device and type are those of `like`; without jitter they are the middles.
    """
    if jitter is None:
        middle = (torch.arange(samples, device=like.device, dtype=like.dtype) + 0.5) / samples
        return like.new_full((1,), 0.5).expand(*rays, samples), middle.expand(*rays, samples)
    draw = torch.rand(2, *rays, samples, generator=jitter, device=jitter.device, dtype=like.dtype)
    return tuple(draw.to(like.device))


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


def _march_all(calls: Sequence[tuple]) -> list[Rendered]:
    """`_march` of every call: several at once where no gradients are needed."""
    if not torch.is_grad_enabled():
        return side_by_side(_march, calls)
    save_memory = sum(len(call[2]) for call in calls) > CHECKPOINT_RAYS
    return [checkpoint(_march, *call, use_reentrant=False) if save_memory else _march(*call) for call in calls]


def _march(field: Field, *start) -> Rendered:
    """Colour without background, depth and weight of the rays of a start (arguments of `walk` after the field)."""
    return March.apply(field, start, *field.parameters) if torch.is_grad_enabled() else seen(walk(field, *start))
