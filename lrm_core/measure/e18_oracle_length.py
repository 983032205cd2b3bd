"""E18, how far an oracle is fitted: what is measured against it after fewer and after more steps.

Every length is a fit of its own, with the whole schedule of the learning rate. Beside them stands a fit at the
published learning rate.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch

from lrm_core.fit.oracle import PUBLISHED_EPS, PUBLISHED_LR
from lrm_core.measure.correction_scores import gathered
from lrm_core.measure.e01_oracle import quality
from lrm_core.measure.e05_residual_spectrum import noise_floor, shares_summary
from lrm_core.measure.metrics import BANDS
from lrm_core.measure.oracles import OnOracles, OracleCache, oracle, predicted_planes
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject


@dataclass(frozen=True)
class OracleLength(OnOracles):
    """Configuration of E18.

    Attributes:
        oracle: the fit whose length is changed.
        factors: lengths, over that of the fit.
    """

    factors: tuple[float, ...] = (0.125, 0.25, 0.5, 1)
    definition: int = 2

    @property
    def lengths(self) -> list[int]:
        """Steps of each fit."""
        return [max(1, round(factor * self.oracle.iterations)) for factor in self.factors]


@torch.no_grad()
def run(model: LRM, item: RenderedObject, config: OracleLength, seed: int, cache: OracleCache) -> dict[str, Any]:
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
