"""How good oracle triplanes are: from each start (E1), and fitted for fewer and more steps (E18).

Every length of E18 is a fit of its own, with the whole schedule of the learning rate. Beside them stands a fit at the
published learning rate.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch

from lrm_core.fit.oracle import PUBLISHED_EPS, PUBLISHED_LR
from lrm_core.measure import oracles
from lrm_core.measure.correction_scores import gathered
from lrm_core.measure.e05_residual_spectrum import noise_floor, shares_summary
from lrm_core.measure.geometry import matter_texels
from lrm_core.measure.metrics import BANDS, mean_scores
from lrm_core.measure.oracles import OnOracles, OracleCache, Planes, oracle, predicted_planes, render_like
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject


@dataclass(frozen=True)
class OracleQuality(OnOracles):
    """Configuration of E1; history_points is how much of each fit's history is kept."""

    history_points: int = 21


@torch.no_grad()
def quality(model: LRM, planes: Planes, item: RenderedObject) -> dict[str, float]:
    """Mean PSNR against ground truth, in dB, over the training and over the held-out views."""
    parts = zip(("train_psnr", "heldout_psnr"), map(item.views, oracles.split_views(item)), strict=True)
    return {name: mean_scores(render_like(model, planes, of), of.images, ["psnr"])["psnr"] for name, of in parts}


def run(model: LRM, item: RenderedObject, config: OracleQuality, seed: int, cache: OracleCache) -> dict[str, Any]:
    """PSNR of T_pred and of the oracle from each start; the null oracle is scored like the others.

    Returns:
        predicted, start_predicted, start_random, start_null, each with train_psnr and heldout_psnr (dB); the
        oracles also with their history and the share of texels that points in matter read.
    """
    result: dict[str, Any] = {"predicted": quality(model, predicted_planes(model, item), item)}
    for start in oracles.STARTS:
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


@dataclass(frozen=True)
class OracleLength(OnOracles):
    """Configuration of E18: the fit whose length is changed, and lengths over its own."""

    factors: tuple[float, ...] = (0.125, 0.25, 0.5, 1)
    definition: int = 2

    @property
    def lengths(self) -> list[int]:
        """Steps of each fit."""
        return [max(1, round(factor * self.oracle.iterations)) for factor in self.factors]


@torch.no_grad()
def run_lengths(
    model: LRM, item: RenderedObject, config: OracleLength, seed: int, cache: OracleCache
) -> dict[str, Any]:
    """Quality of oracles of several lengths, and the spectrum of the residual to each.

    Returns:
        steps: of each fit; then lists over them:
        train_psnr, heldout_psnr: of the oracle from T_pred, dB to ground truth;
        displacement: norm of T_pred - T_ref, and null_displacement: of T_pred less the null oracle;
        published, power: as `shares_summary`, and floor: as `noise_floor`, of the same two residuals;
        missing: by how many dB the longest fit beats each in held-out views;
        published_rate: all of it but the lists for a fit of the usual length with Adam as published, lr included.
    """
    predicted, lengths = predicted_planes(model, item), config.lengths

    def row(**changes: float) -> dict[str, Any]:
        fit = replace(config.oracle, **changes)
        reference, other = (oracle(model, item, start, fit, seed, cache).planes for start in ("predicted", "null"))
        residual, null = predicted - reference, predicted - other
        sizes = {"displacement": float(residual.norm()), "null_displacement": float(null.norm())}
        floor = noise_floor(null, residual) if residual.any() else dict.fromkeys((*BANDS, "all"))
        return quality(model, reference, item) | sizes | shares_summary(residual) | {"floor": floor}

    rows, slow = [row(iterations=steps) for steps in lengths], row(lr=PUBLISHED_LR, eps=PUBLISHED_EPS)
    found = gathered(rows, list)
    longest = found["heldout_psnr"][-1]
    slow["missing"] = longest - slow["heldout_psnr"]
    missing = [longest - score for score in found["heldout_psnr"]]
    return {"steps": lengths, **found, "missing": missing, "published_rate": slow}
