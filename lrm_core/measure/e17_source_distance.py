"""What the encoder is told of its distance: what a wrong one does (E17, audit A9), and which one suits a model.

The published pipeline told the encoder a distance of 2.0 whatever the true one was, so part of the residual may
be an error of scale. E17 tells the encoder a wrong distance on purpose. The ten-minute test asks which distance makes
renders nearest to the object, without an oracle: a model that was trained on the told distance is nearest when it is
told the true one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.canonical import blank
from lrm_core.measure import oracles
from lrm_core.measure.correction_scores import gathered, make_scene
from lrm_core.measure.e05_residual_spectrum import shares_summary
from lrm_core.measure.finetuning import EVALUATION_VIEWS
from lrm_core.measure.metrics import mean_scores, relative_extent
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject, Source
from lrm_core.profiles import TOLD
from lrm_core.render.cameras import Views
from lrm_core.spectral import split_residual

TRUE = 1.0
FACTORS = (0.7, 0.8, 0.85, 0.9, 0.95, TRUE, 1.05, 1.1, 1.15, 1.25, 1.4)  # of the ten-minute test


@dataclass(frozen=True)
class SourceDistance(oracles.InViews):
    """Configuration of E17: what the encoder is told, over the true distance (one is 1), and the published cutoff.

    The cutoff lies between the low and the high band, in x Nyquist.
    """

    factors: tuple[float, ...] = (0.8, 0.9, TRUE, 1.1, 1.25)
    cutoff: float = 0.3


@torch.no_grad()
def run(
    model: LRM, item: RenderedObject, config: SourceDistance, seed: int, cache: oracles.OracleCache
) -> dict[str, Any]:
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
    seen = oracles.heldout_views(item, config.views)
    masks = item.masks[oracles.split_views(item)[1][: config.views]]
    right = told_planes(model, item, TRUE)
    reference = oracles.oracle(model, item, "predicted", config.oracle, seed, cache).planes
    size = float((right - right.mean((-2, -1), keepdim=True)).norm())
    rows = []
    for factor in config.factors:
        planes, known = told_planes(model, item, factor), (seen, size, config.cutoff)
        row = {"residual": _error(model, planes, reference, *known)}
        mismatch = _error(model, planes, right, *known) if factor != TRUE else blank(row["residual"])
        drawn = oracles.render_planes(model, planes, seen.cameras, seen.images.shape[-1])
        images = mean_scores(drawn.rgb.cpu(), seen.images, ("l1", "psnr"))
        images["area"] = float(drawn.weight.mean()) / float(masks.mean())
        rows.append(row | {"manufactured": mismatch, "images": images})
    return {"factors": list(config.factors)} | gathered(rows, list)


def told_planes(model: LRM, item: RenderedObject, factor: float) -> oracles.Planes:
    """T_pred, (3, C, R, R), of an encoder that is told `factor` times the distance of view 0."""
    return oracles.predicted_planes(model, replace(item, source=Source(told=factor)))


def _error(
    model: LRM, planes: oracles.Planes, target: oracles.Planes, seen: Views, size: float, cutoff: float
) -> dict[str, float | None]:
    """Size, spectrum and band corrections of planes - target."""
    scene = make_scene(lambda field: oracles.render_like(model, field, seen), planes, target, seen.images)
    shares = shares_summary(scene.residual)
    found: dict[str, float | None] = {"relative_size": float(scene.residual.norm()) / size}
    for measure in ("published", "power"):
        found |= {f"{measure}_{band}": shares[measure][band] for band in ("low", "high")}
    for band, part in split_residual(scene.residual, cutoff)._asdict().items():
        scores = scene.scores(scene.corrected(part))
        found |= {f"{band}_to_{name}": scores[name]["improvement"] for name in scene.targets}
    return found


@dataclass(frozen=True)
class Extent:
    """Configuration of the extent: the views that are looked at, those of them that the object has."""

    views: tuple[int, ...] = EVALUATION_VIEWS
    definition: int = 1


@torch.no_grad()
def run_extent(model: LRM, item: RenderedObject, config: Extent, seed: int, *_: Any) -> dict[str, Any]:
    """Size and error of the renders of T_pred.

    Returns:
        told: distance told over the true one; extent: of the renders over that of the true views, mean over views;
        l1, and psnr in dB, to the true views.
    """
    seen = item.views([view for view in config.views if view < len(item.images)])
    drawn = oracles.render_like(model, oracles.predicted_planes(model, item), seen)
    return {
        "told": item.source.told,
        "extent": relative_extent(drawn, seen.images),
        **mean_scores(drawn, seen.images, ("l1", "psnr")),
    }


@torch.no_grad()
def told_rows(model: LRM, item: RenderedObject) -> Iterator[dict[str, Any]]:
    """Size and error of held-out renders for each distance that the encoder is told, and for the published 2.0.

    Yields:
        For each, as soon as it is measured: object; distance of view 0, in world units; told, over that;
        published, whether it is 2.0 over the distance; l1 to the true views, mean over `EVALUATION_VIEWS`; and
        extent, the size of the silhouettes (coverage above one half) over that of the true ones, None where nothing
        covers a pixel.

    ValueError if the images do not have the model's source size or a multiple of it, or show only the source.
    """
    item = item.averaged(model.config.source_size)
    views = [view for view in EVALUATION_VIEWS if view < len(item.images)]
    if not views:
        raise ValueError(f"{item.name}: expected a view beside the source to compare with, found none")
    seen, true = item.views(views), _silhouettes(item.masks[views])
    distance = float(item.poses[0, :, 3].norm())
    for told, published in (*((factor, False) for factor in FACTORS), (TOLD / distance, True)):
        drawn = oracles.render_planes(model, told_planes(model, item, told), seen.cameras, seen.images.shape[-1])
        yield {
            "object": item.name,
            "distance": distance,
            "told": told,
            "published": published,
            "l1": mean_scores(drawn.rgb.cpu(), seen.images, ["l1"])["l1"],
            "extent": relative_extent(_silhouettes(drawn.weight.cpu()), true),
        }


def _silhouettes(coverage: Float[Tensor, "views 1 h w"]) -> oracles.Images:
    """Black where more than half is covered, on white."""
    return 1 - (coverage > 0.5).float().expand(-1, 3, -1, -1)


def best_told(table: pd.DataFrame) -> dict[str, float | None]:
    """What should be told about one object, over its true distance, by its rows of `told_rows`.

    Returns:
        l1: where a parabola in log told, through the least error and its neighbours, is least; extent: where the
        size of the renders passes that of the object, by a line between neighbours in the logarithms. None where
        that is beyond the distances that were told, or nothing was drawn.
    """
    told = table.loc[~table["published"]].sort_values("told")
    place = np.log(told["told"].to_numpy(dtype=float))
    return {
        "l1": _least(place, told["l1"].to_numpy(dtype=float)),
        "extent": _crossing(place, np.log(told["extent"].to_numpy(dtype=float))),
    }


def _least(place: np.ndarray, value: np.ndarray) -> float | None:
    """exp of where the parabola through the least value and its neighbours is least; None at an end."""
    at = int(value.argmin())
    if at in (0, len(value) - 1):
        return None
    bend, slope, _ = np.polyfit(place[at - 1 : at + 2] - place[at], value[at - 1 : at + 2], 2)
    return float(np.exp(place[at] - slope / (2 * bend)))


def _crossing(place: np.ndarray, value: np.ndarray) -> float | None:
    """exp of the crossing of 0 upwards that is nearest to place 0; None if there is none."""
    rises = [k for k in range(len(value) - 1) if value[k] <= 0 < value[k + 1]]
    found = [float(np.interp(0, value[k : k + 2], place[k : k + 2])) for k in rises]
    return float(np.exp(min(found, key=abs))) if found else None
