"""E1, oracle triplane: PSNR of T_pred and of the oracle from each start, in training and held-out views."""

from dataclasses import dataclass
from typing import Any

import torch

from lrm_core.measure.geometry import matter_texels
from lrm_core.measure.oracles import (
    STARTS,
    OnOracles,
    OracleCache,
    Planes,
    oracle,
    predicted_planes,
    render_like,
    split_views,
)
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.render.quality import psnr


@dataclass(frozen=True)
class OracleQuality(OnOracles):
    """Configuration of E1; history_points is how much of each fit's history is kept."""

    history_points: int = 21


@torch.no_grad()
def quality(model: LRM, planes: Planes, item: RenderedObject) -> dict[str, float]:
    """Mean PSNR against ground truth, in dB, over the training and over the held-out views."""
    parts = zip(("train_psnr", "heldout_psnr"), map(item.views, split_views(item)), strict=True)
    return {name: float(psnr(render_like(model, planes, of), of.images).mean()) for name, of in parts}


def run(model: LRM, item: RenderedObject, config: OracleQuality, seed: int, cache: OracleCache) -> dict[str, Any]:
    """PSNR of T_pred and of the oracle from each start; the null oracle is scored like the others.

    Returns:
        predicted, start_predicted, start_random, start_null, each with train_psnr and heldout_psnr (dB); the
        oracles also with their history and the share of texels that points in matter read.
    """
    result: dict[str, Any] = {"predicted": quality(model, predicted_planes(model, item), item)}
    for start in STARTS:
        fitted = oracle(model, item, start, config.oracle, seed, cache)
        result[f"start_{start}"] = quality(model, fitted.planes, item) | {
            "matter_share": float(matter_texels(model, fitted.planes).float().mean()),
            "history": {name: thin(values, config.history_points) for name, values in fitted.history.items()},
        }
    after, before = (result[name]["heldout_psnr"] for name in ("start_predicted", "predicted"))
    return result | {"gain_heldout_psnr": after - before}


def thin(values: list[float], points: int) -> list[float]:
    """At most so many of the values, evenly spaced, first and last included."""
    if len(values) <= points:
        return values
    return [values[round(k * (len(values) - 1) / (points - 1))] for k in range(points)]
