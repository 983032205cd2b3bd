"""Predictions less a part of their residual: by bands (E8, claim C4) and inside the low band (E9, claim C6).

The amplification of E7 follows from E8 (claim C5; audit A3, A4).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf, sqrt
from statistics import fmean
from typing import Any

import torch

from lrm_core.measure.correction_scores import Scene, Scores, gathered, improvements, make_scene, object_scene
from lrm_core.measure.e04_visibility import surface_splits
from lrm_core.measure.oracles import Images, InViews, OracleCache, Planes, heldout_views, render_like
from lrm_core.measure.surface import matter_surface, surface_scene
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.spectral import published_shares, random_part, split_residual, structured_low
from lrm_core.spectral.bands import pooled_shares
from lrm_core.spectral.corrections import channel_means, count_numbers, matched_noise

Bands = dict[str, float]


@dataclass(frozen=True)
class BandCorrection(InViews):
    """Configuration of E8: radii in x Nyquist at which the residual is split, and draws of each random correction.

    At the published one, of the claims, SSIM and LPIPS are measured too.
    """

    cutoffs: tuple[float, ...] = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
    published_cutoff: float = 0.3
    control_draws: int = 2
    definition: int = 2


@torch.no_grad()
def run(model: LRM, item: RenderedObject, config: BandCorrection, seed: int, cache: OracleCache) -> dict[str, Any]:
    """`band_corrections` by the oracle from T_pred in held-out views."""
    return band_corrections(object_scene(model, item, config, seed, cache), config, seed)


def band_corrections(scene: Scene, config: BandCorrection, seed: int) -> dict[str, Any]:
    """Scores of T_pred less a band of its residual, less a random part of it, or less noise, of the same power.

    Returns:
        predicted, oracle: scores of the renders of T_pred and of T_ref, with SSIM and LPIPS;
        corrections: the same for low, high, control_low, control_high, random_low and random_high at the published
            cutoff;
        margin: improvement of low minus that of high, of control_low, and of random_low, per target;
        share: of the residual at the published cutoff, as `residual_shares`;
        amplification: as `amplifications` at the published cutoff; published_mixture, where those same
            improvements are divided by the amplitude shares of [0, 0.15) and [0.4, 1) (audit A3), with the
            flat_ratio by that definition;
        sweep: cutoff, and lists over it of the scores (without SSIM and LPIPS), share and amplification.
    """
    generator = torch.Generator().manual_seed(seed)
    rows: list[dict[str, Any]] = []
    images = {"predicted": scene.before, "oracle": scene.targets["reference"]}
    result: dict[str, Any] = {name: scene.detailed_scores(seen) for name, seen in images.items()}
    for cutoff in config.cutoffs:
        renders = corrected_renders(scene, cutoff, config.control_draws, generator)
        scores = _averaged(scene.scores, renders)
        share = residual_shares(scene.residual, cutoff)
        rows.append(scores | {"share": share, "amplification": amplifications(scores, share["power"])})
        if cutoff == config.published_cutoff:
            renders |= random_renders(scene, cutoff, config.control_draws, seed)
            result |= _at_published_cutoff(scene.residual, _averaged(scene.detailed_scores, renders), share)
    return result | {"sweep": {"cutoff": config.cutoffs} | gathered(rows, list)}


def corrected_renders(scene: Scene, cutoff: float, draws: int, generator: torch.Generator) -> dict[str, list[Images]]:
    """Renders (views, 3, H, W) of T_pred less each band, one entry; less `draws` controls of each band."""
    bands = {"low": (0.0, cutoff), "high": (cutoff, inf)}
    parts = split_residual(scene.residual, cutoff)
    renders = {name: [scene.corrected(part)] for name, part in parts._asdict().items()}
    for name, band in bands.items():
        noises = (matched_noise(scene.residual, band, generator) for _ in range(draws))
        renders[f"control_{name}"] = [scene.corrected(noise) for noise in noises]
    return renders


def random_renders(scene: Scene, cutoff: float, draws: int, seed: int) -> dict[str, list[Images]]:
    """Renders (views, 3, H, W) of T_pred less random parts of its residual, as powerful as each band."""
    whole, generator = scene.residual.square().sum((-2, -1)), torch.Generator().manual_seed(seed + 1)
    renders = {}
    for name, part in split_residual(scene.residual, cutoff)._asdict().items():
        share = (part.square().sum((-2, -1)) / whole).nan_to_num(0).clamp(0, 1)
        parts = (random_part(scene.residual, share, generator) for _ in range(draws))
        renders[f"random_{name}"] = [scene.corrected(part) for part in parts]
    return renders


def residual_shares(residual: Planes, cutoff: float) -> dict[str, Bands]:
    """Share of the residual below and from a cutoff on, corners included.

    Returns:
        power: low and high share of the squared norm; amplitude: of sum |DFT|, as published (audit A1).
    """
    edges = (0.0, cutoff, inf)
    return {
        "power": low_high(*pooled_shares(residual, edges).tolist()),
        "amplitude": low_high(*published_shares(residual, edges).mean(0).tolist()),
    }


def amplifications(scores: Mapping[str, Scores], power: Bands) -> dict[str, Any]:
    """`amplification` at one cutoff per share of the power, against reference and truth; and flat_ratio."""
    found = {target: amplification(improvements(scores, target), power) for target in ("reference", "truth")}
    return found | {"flat_ratio": amplification(flat_improvement(power), power)["ratio"]}


def amplification(improvement: Mapping[str, float], share: Bands) -> dict[str, float | None]:
    """How much more a share of the residual improves the renders in the low band than in the high one.

    With the yield of a band = improvement / share (method E7):

    Returns:
        ratio: yield of low over that of high (published: 30 to 50); None unless both bands improve;
        low_minus_twice_high: the difference that is above 0 where the ratio exceeds 2, defined also where a
            correction harms. Both None if a share is 0.
    """
    if not (share["low"] and share["high"]):
        return {"ratio": None, "low_minus_twice_high": None}
    low, high = (improvement[band] / share[band] for band in ("low", "high"))
    return {"ratio": low / high if min(low, high) > 0 else None, "low_minus_twice_high": low - 2 * high}


def flat_improvement(power: Bands) -> Bands:
    """Improvements in a flat renderer, one that prefers no band: L1 goes with the root of the power left.

    Divided by the shares p and 1 - p of the power they have the ratio (1 + sqrt p) / (1 + sqrt(1 - p)),
    between 1/2 and 2; divided by other shares (audit A3) it can be anything.
    """
    return {band: 1 - sqrt(max(1 - share, 0.0)) for band, share in power.items()}


def _at_published_cutoff(residual: Planes, scores: dict[str, Scores], share: dict[str, Bands]) -> dict[str, Any]:
    low_below_015, _, high_above_04 = published_shares(residual).mean(0).tolist()
    mixed = low_high(low_below_015, high_above_04)
    mixture = amplification(improvements(scores, "reference"), mixed)
    mixture["flat_ratio"] = amplification(flat_improvement(share["power"]), mixed)["ratio"]
    improved = {target: improvements(scores, target) for target in scores["low"]}
    return {
        "corrections": scores,
        "margin": {
            f"low_minus_{name}": {target: of["low"] - of[other] for target, of in improved.items()}
            for name, other in (("high", "high"), ("control", "control_low"), ("random", "random_low"))
        },
        "share": share,
        "amplification": amplifications(scores, share["power"]) | {"published_mixture": mixture},
    }


def _averaged(score: Callable[[Images], Scores], renders: Mapping[str, list[Images]]) -> dict[str, Scores]:
    return {name: gathered([score(images) for images in drawn], fmean) for name, drawn in renders.items()}


def low_high(low: float, high: float) -> Bands:
    """Two values by the names of their bands."""
    return {"low": low, "high": high}


@dataclass(frozen=True)
class LowBand(InViews):
    """Configuration of E9: `cutoff`, the end of the low band in x Nyquist, as published."""

    cutoff: float = 0.3


@torch.no_grad()
def run_low_band(model: LRM, item: RenderedObject, config: LowBand, seed: int, cache: OracleCache) -> dict[str, Any]:
    """`low_band` by the oracle from T_pred in held-out views."""
    return low_band(object_scene(model, item, config, seed, cache), config.cutoff)


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


def corrections(residual: Planes, cutoff: float) -> dict[str, tuple[Planes, int]]:
    """dc, structured_low, low (the two together), high and all of a residual (3, C, R, R), each with its numbers.

    ValueError if the residual has another shape, or the cutoff is not a positive radius in x Nyquist.
    """
    low, high = split_residual(residual, cutoff)
    dc = channel_means(residual)
    in_low = count_numbers(residual, (0.0, cutoff))
    return {
        "dc": (dc.expand_as(residual), dc.numel()),
        "structured_low": (structured_low(residual, cutoff), in_low - dc.numel()),
        "low": (low, in_low),
        "high": (high, count_numbers(residual, (cutoff, inf))),
        "all": (residual, residual.numel()),
    }


@dataclass(frozen=True)
class VirtualQuality(InViews):
    """Configuration of better models without training: values of a, 0 is the prediction itself; the published cutoff.

    The cutoff is the end of the low band, in x Nyquist.
    """

    nearer: tuple[float, ...] = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
    cutoff: float = 0.3


@torch.no_grad()
def run_virtual(
    model: LRM, item: RenderedObject, config: VirtualQuality, seed: int, cache: OracleCache
) -> dict[str, Any]:
    """The numbers of C4 to C7 of predictions that are nearer and nearer to the oracle: T_pred + a (T_ref - T_pred).

    The residual of such a prediction is (1 - a) times the residual: its shares, and so C2, stay what they are, and
    what is measured around the oracle (C3, C8) or between oracles (C1) does not see the prediction at all.

    Returns:
        nearer; and lists over it: psnr and lpips of held-out renders to the truth; of e08_band_correction,
        e09_low_band and e04_visibility what their own records hold of the published definitions.
    """
    surface = surface_scene(model, item, config.oracle, config.views, 0, seed, cache)
    seen = heldout_views(item, config.views)
    once = BandCorrection(cutoffs=(config.cutoff,), published_cutoff=config.cutoff, control_draws=1)
    rows = []
    for nearer in config.nearer:
        planes = surface.predicted - nearer * (surface.predicted - surface.reference)
        moved = make_scene(lambda planes: render_like(model, planes, seen), planes, surface.reference, seen.images)
        points, _ = matter_surface(model, replace(surface, predicted=planes))
        bands = band_corrections(moved, once, seed)
        rows.append(
            {name: bands["predicted"]["truth"][name] for name in ("psnr", "lpips")}
            | {
                "e08_band_correction": {name: bands[name] for name in ("corrections", "amplification")},
                "e09_low_band": {"corrections": low_band(moved, config.cutoff)["corrections"]},
                "e04_visibility": {"published": {"sight": surface_splits(points, "reference")["sight"]}},
            }
        )
    return {"nearer": config.nearer} | gathered(rows, list)
