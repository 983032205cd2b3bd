"""Only samples where something is, until nothing shines through: few operations for all objects, as a GPU wants.

The host waits for the GPU only where the data decide a size: once for the rays that meet anything, and in plain torch
once for the samples of each block of the coarse and of all samples: 6 waits for 96 samples a ray, 1 with the kernels
of `fused`, for each chunk of rays.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from lrm_core.model.decoder import colour_of
from lrm_core.render.dense import in_chunks
from lrm_core.render.field import CUDA_TILE, Field
from lrm_core.render.lookup import lookup
from lrm_core.render.occupancy import skimmed_along
from lrm_core.render.quadrature import absorption, coarse_depths, composite, fine_samples, places
from lrm_core.render.rays import RaySegments
from lrm_core.render.walk import DARK

BLOCK = 32  # samples of a ray that are evaluated between two looks at whether it still sees anything
CHUNK_SAMPLES = 2**23  # at a time; with more in all, the backward pass renders each chunk again


class Course(NamedTuple):
    """Samples along rays."""

    # origins and directions: of the rays
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


def render_packed(
    field: Field,
    skimmed: Float[Tensor, "N cells cells cells"],
    rays: RaySegments,
    samples_per_ray: int,
    jitter: torch.Generator | None = None,
    *,
    fused: bool = False,
) -> tuple[Float[Tensor, "N rays 3"], Float[Tensor, "N rays"], Float[Tensor, "N rays"]]:
    """Colour without background, depth (NaN where nothing absorbs) and weight of each ray.

    Args:
        field: of N triplanes.
        skimmed: raw density of the cells where no sample needs the decoder, inf elsewhere (`skimmed_of`).
        rays: (N, rays), as many for each triplane.
        samples_per_ray: even; half coarse, half fine.
        jitter: draws the sample positions; None is the deterministic quadrature.
        fused: by the kernels of `fused`, in float32 and with a gradient that cannot be differentiated.
    """
    march = march_plainly
    if fused:
        from lrm_core.render.fused import march  # needs triton, which comes with torch for CUDA
    return in_chunks(partial(_render, march, field, skimmed), rays, samples_per_ray, jitter, CHUNK_SAMPLES)


def _render(
    march: Callable[[Field, Course], Marched],
    field: Field,
    skimmed: Float[Tensor, "N cells cells cells"],
    rays: RaySegments,
    offsets: Float[Tensor, "N rays coarse"],
    quantiles: Float[Tensor, "N rays fine"],
) -> tuple[Float[Tensor, "N rays 3"], Float[Tensor, "N rays"], Float[Tensor, "N rays"]]:
    shape, flat = rays.end.shape, rays.flat()
    with torch.no_grad():
        of = torch.arange(shape[0], dtype=torch.int32, device=flat.end.device).repeat_interleave(shape[1])
        depths = coarse_depths(flat.start, flat.end, offsets.flatten(0, 1), offsets.shape[-1])
        known = _known(skimmed, of, flat, depths)
        found = (known.amax(1) == torch.inf).nonzero()[:, 0]  # the host waits
        flat, of, depths, known = (each[found] for each in (flat, of, depths, known))
        course = Course(flat.origins, flat.directions, of, depths, known)
        fine, bins = fine_samples(depths, march(field, course).weights, quantiles.flatten(0, 1)[found].sort(1).values)
        place, more = places(depths, fine, bins), _known(skimmed, of, flat, fine)
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
        lost += absorption(course.depths[:, since], density.detach()[:, since])
        decoded.append((ray, sample, raw))
    density = density.masked_fill(density == torch.inf, -torch.inf)  # in the dark
    ray, sample, raw = (torch.cat(parts) for parts in zip(*decoded, strict=True))
    result = composite(course.depths, density)
    shown = result.shares[ray, sample, None] * colour_of(raw[:, 1:])
    colour = shown.new_zeros(len(density), 3).index_add(0, ray, shown)
    return Marched(colour, result.depth, result.weight, result.weights)


def _raw(field: Field, points: Float[Tensor, "points 3"], of: Int[Tensor, "points"]) -> Float[Tensor, "points 4"]:
    """Raw density and colour; the backward pass computes what enters each layer again."""

    def raw(points: Tensor, of: Tensor) -> Tensor:
        return field.tail(lookup(field.table, points, of))

    parts = zip(points.split(CUDA_TILE), of.split(CUDA_TILE), strict=True)
    if torch.is_grad_enabled():
        return torch.cat([checkpoint(raw, *part, use_reentrant=False, preserve_rng_state=False) for part in parts])
    return torch.cat([raw(*part) for part in parts])
