"""Every sample of every ray, all objects at once: few large operations, as a GPU wants them."""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lrm_core.model.decoder import activate
from lrm_core.render.field import raw_at
from lrm_core.render.march import draws
from lrm_core.render.quadrature import coarse_depths, composite_unsorted, fine_depths, interval_weights
from lrm_core.render.rays import RaySegments

CHUNK_SAMPLES = 2**22  # at a time; with more in all, the backward pass renders each chunk again


def render_dense(
    planes: Float[Tensor, "N 3 C R R"],
    decoder: nn.Module,
    rays: RaySegments,
    samples_per_ray: int,
    jitter: torch.Generator | None = None,
) -> tuple[Float[Tensor, "N rays 3"], Float[Tensor, "N rays"], Float[Tensor, "N rays"]]:
    """Colour without background, depth (NaN where nothing absorbs) and weight of each ray.

    Args:
        planes, decoder: the fields.
        rays: (N, rays), as many for each field.
        samples_per_ray: even; half coarse, half fine.
        jitter: draws the sample positions; None is the deterministic quadrature.
    """
    return in_chunks(partial(_render, planes, decoder), rays, samples_per_ray, jitter, CHUNK_SAMPLES)


def in_chunks(
    render: Callable[[RaySegments, Tensor, Tensor], tuple[Tensor, ...]],
    rays: RaySegments,
    samples_per_ray: int,
    jitter: torch.Generator | None,
    most: int,
) -> tuple[Tensor, ...]:
    """What `render` makes of rays (N, rays), offsets and quantiles (`draws`), at most so many samples at a time."""
    fields, count = rays.end.shape
    chunk = max(1, most // (fields * samples_per_ray))
    save_memory = torch.is_grad_enabled() and count > chunk
    parts = []
    for start in range(0, count, chunk):
        part = rays[:, start : start + chunk]
        call = (part, *draws(part.end.shape, samples_per_ray // 2, jitter, part.origins))
        parts.append(checkpoint(render, *call, use_reentrant=False) if save_memory else render(*call))
    return tuple(torch.cat(part, dim=1) for part in zip(*parts, strict=True))


def _render(planes: Tensor, decoder: nn.Module, rays: RaySegments, offsets: Tensor, quantiles: Tensor):
    """Colour without background, depth and weight, (N, rays, ...)."""
    shape = rays.end.shape
    start, end = rays.start.flatten(), rays.end.flatten()
    depths = coarse_depths(start, end, offsets.flatten(0, 1), offsets.shape[-1])
    density, colour = _evaluate(planes, decoder, rays, depths)
    with torch.no_grad():
        more = fine_depths(depths, interval_weights(depths, density), quantiles.flatten(0, 1))
    more_density, more_colour = _evaluate(planes, decoder, rays, more)
    result = composite_unsorted(torch.cat([depths, more], dim=1), torch.cat([density, more_density], dim=1))
    seen = (result.shares[..., None] * torch.cat([colour, more_colour], dim=1)).sum(1)
    return seen.unflatten(0, shape), result.depth.unflatten(0, shape), result.weight.unflatten(0, shape)


def _evaluate(
    planes: Float[Tensor, "N 3 C R R"],
    decoder: nn.Module,
    rays: RaySegments,
    depths: Float[Tensor, "all samples"],
) -> tuple[Float[Tensor, "all samples"], Float[Tensor, "all samples 3"]]:
    """Raw density, -inf outside the box, and colour."""
    along = depths.unflatten(0, rays.end.shape)[..., None]  # (N, rays, samples, 1)
    points = rays.origins[:, :, None] + along * rays.directions[:, :, None]
    raw = raw_at(planes, decoder, points.flatten(1, 2)).view(*depths.shape, 4)
    outside = (depths > rays.end.flatten()[:, None]) | ~rays.hit.flatten()[:, None]
    return raw[..., 0].masked_fill(outside, -torch.inf), activate(raw).colour
