"""E2, basins (claim C1): are oracles from different starts alike as images and far apart as triplanes?"""

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lrm_core.measure import oracles
from lrm_core.measure.geometry import matter_texels, points_in_matter
from lrm_core.measure.metrics import best_scale, channel_correlation, image_l1
from lrm_core.measure.oracles import OnOracles, OracleCache, Planes, oracle, render_like
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.render.cameras import Views
from lrm_core.render.field import Field
from lrm_core.render.lookup import lookup
from lrm_core.render.quality import psnr

Triplanes = dict[str, Planes]
FEWEST_POINTS = 3  # whose features have a correlation


@dataclass(frozen=True)
class Basins(OnOracles):
    """Configuration of E2: triplanes on the line between the two oracles, ends included, and points drawn in the box.

    Of the points those in matter are compared.
    """

    path_points: int = 11
    probe_points: int = 40_000


@torch.no_grad()
def run(model: LRM, item: RenderedObject, config: Basins, seed: int, cache: OracleCache) -> dict[str, Any]:
    """Latent and image distances between T_pred, the oracle from it (predinit) and from a random start.

    Returns:
        published: channel_correlation, l1 and best_scale of each pair over all texels;
        audited: the same over the texels that matter of either oracle reads, and features_correlation, what
        is left of it behind the decoder's first layer, at points in matter of predinit;
        heldout: mean PSNR of each triplane against ground truth, PSNR and L1 between the renders of a pair;
        alike: gap, PSNR of predinit minus that of random; closeness, PSNR between their renders minus that of
        T_pred against ground truth (dB);
        path: PSNR along the line between the oracles, and how far it drops below the lower end (dB).
    """
    planes = {
        "pred": oracles.predicted_planes(model, item),
        "random": oracle(model, item, "random", config.oracle, seed, cache).planes,
        "predinit": oracle(model, item, "predicted", config.oracle, seed, cache).planes,
    }
    views = item.views(oracles.split_views(item)[1])
    heldout = image_distances(model, planes, views)
    return {
        "published": {name: latent_distance(*pair) for name, pair in _pairs(planes).items()},
        "audited": _audited(model, planes, config, seed),
        "heldout": heldout,
        "alike": {
            "gap": heldout["psnr"]["predinit"] - heldout["psnr"]["random"],
            "closeness": heldout["psnr_between"]["random_vs_predinit"] - heldout["psnr"]["pred"],
        },
        "path": linear_path(model, planes["random"], planes["predinit"], views, config.path_points),
    }


def latent_distance(a: Planes, b: Planes, mask: Bool[Tensor, "3 r r"] | None = None) -> dict[str, float | None]:
    """Mean correlation of the channels, mean absolute difference, and the scale that takes a closest to b.

    With a mask, over its texels only; None where it has none.
    """
    if mask is not None and not mask.any():
        return {"channel_correlation": None, "l1": None, "best_scale": None}
    flat = (a, b) if mask is None else [part[mask[:, None].expand_as(part)] for part in (a, b)]
    return {
        "channel_correlation": float(channel_correlation(a, b, mask).mean()),
        "l1": float((flat[0] - flat[1]).abs().mean()),
        "best_scale": best_scale(*flat),
    }


def features_at(model: LRM, planes: Planes, points: Float[Tensor, "p 3"]) -> Float[Tensor, "p h"]:
    """What the decoder's first layer hands on at each point: all that the renderer knows of the triplane."""
    return lookup(Field(planes, model.decoder).table, points)


def image_distances(model: LRM, planes: Triplanes, views: Views) -> dict[str, Any]:
    """Mean over views: PSNR against ground truth, PSNR and L1 between the renders of each pair."""
    renders = {name: render_like(model, p, views) for name, p in planes.items()}
    pairs = _pairs(renders)
    return {
        "psnr": {name: float(psnr(images, views.images).mean()) for name, images in renders.items()},
        "psnr_between": {name: float(psnr(*pair).mean()) for name, pair in pairs.items()},
        "l1_between": {name: float(image_l1(*pair).mean()) for name, pair in pairs.items()},
    }


def linear_path(model: LRM, a: Planes, b: Planes, views: Views, points: int) -> dict[str, Any]:
    """Mean PSNR against ground truth of (1 - t) a + t b; barrier = lower end minus lowest point (dB)."""
    steps = torch.linspace(0, 1, points).tolist()
    lines = (render_like(model, torch.lerp(a, b, t), views) for t in steps)
    scores = [float(psnr(images, views.images).mean()) for images in lines]
    return {"t": steps, "psnr": scores, "barrier": min(scores[0], scores[-1]) - min(scores)}


def _audited(model: LRM, planes: Triplanes, config: Basins, seed: int) -> dict[str, dict[str, float | None]]:
    mask = matter_texels(model, planes["random"]) | matter_texels(model, planes["predinit"])
    points = points_in_matter(model, planes["predinit"], config.probe_points, seed)
    between = _pairs({name: features_at(model, p, points).T[None, :, :, None] for name, p in planes.items()})
    known = len(points) >= FEWEST_POINTS
    return {
        name: latent_distance(*pair, mask)
        | {"features_correlation": float(channel_correlation(*between[name]).mean()) if known else None}
        for name, pair in _pairs(planes).items()
    }


def _pairs(of: dict[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    return {f"{a}_vs_{b}": (of[a], of[b]) for a, b in combinations(of, 2)}
