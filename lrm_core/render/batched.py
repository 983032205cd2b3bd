"""All objects at once in few large operations, as a GPU wants them: every sample, or only those where something is.

With samples left out, the host waits for the GPU only where the data decide a size: once for the rays that meet
anything, and in plain torch once for the samples of each block of the coarse and of all samples: 6 waits for 96
samples a ray, 1 with the kernels of `fused`, for each chunk of rays.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lrm_core.model.lrm import activate, colour_of
from lrm_core.render import quadrature
from lrm_core.render.field import CUDA_TILE, Field, raw_at
from lrm_core.render.lookup import lookup
from lrm_core.render.occupancy import skimmed_along
from lrm_core.render.rays import RaySegments
from lrm_core.render.walk import DARK

# samples at a time; with more in all, the backward pass renders each chunk again
DENSE_CHUNK, PACKED_CHUNK = 2**22, 2**23
BLOCK = 32  # samples of a ray that are evaluated between two looks at whether it still sees anything

Seen = tuple[Float[Tensor, "N rays 3"], Float[Tensor, "N rays"], Float[Tensor, "N rays"]]


class Course(NamedTuple):
    """Samples along rays, which have an origin and a direction each."""

    origins: Float[Tensor, "rays 3"]
    directions: Float[Tensor, "rays 3"]
    of: Int[Tensor, "rays"]  # the object that each ray looks at
    depths: Float[Tensor, "rays samples"]  # in order
    known: Float[Tensor, "rays samples"]  # raw density of each sample, inf where only the decoder knows it


class Marched(NamedTuple):
    """Colour without background, depth (NaN where nothing absorbs), weight, and the weights of the intervals."""

    colour: Float[Tensor, "rays 3"]
    depth: Float[Tensor, "rays"]
    weight: Float[Tensor, "rays"]
    weights: Float[Tensor, "rays intervals"]


def render_dense(
    planes: Float[Tensor, "N 3 C R R"],
    decoder: nn.Module,
    rays: RaySegments,
    samples_per_ray: int,
    jitter: torch.Generator | None = None,
) -> Seen:
    """Colour without background, depth (NaN where nothing absorbs) and weight of each ray, from every sample.

    Args:
        rays: (N, rays), as many for each field.
        samples_per_ray: even; half coarse, half fine.
        jitter: draws the sample positions; None is the deterministic quadrature.
    """
    return _in_chunks(partial(_dense, planes, decoder), rays, samples_per_ray, jitter, DENSE_CHUNK)


def render_packed(
    field: Field,
    skimmed: Float[Tensor, "N cells cells cells"],
    rays: RaySegments,
    samples_per_ray: int,
    jitter: torch.Generator | None = None,
    *,
    fused: bool = False,
) -> Seen:
    """`render_dense` without the samples where nothing is, until nothing shines through.

    Args:
        field: of N triplanes.
        skimmed: raw density of the cells where no sample needs the decoder, inf elsewhere (`skimmed_of`).
        fused: by the kernels of `fused`, in float32 and with a gradient that cannot be differentiated.
    """
    march = march_plainly
    if fused:
        from lrm_core.render.fused import march  # needs triton, which comes with torch for CUDA
    return _in_chunks(partial(_packed, march, field, skimmed), rays, samples_per_ray, jitter, PACKED_CHUNK)


def _in_chunks(
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
        call = (part, *quadrature.draws(part.end.shape, samples_per_ray // 2, jitter, part.origins))
        parts.append(checkpoint(render, *call, use_reentrant=False) if save_memory else render(*call))
    return tuple(torch.cat(part, dim=1) for part in zip(*parts, strict=True))


def _dense(planes: Tensor, decoder: nn.Module, rays: RaySegments, offsets: Tensor, quantiles: Tensor) -> Seen:
    coarse = quadrature.coarse_depths(rays.start.flatten(), rays.end.flatten(), offsets.flatten(0, 1))
    known, colour = _evaluate(planes, decoder, rays, coarse)
    with torch.no_grad():
        weights = quadrature.intervals(coarse, known).weights
        fine, _ = quadrature.fine_samples(coarse, weights, quantiles.flatten(0, 1))
    more, more_colour = _evaluate(planes, decoder, rays, fine)
    depths, order = torch.cat([coarse, fine], dim=1).sort(dim=1)
    result = quadrature.composite(depths, torch.cat([known, more], dim=1).gather(1, order))
    shares = torch.zeros_like(depths).scatter(1, order, result.shares)
    seen = (shares[..., None] * torch.cat([colour, more_colour], dim=1)).sum(1)
    return tuple(part.unflatten(0, rays.end.shape) for part in (seen, result.depth, result.weight))


def _evaluate(
    planes: Float[Tensor, "N 3 C R R"], decoder: nn.Module, rays: RaySegments, depths: Float[Tensor, "all samples"]
) -> tuple[Float[Tensor, "all samples"], Float[Tensor, "all samples 3"]]:
    """Raw density, -inf outside the box, and colour."""
    along = depths.unflatten(0, rays.end.shape)[..., None]  # (N, rays, samples, 1)
    points = rays.origins[:, :, None] + along * rays.directions[:, :, None]
    raw = raw_at(planes, decoder, points.flatten(1, 2)).view(*depths.shape, 4)
    outside = (depths > rays.end.flatten()[:, None]) | ~rays.hit.flatten()[:, None]
    return raw[..., 0].masked_fill(outside, -torch.inf), activate(raw).colour


def _packed(
    march: Callable[[Field, Course], Marched],
    field: Field,
    skimmed: Float[Tensor, "N cells cells cells"],
    rays: RaySegments,
    offsets: Float[Tensor, "N rays coarse"],
    quantiles: Float[Tensor, "N rays fine"],
) -> Seen:
    shape, flat = rays.end.shape, rays.flat()
    with torch.no_grad():
        of = torch.arange(shape[0], dtype=torch.int32, device=flat.end.device).repeat_interleave(shape[1])
        depths = quadrature.coarse_depths(flat.start, flat.end, offsets.flatten(0, 1))
        known = _known(skimmed, of, flat, depths)
        found = (known.amax(1) == torch.inf).nonzero()[:, 0]  # the host waits
        flat, of, depths, known = (each[found] for each in (flat, of, depths, known))
        course = Course(flat.origins, flat.directions, of, depths, known)
        quantiles = quantiles.flatten(0, 1)[found].sort(1).values
        fine, bins = quadrature.fine_samples(depths, march(field, course).weights, quantiles)
        place, more = quadrature.places(depths, fine, bins), _known(skimmed, of, flat, fine)
        merged = (
            torch.empty_like(place, dtype=depths.dtype).scatter_(1, place, torch.cat(pair, dim=1))
            for pair in ((depths, fine), (known, more))
        )
        course = Course(*course[:3], *merged)
    seen = march(field, course)[:3]
    nothing = (0.0, torch.nan, 0.0)
    return tuple(
        part.new_full((shape.numel(), *part.shape[1:]), value).index_put((found,), part).unflatten(0, shape)
        for part, value in zip(seen, nothing, strict=True)
    )


def _known(skimmed: Tensor, of: Tensor, rays: RaySegments, depths: Tensor) -> Float[Tensor, "rays samples"]:
    """Raw density where it needs no decoder, -inf outside the box, else inf."""
    within = torch.minimum(depths, rays.end[:, None])
    inside = (depths <= rays.end[:, None]) & rays.hit[:, None]
    return skimmed_along(skimmed, rays.origins, rays.directions, within, of).masked_fill(~inside, -torch.inf)


def march_plainly(field: Field, course: Course) -> Marched:
    """What the samples add up to, by operations that autograd knows."""
    density, lost = course.known, torch.zeros_like(course.depths[:, 0])
    decoded = []
    for first in range(0, density.shape[1], BLOCK):
        block, since = slice(first, first + BLOCK), slice(max(first - 1, 0), first + BLOCK)
        with torch.no_grad():
            needed = (course.known[:, block] == torch.inf) & (lost < -math.log(DARK))[:, None]
            ray, sample = needed.nonzero().T  # the host waits
            sample = sample + first
            points = course.depths[ray, sample, None] * course.directions[ray] + course.origins[ray]
        raw = _raw(field, points, course.of[ray]).to(density.dtype)  # autocast has made it smaller
        density = density.index_put((ray, sample), raw[:, 0])
        lost += quadrature.absorption(course.depths[:, since], density.detach()[:, since])
        decoded.append((ray, sample, raw))
    density = density.masked_fill(density == torch.inf, -torch.inf)  # in the dark
    ray, sample, raw = (torch.cat(parts) for parts in zip(*decoded, strict=True))
    result = quadrature.composite(course.depths, density)
    shown = result.shares[ray, sample, None] * colour_of(raw[:, 1:])
    colour = shown.new_zeros(len(density), 3).index_add(0, ray, shown)
    return Marched(colour, *result[1:])


def _raw(field: Field, points: Float[Tensor, "points 3"], of: Int[Tensor, "points"]) -> Float[Tensor, "points 4"]:
    """Raw density and colour; the backward pass computes what enters each layer again."""

    def raw(points: Tensor, of: Tensor) -> Tensor:
        return field.tail(lookup(field.table, points, of))

    parts = zip(points.split(CUDA_TILE), of.split(CUDA_TILE), strict=True)
    if torch.is_grad_enabled():
        return torch.cat([checkpoint(raw, *part, use_reentrant=False, preserve_rng_state=False) for part in parts])
    return torch.cat([raw(*part) for part in parts])
