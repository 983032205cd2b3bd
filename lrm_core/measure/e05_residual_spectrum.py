"""E5, spectrum of the residual T_pred - T_ref (claim C2; audit A1, A2, A15)."""

from dataclasses import dataclass
from math import inf
from typing import Any

import torch

from lrm_core.measure.geometry import matter_texels
from lrm_core.measure.metrics import BANDS, by_band
from lrm_core.measure.oracles import OnOracles, OracleCache, Planes, oracle, predicted_planes
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.spectral import PUBLISHED_EDGES, bands, published_shares

AUDITED_EDGES = (*PUBLISHED_EDGES[:-1], inf)
BIN_EDGES = tuple(k / 10 for k in range(11))  # those of the decoder's response


@dataclass(frozen=True)
class ResidualSpectrum(OnOracles):
    """Configuration of E5: how T_ref is fitted. The bands are the published ones."""

    definition: int = 2


@torch.no_grad()
def run(model: LRM, item: RenderedObject, config: ResidualSpectrum, seed: int, cache: OracleCache) -> dict[str, Any]:
    """Spectra of the residual to the oracle from T_pred, to that from a random start, and to the null oracle.

    Returns:
        predicted, random, null: each as `spectrum_summary`, with `matter`, the shares of the residual in the
        texels that matter reads (zero elsewhere), and `relative_size`, its RMS over that of T_pred less
        its channel means;
        floor: power of the null residual over that of the predicted one, in all and per band;
        white_noise: what the published and the power shares are for a flat spectrum;
        invisible_dc: share of the power of the residual's channel means that the decoder cannot see.
    """
    predicted = predicted_planes(model, item)
    size = (predicted - predicted.mean((-2, -1), keepdim=True)).square().mean()
    residuals: dict[str, Planes] = {}
    result: dict[str, Any] = {}
    for start in ("predicted", "random", "null"):
        fitted = oracle(model, item, start, config.oracle, seed, cache)
        residuals[start] = predicted - fitted.planes
        result[start] = spectrum_summary(residuals[start]) | {
            "relative_size": float((residuals[start].square().mean() / size).sqrt()),
            "matter": shares_summary(residuals[start] * matter_texels(model, fitted.planes)[:, None]),
        }
    return result | {
        "floor": noise_floor(residuals["null"], residuals["predicted"]),
        "white_noise": {
            measure: by_band(bands.power_law_shares(predicted.shape[-1], 0.0, edges).tolist())
            for measure, edges in (("published", PUBLISHED_EDGES), ("power", AUDITED_EDGES))
        },
        "invisible_dc": invisible_dc_share(residuals["predicted"], model),
    }


def shares_summary(residual: Planes) -> dict[str, Any]:
    """Published amplitude shares (mean over planes) and audited power shares (all planes, corners in high).

    None throughout if the residual is zero.
    """
    if not residual.any():
        return {measure: dict.fromkeys((*BANDS, "high_minus_low")) for measure in ("published", "power")}
    published = published_shares(residual).mean(0).tolist()
    power = bands.pooled_shares(residual, AUDITED_EDGES).tolist()
    return {
        "published": by_band(published) | {"high_minus_low": published[2] - published[0], "sum": sum(published)},
        "power": by_band(power) | {"high_minus_low": power[2] - power[0]},
    }


def spectrum_summary(residual: Planes) -> dict[str, Any]:
    """Everything about the spectrum of one residual.

    Returns:
        published, power: as `shares_summary`;
        bins: share of the amplitude, mean over planes, in each tenth up to Nyquist (method E7);
        density: mean power of a mode in each band, and that of the high over the low band;
        profile: mean power of a mode in each ring up to Nyquist, over channels and planes;
        amplitude_profile: the same for |DFT|, as published;
        power_law: exponent and r2 of the profile's fit, and the published shares that such a law has;
        block_grid: share of power inside 2 x 2 blocks (audit A15);
        dc: share of power in the channel means; rms: root mean square.
    """
    size = residual.shape[-1]
    profile = bands.radial_profile(residual).mean((0, 1)).cpu()
    summary: dict[str, Any] = shares_summary(residual) | {
        "profile": profile,
        "amplitude_profile": bands.radial_profile(residual, "amplitude").mean((0, 1)),
        "rms": float(residual.square().mean().sqrt()),
    }
    if not residual.any():
        return summary | {"bins": None, "density": None, "power_law": None, "block_grid": None, "dc": None}
    density = bands.mode_density(residual, AUDITED_EDGES).mean((0, 1)).tolist()
    law = bands.fit_power_law(profile, size)
    law_shares = bands.power_law_shares(size, law.exponent, PUBLISHED_EDGES, "amplitude")
    dc = float(size**2 * residual.mean((-2, -1)).square().sum() / residual.square().sum())
    return summary | {
        "bins": published_shares(residual, BIN_EDGES).mean(0),
        "density": by_band(density) | {"high_over_low": density[2] / density[0]},
        "power_law": {"exponent": law.exponent, "r2": law.r2, "published": by_band(law_shares.tolist())},
        "block_grid": _block_grid(residual),
        "dc": dc,
    }


def noise_floor(null: Planes, residual: Planes) -> dict[str, float]:
    """Power of the null residual over that of the true one: of everything, and within each band."""
    found, whole = (bands.band_totals(part, AUDITED_EDGES).sum((0, 1)) for part in (null, residual))
    ratios = by_band((found / whole).tolist())
    return ratios | {"all": float(null.square().sum() / residual.square().sum())}


def invisible_dc_share(residual: Planes, model: LRM) -> float | None:
    """Share of the power of the channel means (3C numbers) in the null space of the decoder's first layer.

    Constants in that space change no image: the first layer reads 3C channels into fewer hidden units.
    None if the means are zero.
    """
    means = residual.mean((-2, -1)).flatten()  # (3C,)
    if not means.any():
        return None
    weight = model.decoder.net[0].weight.float()  # (hidden, 3C)
    visible = torch.linalg.pinv(weight) @ (weight @ means)
    return float((means - visible).square().sum() / means.square().sum())


def _block_grid(residual: Planes) -> float:
    power = residual.square().sum((-2, -1))
    shares = bands.block_grid_share(residual)
    return float((shares * power)[power > 0].sum() / power.sum())
