"""E11, calibration: what scaling and shifting the channels of T_pred makes of its error, in planes and in images."""

from math import sqrt
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from lrm_core.canonical import blank
from lrm_core.measure.correction_scores import Scene, object_scene
from lrm_core.measure.geometry import matter_texels
from lrm_core.measure.oracles import InViews, OracleCache
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.spectral.corrections import (
    KINDS,
    Calibration,
    Moments,
    calibrate,
    moments,
    parameters,
    removed_share,
    unrelated,
)


@torch.no_grad()
def run(model: LRM, item: RenderedObject, config: InViews, seed: int, cache: OracleCache) -> dict[str, Any]:
    """`calibrations` of T_pred to the oracle from it, in held-out views."""
    scene = object_scene(model, item, config, seed, cache)
    return calibrations(scene, matter_texels(model, scene.predicted - scene.residual))


def calibrations(scene: Scene, mask: Bool[Tensor, "3 r r"]) -> dict[str, Any]:
    """Scores of T_pred calibrated to T_ref; the mask has the texels that points in matter read.

    Returns:
        predicted: scores of the renders of T_pred;
        everywhere: `fitted` over all texels, as published;
        matter: the same over the texels of the mask, whose share is touched; None throughout without any;
        moments: matter, from which the calibrations of other objects can be judged without their triplanes.
    """
    predicted, reference = scene.predicted, scene.predicted - scene.residual
    everywhere = fitted(scene, moments(predicted, reference))
    inside = moments(predicted, reference, mask) if mask.flatten(1).any(1).all() else None
    matter = fitted(scene, inside) if inside else blank(everywhere)
    matter["touched"] = float(mask.float().mean())
    return {
        "predicted": scene.scores(scene.before),
        "everywhere": everywhere,
        "matter": matter,
        "moments": {"matter": {name: values.tolist() for name, values in vars(inside).items()}} if inside else {},
    }


def fitted(scene: Scene, m: Moments) -> dict[str, Any]:
    """Every kind of calibration from these moments.

    Returns:
        For each kind `calibration_scores`, with parameters, its number of them, and unrelated, the share that the
        same fit would remove of an error of that size which is unrelated to the reference.
    """
    null, channels = unrelated(m), scene.predicted.shape[1]
    return {
        kind: calibration_scores(scene, m, calibrate(m, kind))
        | {"parameters": parameters(kind, channels), "unrelated": removed_share(null, calibrate(null, kind))}
        for kind in KINDS
    }


def calibration_scores(scene: Scene, m: Moments, calibration: Calibration) -> dict[str, Any]:
    """What one calibration removes.

    Returns:
        removed: share of the squared residual over the texels of the moments;
        images: scores of the renders of T_pred calibrated; even: those of T_pred moved straight towards T_ref until
            the same share of the squared residual is gone, the same step without a preference;
        scale, offset: mean over the channels, and spread (standard deviation) of the scale.
    """
    removed = removed_share(m, calibration)
    step = 1 - sqrt(max(1 - (removed or 0.0), 0.0))
    calibrated = scene.predicted - calibration.apply(scene.predicted)
    return {
        "removed": removed,
        "images": scene.scores(scene.corrected(calibrated)),
        "even": scene.scores(scene.corrected(step * scene.residual)),
        "scale": {"mean": float(calibration.scale.mean()), "std": float(calibration.scale.std(correction=0))},
        "offset": float(calibration.offset.mean()),
    }
