"""E18, how far an oracle is fitted: what is measured against it after fewer and after more steps.

Every length is a fit of its own, with the whole schedule of the learning rate. Beside them stands a fit at the
published learning rate.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.fit.oracle import PUBLISHED_EPS, PUBLISHED_LR
from lrm_core.measure.e01_oracle import quality
from lrm_core.measure.e05_residual_spectrum import noise_floor, shares_summary
from lrm_core.measure.metrics import BANDS
from lrm_core.measure.oracles import OracleCache, OracleConfig, oracle, predicted_planes
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject

Planes = Float[Tensor, "3 c r r"]


@dataclass(frozen=True)
class OracleLength:
    """Configuration of E18.

    Attributes:
        oracle: the fit whose length is changed.
        factors: lengths, over that of the fit.
    """

    oracle: OracleConfig = field(default_factory=OracleConfig)
    factors: tuple[float, ...] = (0.125, 0.25, 0.5, 1)
    definition: int = 2

    @property
    def lengths(self) -> list[int]:
        """Steps of each fit."""
        return [max(1, round(factor * self.oracle.iterations)) for factor in self.factors]


@torch.no_grad()
def run(
    model: LRM, item: RenderedObject, config: OracleLength, seed: int, cache: OracleCache | None = None
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
        oracles = (oracle(model, item, start, fit, seed, cache).planes for start in ("predicted", "null"))
        return _row(model, item, predicted, *oracles)

    rows = [row(iterations=steps) for steps in lengths]
    slow = row(lr=PUBLISHED_LR, eps=PUBLISHED_EPS)
    found = {name: [row[name] for row in rows] for name in ("train_psnr", "heldout_psnr", *DISPLACEMENTS)}
    found["missing"] = [found["heldout_psnr"][-1] - score for score in found["heldout_psnr"]]
    shares = {part: {name: [row[part][name] for row in rows] for name in rows[0][part]} for part in SPECTRA}
    slow["missing"] = found["heldout_psnr"][-1] - slow["heldout_psnr"]
    return {"steps": lengths} | found | shares | {"published_rate": slow}


DISPLACEMENTS = ("displacement", "null_displacement")
SPECTRA = ("published", "power", "floor")


def _row(
    model: LRM, item: RenderedObject, predicted: Planes, reference: Planes, null_reference: Planes
) -> dict[str, Any]:
    """What one length gives, from the oracle and the null oracle."""
    residual, null = predicted - reference, predicted - null_reference
    sizes = dict(zip(DISPLACEMENTS, (float(residual.norm()), float(null.norm())), strict=True))
    floor = noise_floor(null, residual) if residual.any() else dict.fromkeys((*BANDS, "all"))
    return quality(model, reference, item) | sizes | shares_summary(residual) | {"floor": floor}
