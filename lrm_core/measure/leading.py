"""The leading directions of the renderer around a triplane, and what they say of the residual (E10)."""

from math import inf, sqrt
from typing import Any, NamedTuple

import torch

from lrm_core.measure.directions import Surroundings, changes, ratio
from lrm_core.measure.metrics import by_band
from lrm_core.spectral import RESPONSE_BANDS, pooled_shares
from lrm_core.spectral.jacobian import (
    Leading,
    Linearised,
    captured_share,
    effective_dimension,
    expected_spread,
    leading_directions,
    linearise,
)


class FirstOrder(NamedTuple):
    """Products with the render Jacobian around a triplane, and its leading directions."""

    around: Linearised
    leading: Leading


def first_order(
    place: Surroundings, rank: int, oversample: int, iterations: int, draws: torch.Generator
) -> FirstOrder:
    """The renderer to first order, its samples held where they are, decomposed by `leading_directions`.

    Where the samples of a ray lie depends on the densities, and the renderer does not differentiate that: the
    Jacobian is that of its images with the samples fixed. How far this is from measured changes is in the record.
    """
    around, how = linearise(place.render, place.planes), {"oversample": oversample, "iterations": iterations}
    return FirstOrder(around, leading_directions(around.jvp, around.vjp, place.planes, rank, draws, **how))


def leading_summary(place: Surroundings, found: FirstOrder, norm: float, random: float) -> dict[str, Any]:
    """What the leading directions are, and what steps of this norm along them change.

    Args:
        random: mean rms change along random directions of this norm.

    Returns:
        gains: singular values as rms change of the images per unit norm; changes: measured rms change of a step;
        over_random: of the first one, measured; touched: share of their power in the texels that matter reads;
        bands: share of their power in low, mid and high; captured: share of the residual's power along them (power),
        and of its squared first-order change of the images (image).
    """
    values, directions = found.leading.values, found.leading.directions
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
            "image": ratio(along, float(found.around.jvp(place.residual).square().sum())),
        },
    }


def linear_summary(place: Surroundings, found: FirstOrder, norm: float, random: float) -> dict[str, Any]:
    """What the moments of all singular values say of random directions.

    Args:
        random: mean rms change along random directions of this norm, measured.

    Returns:
        inputs, outputs: numbers of the planes and of the images; effective_dimension of the Jacobian, and the
        expected_spread of random directions that follows from it; gain: rms change per unit norm along random
        directions; over_measured: what that makes of a step, over the measured change.
    """
    inputs, outputs = place.planes.numel(), place.before.numel()
    squares, fourths = found.leading.squares, found.leading.fourths
    gain, dimension = sqrt(squares / inputs / outputs), effective_dimension(squares, fourths)
    return {
        "inputs": inputs,
        "outputs": outputs,
        "effective_dimension": dimension,
        "expected_spread": expected_spread(min(dimension, inputs), inputs) if dimension else None,
        "gain": gain,
        "over_measured": ratio(gain * norm, random),
    }
