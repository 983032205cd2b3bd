"""A better model without training: predictions moved towards their oracles, T_pred + a (T_ref - T_pred)."""

from dataclasses import dataclass, replace
from typing import Any

import torch

from lrm_core.measure.correction_scores import gathered, make_scene
from lrm_core.measure.e04_visibility import surface_splits
from lrm_core.measure.e08_band_correction import BandCorrection, band_corrections, low_band
from lrm_core.measure.oracles import InViews, OracleCache, heldout_views, render_like
from lrm_core.measure.surface import matter_surface, surface_scene
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject


@dataclass(frozen=True)
class VirtualQuality(InViews):
    """Configuration: values of a, 0 is the prediction itself; the published end of the low band in x Nyquist."""

    nearer: tuple[float, ...] = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
    cutoff: float = 0.3


@torch.no_grad()
def run(model: LRM, item: RenderedObject, config: VirtualQuality, seed: int, cache: OracleCache) -> dict[str, Any]:
    """The numbers of C4 to C7 of predictions that are nearer and nearer to the oracle from T_pred.

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
