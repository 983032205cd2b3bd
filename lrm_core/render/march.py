"""Fields along rays: which rays may meet something, and chunks of those marched one after another or at once."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from lrm_core.render.field import Field
from lrm_core.render.gradient import March
from lrm_core.render.occupancy import Occupancy
from lrm_core.render.quadrature import coarse_depths
from lrm_core.render.rays import RaySegments
from lrm_core.render.side_by_side import side_by_side
from lrm_core.render.walk import Rendered, seen, skim, walk

CHUNK_RAYS = 8_192  # fewer pay for more overhead, more leave the cache and keep fewer cores busy
CHECKPOINT_RAYS = 32_768  # beyond this many, the backward pass renders each chunk again


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
    nothing = rays.origins.new_zeros(len(rays), 3), rays.end * torch.nan, torch.zeros_like(rays.end)
    candidates = _candidates(rays, occupancy)
    pieces = candidates.split(CHUNK_RAYS)
    drawn = [draws(piece.shape, samples_per_ray // 2, jitter, rays.origins) for piece in pieces]
    calls = [
        (field, occupancy, rays[piece], offsets, None if jitter is None else quantiles.sort(1).values)
        for piece, (offsets, quantiles) in zip(pieces, drawn, strict=True)
    ]
    found, *parts = zip(*_march_all(calls, len(candidates)), strict=True)
    index = torch.cat([piece[part] for piece, part in zip(pieces, found, strict=True)])
    return tuple(whole.index_put((index,), torch.cat(part)) for whole, part in zip(nothing, parts, strict=True))


def _march_all(calls: Sequence[tuple], rays: int) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """`_march` of every call: several at once where no gradients are needed."""
    if torch.is_grad_enabled():
        save_memory = rays > CHECKPOINT_RAYS
        return [checkpoint(_march, *call, use_reentrant=False) if save_memory else _march(*call) for call in calls]
    return side_by_side(_march, calls)


@torch.no_grad()
def _candidates(rays: RaySegments, occupancy: Occupancy | None) -> Tensor:
    """Indices of the rays that cross the bounding box of what is occupied."""
    if occupancy is None:
        return rays.hit.nonzero()[:, 0]
    inverse = 1 / rays.directions
    first, second = (occupancy.low - rays.origins) * inverse, (occupancy.high - rays.origins) * inverse
    near = torch.minimum(first, second).nan_to_num(-torch.inf).amax(-1)
    far = torch.maximum(first, second).nan_to_num(torch.inf).amin(-1)
    return (rays.hit & (far > near)).nonzero()[:, 0]


def draws(
    rays: Sequence[int], samples: int, jitter: torch.Generator | None, like: Tensor
) -> tuple[Float[Tensor, "*rays samples"], Float[Tensor, "*rays samples"]]:
    """Where in its bin each coarse sample lies, and the quantiles of the fine ones (steps 2 and 5).

    Args:
        rays: shape of the rays.
        samples: coarse ones, and as many fine ones.
        jitter: None for the middles.
        like: gives device and type.
    """
    if jitter is None:
        middle = (torch.arange(samples, device=like.device, dtype=like.dtype) + 0.5) / samples
        return like.new_full((1,), 0.5).expand(*rays, samples), middle.expand(*rays, samples)
    draw = torch.rand(2, *rays, samples, generator=jitter, device=jitter.device, dtype=like.dtype)
    return tuple(draw.to(like.device))


def _march(
    field: Field,
    occupancy: Occupancy | None,
    rays: RaySegments,
    offsets: Float[Tensor, "rays coarse"],
    quantiles: Float[Tensor, "rays fine"] | None,
) -> tuple[Int[Tensor, "found"], *Rendered]:
    """Which rays meet something; their colour without background, depth and weight.

    Args:
        field: of one triplane.
        occupancy: where to look; None evaluates every sample inside the box.
        rays: within the box.
        offsets: of the coarse samples in their bins.
        quantiles: of the fine samples, ascending; None spaces as many evenly.
    """
    with torch.no_grad():
        depths = coarse_depths(rays.start, rays.end, offsets, offsets.shape[1])
        skimmed = skim(occupancy, rays, depths, rays.end)
        found = (skimmed.amax(1) == torch.inf).nonzero()[:, 0]
        drawn = offsets.shape[1] if quantiles is None else quantiles[found]
        start = (occupancy, rays[found], depths[found], skimmed[found], drawn)
    if torch.is_grad_enabled():
        return found, *March.apply(field, start, *field.parameters)
    return found, *seen(walk(field, *start)[0])
