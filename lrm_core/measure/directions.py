"""How much renders change along directions in the space of triplanes, and along which they change most (E10)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf, sqrt
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lrm_core.measure.geometry import matter_texels
from lrm_core.measure.metrics import by_band
from lrm_core.measure.oracles import Images, OracleCache, OracleConfig, Planes, both_planes, heldout_views
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.render import render_views
from lrm_core.spectral.bands import pooled_shares
from lrm_core.spectral.jacobian import Leading, Linearised, captured_share, effective_dimension, expected_spread
from lrm_core.spectral.response import RESPONSE_BANDS


@dataclass(frozen=True)
class Surroundings:
    """A triplane whose neighbourhood is looked at.

    Its `render` takes planes to images, differentiably; with a generator after them samples are drawn at random.
    """

    render: Callable[..., Images]
    planes: Planes  # T_ref of an object
    residual: Planes  # T_pred - T_ref, the direction in which the encoder errs
    mask: Bool[Tensor, "3 r r"]  # texels that points in matter read
    before: Images  # renders of the planes without jitter


class Changes(NamedTuple):
    """How far the images move along each of several directions: mean absolute and root mean square, (directions,)."""

    l1: Float[Tensor, "directions"]
    rms: Float[Tensor, "directions"]


def object_surroundings(
    model: LRM,
    item: RenderedObject,
    config: OracleConfig,
    views: int,
    resolution: int,
    seed: int,
    cache: OracleCache | None,
) -> Surroundings:
    """The neighbourhood of the oracle from T_pred in held-out views of at most `resolution` pixels a side."""
    seen, (predicted, reference) = heldout_views(item, views), both_planes(model, item, config, seed, cache)
    cameras, size = seen.cameras.to(reference.device), min(resolution, seen.images.shape[-1])
    samples = model.config.rendering_samples_per_ray

    def render(planes: Planes, jitter: torch.Generator | None = None) -> Images:
        options = {"samples_per_ray": samples, "jitter": jitter}
        return render_views(planes[None], model.decoder, cameras[None], size, **options).rgb[0]

    with torch.no_grad():
        before = render(reference)
    return Surroundings(render, reference, predicted - reference, matter_texels(model, reference), before)


@torch.no_grad()
def changes(place: Surroundings, directions: Iterable[Planes]) -> Changes:
    """What each direction changes, without jitter."""
    return changes_from(place.before, (place.render(place.planes + step) for step in directions))


def changes_from(before: Images, after: Iterable[Images]) -> Changes:
    """How far each of several renders is from one."""
    rows = [(moved.abs().mean(), moved.square().mean().sqrt()) for moved in (image - before for image in after)]
    return Changes(*torch.tensor(rows).T)


def summary(values: Float[Tensor, "directions"]) -> dict[str, float | None]:
    """Mean, standard deviation, and spread = one over the other; None where it is not defined."""
    mean = float(values.mean())
    std = float(values.std()) if len(values) > 1 else None
    return {"mean": mean, "std": std, "spread": std / mean if mean and std is not None else None}


def summaries(found: Changes) -> dict[str, Any]:
    """`summary` of both measures."""
    return {name: summary(values) for name, values in found._asdict().items()}


def ratio(top: float, bottom: float) -> float | None:
    """top / bottom, None where bottom is 0."""
    return top / bottom if bottom else None


def leading_summary(
    place: Surroundings, around: Linearised, leading: Leading, norm: float, random: float
) -> dict[str, Any]:
    """What the leading directions of the renderer are, and what steps of this norm along them change.

    `around` is the renderer to first order there, `random` the mean rms change along random directions of this norm.

    Returns:
        gains: singular values as rms change of the images per unit norm; changes: measured rms change of a step;
        over_random: of the first one, measured; touched: share of their power in the texels that matter reads;
        bands: share of their power in low, mid and high; captured: share of the residual's power along them (power),
        and of its squared first-order change of the images (image).
    """
    values, directions = leading.values, leading.directions
    moved = changes(place, norm * directions).rms
    power = directions.square()
    shares = pooled_shares(directions.flatten(0, 1), (*RESPONSE_BANDS[:-1], inf))
    along = captured_share(place.residual, directions, values)
    return {
        "gains": values / sqrt(place.before.numel()),
        "changes": moved,
        "over_random": ratio(float(moved[0]), random),
        "touched": float((power * place.mask[:, None]).sum() / power.sum()),
        "bands": by_band(shares.tolist()),
        "captured": {
            "power": captured_share(place.residual, directions),
            "image": ratio(along, float(around.jvp(place.residual).square().sum())),
        },
    }


def linear_summary(place: Surroundings, leading: Leading, norm: float, random: float) -> dict[str, Any]:
    """What the moments of all singular values say of random directions, whose measured mean rms change is `random`.

    Returns:
        inputs, outputs: numbers of the planes and of the images; effective_dimension of the Jacobian, and the
        expected_spread of random directions that follows from it; gain: rms change per unit norm along random
        directions; over_measured: what that makes of a step, over the measured change.
    """
    inputs, outputs = place.planes.numel(), place.before.numel()
    squares, fourths = leading.squares, leading.fourths
    gain, dimension = sqrt(squares / inputs / outputs), effective_dimension(squares, fourths)
    return {
        "inputs": inputs,
        "outputs": outputs,
        "effective_dimension": dimension,
        "expected_spread": expected_spread(min(dimension, inputs), inputs) if dimension else None,
        "gain": gain,
        "over_measured": ratio(gain * norm, random),
    }
