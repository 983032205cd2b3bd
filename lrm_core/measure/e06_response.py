"""E6, response of decoder and renderer to noise of one band in the planes (claim C3; audit A5)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lrm_core.canonical import blank
from lrm_core.measure.geometry import matter_texels
from lrm_core.measure.metrics import BANDS, by_band
from lrm_core.measure.oracles import Images, InViews, OracleCache, Planes, both_planes, heldout_views, render_images
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.spectral import lookup_response, response
from lrm_core.spectral.response import RESPONSE_BANDS, mask_leakage, response_shares, response_slope

Mask = Bool[Tensor, "3 r r"]
Render = Callable[[Planes], Images]


@dataclass(frozen=True)
class DecoderResponse(InViews):
    """Configuration of E6."""

    bins: int = 10  # equally wide, from 0 to 1 x Nyquist
    views: int = 4
    published_std: float = 0.5  # of the published noise, in units of the planes
    # Std of the audited noise, over that of each channel in the texels that matter reads.
    levels: tuple[float, ...] = (0.05, 0.15, 0.5)
    level: float = 0.15  # of the verdict, measured around T_pred too and in every draw; one of `levels`
    draws: int = 4  # of the noise, at least 2; the other levels see the first one only

    def bin_words(self, index: int) -> str:
        """The frequencies of a bin."""
        return f"{self.edges[index]:g} to {self.edges[index + 1]:g}"

    @property
    def edges(self) -> tuple[float, ...]:
        """Of the bins, in x Nyquist."""
        return tuple(index / self.bins for index in range(self.bins + 1))


@torch.no_grad()
def run(model: LRM, item: RenderedObject, config: DecoderResponse, seed: int, cache: OracleCache) -> dict[str, Any]:
    """H(f) around T_ref (oracle from T_pred) and around T_pred, as published and with the controls.

    The draws of the noise are the same everywhere, so that places and levels are compared on equal noise.

    Returns:
        published: `response_summary` around T_ref, noise of the published std in all texels;
        audited: reference (T_ref) and predicted (T_pred), each as `audited_summary`;
        sweep: around T_ref, lists over the levels: level, response (of each bin), per_bin (ratio), slope;
        lookup: `response_summary` of bilinear lookup alone, which falls too.
    """
    predicted, reference = both_planes(model, item, config.oracle, seed, cache)
    render, noise = views_renderer(model, item, config.views), torch.Generator().manual_seed(seed)
    around = {
        name: (planes, matter_texels(model, planes))
        for name, planes in {"reference": reference, "predicted": predicted}.items()
    }
    published = response(reference, render, config.edges, config.published_std, config.draws, noise)
    lookup = lookup_response(reference.shape[-1], config.edges)
    return {
        "published": response_summary(published, config.edges),
        "audited": {name: audited_summary(render, *of, config, seed) for name, of in around.items()},
        "sweep": level_sweep(render, *around["reference"], config, seed),
        "lookup": response_summary(lookup[None], config.edges),
    }


def views_renderer(model: LRM, item: RenderedObject, views: int) -> Render:
    """Renders of planes (3, C, R, R) in held-out views, as (views, 3, H, W); raises as `heldout_views`."""
    seen = heldout_views(item, views)
    return lambda planes: render_images(model, planes, seen.cameras, seen.images.shape[-1])


def audited_summary(render: Render, planes: Planes, mask: Mask, config: DecoderResponse, seed: int) -> dict[str, Any]:
    """H of noise that the renderer can see, at the level of the verdict, in every draw.

    Returns:
        `response_summary`, with touched, the share of texels in the mask, and leakage, the share of the noise
        that the mask moves out of each of the bins and out of each of the bands (`mask_leakage`).
    """
    h = touched_response(render, planes, mask, config, config.level, config.draws, seed)
    return response_summary(h, config.edges) | {
        "touched": float(mask.float().mean()),
        "leakage": _leakage(mask, config.edges),
    }


def level_sweep(
    render: Render, planes: Planes, mask: Mask, config: DecoderResponse, seed: int
) -> dict[str, list[Any]]:
    """H at every level, in one draw of the noise, the same one at each: lists over the levels."""
    responses = (touched_response(render, planes, mask, config, level, 1, seed) for level in config.levels)
    rows = [response_summary(h, config.edges) for h in responses]
    found = {name: [row[name] for row in rows] for name in ("response", "slope")}
    return found | {"level": list(config.levels), "per_bin": [row["ratio"]["per_bin"] for row in rows]}


def touched_response(
    render: Render, planes: Planes, mask: Mask, config: DecoderResponse, level: float, draws: int, seed: int
) -> Float[Tensor, "draws bins"]:
    """`response` to noise in the texels of the mask, its std `level` times each channel's own in those texels.

    Zero where the mask is empty: there is nothing to add noise to.
    """
    if not mask.any():
        return torch.zeros(draws, config.bins)
    own = torch.stack([plane[:, inside].std(-1, correction=0) for plane, inside in zip(planes, mask, strict=True)])
    noise = torch.Generator().manual_seed(seed)
    return response(planes, render, config.edges, level * own, draws, noise, mask)


def response_summary(h: Float[Tensor, "draws bins"], edges: tuple[float, ...]) -> dict[str, Any]:
    """What is kept of a response: of its mean over the draws, and the standard deviation between draws.

    Returns:
        response: mean change of the images per unit of noise in each bin; bin_shares: over its sum;
        shares: of the sum in low, mid and high, as published; per_bin: the same from the mean bin of each;
        ratio: bands (low over high of `shares`, published 1.49), per_bin (of `per_bin`, published 1.98) and
            first_over_last (bin, published 2.4), three readings of one H (audit A5);
        slope: of ln H over f, in 1 / Nyquist;
        spread: response, ratio and slope, between draws; None for a single draw.
        None throughout unless the images answer in every bin.
    """
    if not (h > 0).all():
        return blank(response_summary(torch.ones_like(h), edges))
    mean = h.mean(0)
    return {
        "response": mean.tolist(),
        "bin_shares": (mean / mean.sum()).tolist(),
        "shares": by_band(response_shares(mean, edges).tolist()),
        "per_bin": by_band(response_shares(mean, edges, per_bin=True).tolist()),
        "ratio": {name: float(value) for name, value in _ratios(mean, edges).items()},
        "slope": float(response_slope(mean, edges)),
        "spread": {
            "response": h.std(0).tolist() if len(h) > 1 else None,
            "ratio": {name: _spread(values) for name, values in _ratios(h, edges).items()},
            "slope": _spread(response_slope(h, edges)),
        },
    }


def _leakage(mask: Mask, edges: tuple[float, ...]) -> dict[str, Any]:
    if not mask.any():
        return {"bins": None, "bands": dict.fromkeys(BANDS)}
    bins, bands = (mask_leakage(mask, radii).tolist() for radii in (edges, RESPONSE_BANDS))
    return {"bins": bins, "bands": by_band(bands)}


def _ratios(h: Float[Tensor, "*lead bins"], edges: tuple[float, ...]) -> dict[str, Float[Tensor, "*lead"]]:
    shares, per_bin = (response_shares(h, edges, per_bin=flag) for flag in (False, True))
    return {
        "bands": shares[..., 0] / shares[..., -1],
        "per_bin": per_bin[..., 0] / per_bin[..., -1],
        "first_over_last": h[..., 0] / h[..., -1],
    }


def _spread(values: Float[Tensor, "draws"]) -> float | None:
    return float(values.std()) if len(values) > 1 else None
