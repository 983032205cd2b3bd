"""E17, what a wrong source distance does by itself (audit A9).

The published pipeline told the encoder a distance of 2.0 whatever the true one was, so part of the residual may
be an error of scale. Here the encoder is told a wrong distance on purpose.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch

from lrm_core.measure.correction_scores import gathered, make_scene
from lrm_core.measure.e05_residual_spectrum import shares_summary
from lrm_core.measure.metrics import image_l1
from lrm_core.measure.oracles import (
    InViews,
    OracleCache,
    Planes,
    heldout_views,
    oracle,
    predicted_planes,
    render_like,
    render_planes,
    split_views,
)
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject, Source
from lrm_core.render.quality import psnr
from lrm_core.render.views import Views
from lrm_core.spectral import split_residual

TRUE = 1.0


@dataclass(frozen=True)
class SourceDistance(InViews):
    """Configuration of E17.

    Attributes:
        factors: what the encoder is told, over the true distance; one of them is 1.
        cutoff: between the low and the high band, in x Nyquist, as published.
    """

    factors: tuple[float, ...] = (0.8, 0.9, TRUE, 1.1, 1.25)
    cutoff: float = 0.3


@torch.no_grad()
def run(model: LRM, item: RenderedObject, config: SourceDistance, seed: int, cache: OracleCache) -> dict[str, Any]:
    """The residual of predictions that were told each distance, and the part that the mismatch alone makes.

    Returns:
        factors: as configured; then lists over them:
        residual: of T_pred(told) - T_ref, with T_ref from the prediction at the true distance: relative_size
            (norm over that of T_pred at the true distance less its channel means), the published and the power
            share of the low and of the high band, and what removing the low or the high band improves, to
            renders of T_ref and to ground truth;
        manufactured: the same sizes and shares of T_pred(told) - T_pred(true), and what removing its low or high
            band improves in renders towards those of T_pred(true); None at the true distance;
        images: l1 and psnr (dB) of the renders to ground truth, and area: the coverage of the renders over that
            of the truth.
    """
    seen = heldout_views(item, config.views)
    masks = item.masks[split_views(item)[1][: config.views]]
    right = told_planes(model, item, TRUE)
    reference = oracle(model, item, "predicted", config.oracle, seed, cache).planes
    size = float((right - right.mean((-2, -1), keepdim=True)).norm())
    rows = []
    for factor in config.factors:
        planes, known = told_planes(model, item, factor), (seen, size, config.cutoff)
        row = {"residual": _error(model, planes, reference, *known)}
        mismatch = _error(model, planes, right, *known) if factor != TRUE else dict.fromkeys(ENTRIES)
        rows.append(row | {"manufactured": mismatch, "images": _images(model, planes, seen, float(masks.mean()))})
    return {"factors": list(config.factors)} | gathered(rows, list)


def told_planes(model: LRM, item: RenderedObject, factor: float) -> Planes:
    """T_pred, (3, C, R, R), of an encoder that is told `factor` times the distance of view 0."""
    return predicted_planes(model, replace(item, source=Source(told=factor)))


ENTRIES = (
    *("relative_size", "published_low", "published_high", "power_low", "power_high"),
    *("low_to_reference", "high_to_reference", "low_to_truth", "high_to_truth"),
)


def _error(
    model: LRM, planes: Planes, target: Planes, seen: Views, size: float, cutoff: float
) -> dict[str, float | None]:
    """Size, spectrum and band corrections of planes - target, by the names of `ENTRIES`."""
    scene = make_scene(lambda field: render_like(model, field, seen), planes, target, seen.images)
    shares = shares_summary(scene.residual)
    found: dict[str, float | None] = {"relative_size": float(scene.residual.norm()) / size}
    for measure in ("published", "power"):
        found |= {f"{measure}_{band}": shares[measure][band] for band in ("low", "high")}
    for band, part in split_residual(scene.residual, cutoff)._asdict().items():
        scores = scene.scores(scene.corrected(part))
        found |= {f"{band}_to_{name}": scores[name]["improvement"] for name in scene.targets}
    return {name: found[name] for name in ENTRIES}


def _images(model: LRM, planes: Planes, seen: Views, true_area: float) -> dict[str, float]:
    """How far renders are from the truth, and how large they are."""
    drawn = render_planes(model, planes, seen.cameras, seen.images.shape[-1])
    images = drawn.rgb.cpu()
    return {
        "l1": float(image_l1(images, seen.images).mean()),
        "psnr": float(psnr(images, seen.images).mean()),
        "area": float(drawn.weight.mean()) / true_area,
    }
