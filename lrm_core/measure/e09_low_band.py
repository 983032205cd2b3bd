"""E9, inside the low band (claim C6): the channel means against what else is low."""

from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple

import torch

from lrm_core.measure.correction_scores import Scene, improvements, object_scene
from lrm_core.measure.oracles import InViews, OracleCache, Planes
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.spectral import split_residual, structured_low
from lrm_core.spectral.corrections import channel_means, count_numbers


@dataclass(frozen=True)
class LowBand(InViews):
    """Configuration of E9.

    Attributes:
        cutoff: end of the low band in x Nyquist, as published.
    """

    cutoff: float = 0.3


class Correction(NamedTuple):
    """A part of the residual, (3, C, R, R), and how many numbers it has."""

    part: Planes
    numbers: int


@torch.no_grad()
def run(model: LRM, item: RenderedObject, config: LowBand, seed: int, cache: OracleCache) -> dict[str, Any]:
    """`low_band` by the oracle from T_pred in held-out views."""
    return low_band(object_scene(model, item, config.oracle, config.views, seed, cache), config.cutoff)


def low_band(scene: Scene, cutoff: float) -> dict[str, Any]:
    """Scores of T_pred less the channel means, the rest of the low band, both, the high band, or everything.

    Returns:
        predicted: scores of the renders of T_pred, with SSIM and LPIPS;
        corrections: the same for each of `corrections`, with its numbers and its share of the residual's power;
        margin: structured_minus_twice_dc, of the improvements against each target.
    """
    parts = corrections(scene.residual, cutoff)
    whole, scores = scene.residual.square().sum(), {}
    for name, (part, numbers) in parts.items():
        sizes = {"numbers": numbers, "power_share": float(part.square().sum() / whole)}
        scores[name] = scene.detailed_scores(scene.corrected(part)) | sizes
    improved = {target: improvements(scores, target) for target in scene.targets}
    margin = {target: of["structured_low"] - 2 * of["dc"] for target, of in improved.items()}
    return {
        "predicted": scene.detailed_scores(scene.before),
        "corrections": scores,
        "margin": {"structured_minus_twice_dc": margin},
    }


def corrections(residual: Planes, cutoff: float) -> dict[str, Correction]:
    """dc, structured_low, low (the two together), high and all of a residual (3, C, R, R).

    Raises:
        ValueError: if the residual has another shape, or the cutoff is not a positive radius in x Nyquist.
    """
    low, high = split_residual(residual, cutoff)
    dc = channel_means(residual)
    in_low = count_numbers(residual, (0.0, cutoff))
    return {
        "dc": Correction(dc.expand_as(residual), dc.numel()),
        "structured_low": Correction(structured_low(residual, cutoff), in_low - dc.numel()),
        "low": Correction(low, in_low),
        "high": Correction(high, count_numbers(residual, (cutoff, inf))),
        "all": Correction(residual, residual.numel()),
    }
