"""Samples along rays: where they lie, which need the decoder, and what they add up to."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from lrm_core.model.decoder import activate
from lrm_core.render.field import Field
from lrm_core.render.occupancy import Occupancy
from lrm_core.render.quadrature import coarse_depths, composite_unsorted, fine_depths, interval_weights
from lrm_core.render.rays import box_span
from lrm_core.render.side_by_side import side_by_side

CHUNK_RAYS = 8_192  # fewer pay for more overhead, more leave the cache and keep fewer cores busy
BLOCK_SAMPLES = 16  # evaluated between two looks at whether a ray still sees anything
DARK = 1e-5  # share of the light behind which samples are left out
CHECKPOINT_RAYS = 32_768  # beyond this many, the backward pass renders each chunk again


@dataclass(frozen=True)
class RaySegments:
    """Rays (..., 3) with the distances between which each is sampled, and whether it hits the box (...)."""

    origins: Float[Tensor, "*rays 3"]
    directions: Float[Tensor, "*rays 3"]
    start: Float[Tensor, "*rays"]
    end: Float[Tensor, "*rays"]
    hit: Tensor

    @classmethod
    def through_box(cls, origins: Tensor, directions: Tensor) -> "RaySegments":
        """Rays that miss the box are sampled from the least to the largest start of those that hit it (step 1)."""
        near, far, hit = box_span(origins, directions)
        if hit.any():
            far = torch.where(hit, far, near[hit].max())
            near = torch.where(hit, near, near[hit].min())
        else:
            near, far = torch.zeros_like(near), torch.ones_like(far)
        return cls(origins, directions, near, far, hit)

    def __getitem__(self, index) -> "RaySegments":
        return RaySegments(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    def __len__(self) -> int:
        return len(self.origins)


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
    calls = [(field, occupancy, rays[piece], *draw) for piece, draw in zip(pieces, drawn, strict=True)]
    found, *parts = zip(*_march_all(calls, len(candidates)), strict=True)
    index = torch.cat([piece[part] for piece, part in zip(pieces, found, strict=True)])
    return tuple(
        whole.index_put((index,), torch.cat(part)) for whole, part in zip(nothing, parts, strict=True)
    )


def _march_all(calls: Sequence[tuple], rays: int) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """`_march` of every call: several at once where no gradients are needed."""
    if torch.is_grad_enabled():
        save_memory = rays > CHECKPOINT_RAYS
        return [
            checkpoint(_march, *call, use_reentrant=False) if save_memory else _march(*call) for call in calls
        ]
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


def _march(field: Field, occupancy: Occupancy | None, rays: RaySegments, offsets: Tensor, quantiles: Tensor):
    """Which rays meet something; their colour without background, depth and weight."""
    depths = coarse_depths(rays.start, rays.end, offsets, offsets.shape[1])
    density = _skim(occupancy, rays, depths)
    found = density.sum(1).isnan().nonzero()[:, 0]
    rays, depths = rays[found], depths[found]
    block = depths.shape[1] if occupancy is None else BLOCK_SAMPLES
    density, colour = _evaluate_until_opaque(field, rays, depths, density[found], block)
    with torch.no_grad():
        weights = interval_weights(depths, density)
        more = fine_depths(depths, weights, quantiles[found])
        skimmed = _skim(occupancy, rays, more)
        if occupancy is not None:
            skimmed.masked_fill_(more > _opaque_from(depths, weights)[:, None], -torch.inf)
    more_density, more_colour = _evaluate(field, rays, more, skimmed)
    result = composite_unsorted(torch.cat([depths, more], dim=1), torch.cat([density, more_density], dim=1))
    coarse, fine = result.shares.unflatten(1, (2, 1, -1)).unbind(1)  # (rays, 1, samples / 2) each
    return found, (coarse @ colour + fine @ more_colour)[:, 0], result.depth, result.weight


@torch.no_grad()
def _skim(occupancy: Occupancy | None, rays: RaySegments, depths: Float[Tensor, "rays samples"]) -> Tensor:
    """Raw density (rays, samples) without the decoder: -inf outside the box, NaN where the decoder is needed."""
    outside = depths > rays.end[:, None]
    if occupancy is None:
        return torch.full_like(depths, torch.nan).masked_fill_(outside, -torch.inf)
    within = torch.minimum(depths, rays.end[:, None])
    return occupancy.along(rays.origins, rays.directions, within).masked_fill_(outside, -torch.inf)


def _evaluate_until_opaque(field: Field, rays: RaySegments, depths: Tensor, density: Tensor, block: int):
    """`_evaluate` front to back in blocks of samples, leaving out those behind what lets no light through."""
    densities, colours = [], []
    for part_depths, part in zip(depths.split(block, 1), density.split(block, 1), strict=True):
        if densities:
            so_far = torch.cat(densities, dim=1)
            seen = depths[:, : so_far.shape[1]]
            with torch.no_grad():
                dark = _opaque_from(seen, interval_weights(seen, so_far)).isfinite()
            part = part.masked_fill(dark[:, None], -torch.inf)
        part, colour = _evaluate(field, rays, part_depths, part)
        densities.append(part)
        colours.append(colour)
    return torch.cat(densities, dim=1), torch.cat(colours, dim=1)


def _opaque_from(depths: Tensor, weights: Float[Tensor, "rays intervals"]) -> Float[Tensor, "rays"]:
    """Depth from which on less than `DARK` of a ray's light is left, inf if there is none."""
    left = 1 - weights.cumsum(-1)
    return depths[:, 1:].masked_fill(left > DARK, torch.inf).amin(-1)


def _evaluate(field: Field, rays: RaySegments, depths: Tensor, density: Tensor) -> tuple[Tensor, Tensor]:
    """Replace the NaNs of `density` by the field; with the colours (rays, samples, 3), 0 where not evaluated."""
    count, samples = depths.shape
    chosen = density.flatten().isnan().nonzero()[:, 0]
    ray = chosen.div(samples, rounding_mode="floor")
    points = rays.origins[ray] + rays.directions[ray] * depths.flatten()[chosen, None]
    raw = field.raw(points)
    density = density.flatten().index_put((chosen,), raw[:, 0].to(density.dtype))
    colour = depths.new_zeros(count * samples, 3).index_put((chosen,), activate(raw)[0].to(depths.dtype))
    return density.view(count, samples), colour.view(count, samples, 3)
