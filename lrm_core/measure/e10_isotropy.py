"""E10, isotropy (claim C8; audit A8, A16): random and band-limited directions, the residual, the leading ones."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from lrm_core.canonical import blank
from lrm_core.measure import directions
from lrm_core.measure.directions import Surroundings, changes, ratio, summaries, summary
from lrm_core.measure.oracles import InViews, OracleCache, Planes
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.spectral import jacobian
from lrm_core.spectral.jacobian import direction, with_norm


@dataclass(frozen=True)
class Isotropy(InViews):
    """Configuration of E10.

    The published definition is not without its views and pixels: where samples are drawn at random, the spread of a
    mean over pixels falls with the root of their number.
    """

    directions: int = 100  # random ones, as published
    norm: float = 0.1  # of every direction, as published; in units of the planes, over all their numbers
    still_directions: int = 24  # the first of them, without jitter and in the second reading of the norm
    views: int = 2  # at most so many held-out ones
    resolution: int = 64  # at most so many pixels along a side of their renders
    published_views: int = 8  # this and the next are the same of the published definition
    published_resolution: int = 288
    jitter_draws: int = 8  # renders of T_ref itself with samples drawn anew
    bins: int = 10  # bands of equal width from 0 to 1 x Nyquist
    bin_draws: int = 2  # directions in each
    leading: int = 8  # this and the next two are of the singular value decomposition
    oversample: int = 4
    iterations: int = 2
    norms: tuple[float, ...] = (0.1, 1.0, 10.0, 100.0)  # at which changes along a direction are compared
    definition: int = 2


@torch.no_grad()
def run(model: LRM, item: RenderedObject, config: Isotropy, seed: int, cache: OracleCache) -> dict[str, Any]:
    """`isotropy` around T_ref (oracle from T_pred) in held-out views; raises as `heldout_views`."""
    sizes = (config.views, config.resolution), (config.published_views, config.published_resolution)
    near, wide = (directions.object_surroundings(model, item, config.oracle, *size, seed, cache) for size in sizes)
    return isotropy(near, wide, config, seed)


@torch.no_grad()
def isotropy(place: Surroundings, wide: Surroundings, config: Isotropy, seed: int) -> dict[str, Any]:
    """Change of the images along directions of several kinds; `wide` is the place in the published renders.

    Changes are mean absolute (l1, as published) or root mean square (rms) over views, pixels and colours.

    Returns:
        published: `jittered` along the random directions, by the norm of all numbers together, in the renders of
            the published definition; entrywise: the same along the first of them in the renders of the audited one,
            if the published norm were meant of each number (root mean square);
        audited: random, matter (random in the texels that matter reads), bands, residual: see `still`;
        leading: as `leading_summary`; linear: as `linear_summary`;
        random_map: ratio and spread of a Gaussian random matrix of as many numbers and pixels;
        margin: leading_minus_random_map, first leading over random direction minus that ratio;
        sweep: norm, and lists over it of the rms change per unit norm along random, residual and leading.
    """
    # The renderer to first order, its samples held where they are. Where they lie depends on the densities, and the
    # renderer does not differentiate that: how far this is from measured changes is in the record.
    around, draws = jacobian.linearise(place.render, place.planes), torch.Generator().manual_seed(seed + 2)
    how = {"oversample": config.oversample, "iterations": config.iterations}
    found = jacobian.leading_directions(around.jvp, around.vjp, place.planes, config.leading, draws, **how)
    audited = still(place, config, seed)
    random = audited["random"]["rms"]["mean"]
    leading = directions.leading_summary(place, around, found, config.norm, random)
    inputs, outputs = place.planes.numel(), place.before.numel()
    ratio_of_map = jacobian.random_map_ratio(inputs, outputs)
    dimension, first = jacobian.random_map_dimension(inputs, outputs), leading["over_random"]
    return {
        "published": jittered(wide, config, seed, config.norm, config.directions),
        "entrywise": jittered(place, config, seed, config.norm * sqrt(inputs), config.still_directions),
        "audited": audited,
        "leading": leading,
        "linear": directions.linear_summary(place, found, config.norm, random),
        "random_map": {"ratio": ratio_of_map, "spread": jacobian.expected_spread(dimension, inputs)},
        "margin": {"leading_minus_random_map": None if first is None else first - ratio_of_map},
        "sweep": sweep(place, config, found.directions[0], seed),
    }


def jittered(place: Surroundings, config: Isotropy, seed: int, norm: float, count: int) -> dict[str, Any]:
    """Change along random directions as a renderer sees it that draws its samples anew for every render (audit A8).

    Returns:
        `summary` of the mean absolute change, norm, and jitter: mean change without any direction, and its share of
        the mean change with one; by_views: views, pixels, and spread of the change in the first so many views.
    """
    draws = torch.Generator().manual_seed(seed + 1)
    before = place.render(place.planes, draws)
    alone = [place.render(place.planes, draws) for _ in range(config.jitter_draws)]
    moved = (place.render(place.planes + v, draws) for v in random_directions(place, norm, count, seed))
    in_views = torch.stack([(image - before).abs().mean((1, 2, 3)) for image in moved]).cpu()
    along = summary(in_views.mean(1))
    jitter = float(directions.changes_from(before, alone).l1.mean())
    share = {"mean": jitter, "share": ratio(jitter, along["mean"])}
    return along | {"norm": norm, "jitter": share, "by_views": _by_views(in_views, before[0, 0].numel())}


def _by_views(changes_in_views: Tensor, pixels: int) -> dict[str, list[Any]]:
    """Spread over mean of changes (directions, views) in 1, 2, 4, ... of the views, of so many pixels each."""
    counts = [2**k for k in range(changes_in_views.shape[1].bit_length())]
    spreads = [summary(changes_in_views[:, :count].mean(1))["spread"] for count in counts]
    return {"views": counts, "pixels": [count * pixels for count in counts], "spread": spreads}


def still(place: Surroundings, config: Isotropy, seed: int) -> dict[str, Any]:
    """Change along directions of the published norm, with nothing drawn at random.

    Each ray has the same offsets in every render; its fine samples still follow the density, which a step changes.

    Returns:
        random, matter, bands: `summaries` over directions; of bands over all bins and draws together, with
            over_random, a list over the bins: mean rms change over that of random directions;
        residual: l1, rms and over_random along the residual at that norm; full: norm and rms of the whole residual,
            and extrapolated, what the first two make of it if the images went with the norm.
    """
    how = config.norm, config.still_directions, seed
    random = changes(place, random_directions(place, *how))
    matter = changes(place, random_directions(place, *how, place.mask)) if place.mask.any() else None
    mean = float(random.rms.mean())
    along = changes(place, [with_norm(place.residual, config.norm)])
    full, rms = float(place.residual.norm()), float(along.rms)
    whole = float(changes(place, [place.residual]).rms)
    return {
        "random": summaries(random),
        "matter": summaries(matter) if matter else blank(summaries(random)),
        "bands": _by_band(place, config, seed, mean),
        "residual": {
            "l1": float(along.l1),
            "rms": rms,
            "over_random": ratio(rms, mean),
            "full": {"norm": full, "rms": whole, "extrapolated": rms * full / config.norm},
        },
    }


def random_directions(
    place: Surroundings, norm: float, count: int, seed: int, mask: Bool[Tensor, "3 r r"] | None = None
) -> Iterator[Planes]:
    """White directions of that norm, in the texels of the mask; the first are the same for every count and norm."""
    draws = torch.Generator().manual_seed(seed)
    return (direction(place.planes, norm, draws, mask=mask) for _ in range(count))


def sweep(place: Surroundings, config: Isotropy, leading: Planes, seed: int) -> dict[str, list[float]]:
    """Rms change per unit norm along one random direction, the residual and the first leading one, at every norm."""
    (random,) = random_directions(place, 1.0, 1, seed)
    ways = {"random": random, "residual": with_norm(place.residual, 1.0), "leading": leading}
    rows = {
        name: changes(place, (norm * way for norm in config.norms)).rms / torch.tensor(config.norms)
        for name, way in ways.items()
    }
    return {"norm": list(config.norms)} | {name: values.tolist() for name, values in rows.items()}


def _by_band(place: Surroundings, config: Isotropy, seed: int, random: float) -> dict[str, Any]:
    draws, bins = torch.Generator().manual_seed(seed), config.bins
    bands = [(k / bins, (k + 1) / bins) for k in range(bins) for _ in range(config.bin_draws)]
    found = changes(place, (direction(place.planes, config.norm, draws, band=band) for band in bands))
    means = found.rms.view(bins, config.bin_draws).mean(1).tolist()
    return summaries(found) | {"over_random": [ratio(value, random) for value in means]}
