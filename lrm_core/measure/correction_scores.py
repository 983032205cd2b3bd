"""What corrections of a prediction are worth: renders of T_pred less a part of its residual (E8, E9), or calibrated.

Calibration (E11) scales and shifts the channels of T_pred.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from lrm_core.canonical import blank
from lrm_core.measure.geometry import matter_texels
from lrm_core.measure.metrics import mean_scores
from lrm_core.measure.oracles import Images, InViews, OracleCache, Planes, both_planes, heldout_views, render_like
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.spectral import corrections
from lrm_core.spectral.corrections import Calibration, Moments, calibrate, removed_share

Render = Callable[[Planes], Images]
Scores = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Scene:
    """A prediction to be corrected, and the images by which that is judged.

    The `targets` are "reference", renders of T_ref (published), and "truth", ground truth (audit A18).
    """

    render: Render
    predicted: Planes  # T_pred
    residual: Planes  # dT = T_pred - T_ref
    targets: dict[str, Images]
    before: Images  # renders of T_pred

    def corrected(self, part: Planes) -> Images:
        """Renders (views, 3, H, W) of T_pred less a part of its residual; of T_ref for the whole of it."""
        return self.render(self.predicted - part)

    def scores(self, images: Images) -> Scores:
        """Means over the views, for each target.

        Returns:
            {target: {l1, psnr in dB, improvement}}, where improvement = 1 - L1 / L1 of T_pred: 1 is no error
            left, 0 is as before, below 0 is worse.
        """
        found = {}
        for name, target in self.targets.items():
            found[name] = mean_scores(images, target, ("l1", "psnr"))
            found[name]["improvement"] = 1 - found[name]["l1"] / mean_scores(self.before, target, ("l1",))["l1"]
        return found

    def detailed_scores(self, images: Images) -> Scores:
        """`scores` with ssim and lpips, which take as long as rendering."""
        found = self.scores(images)
        return {name: found[name] | mean_scores(images, of, ("ssim", "lpips")) for name, of in self.targets.items()}


def make_scene(render: Render, predicted: Planes, reference: Planes, truth: Images) -> Scene:
    """Render T_pred (`predicted`) and T_ref, and keep what corrections are measured by.

    ValueError if T_ref has another shape than T_pred or the ground truth another than the renders; if the renders of
    T_pred equal a target, so that no improvement is defined.
    """
    before = render(predicted)
    for name, found, expected in (("T_ref", reference, predicted), ("ground truth", truth, before)):
        if found.shape != expected.shape:
            raise ValueError(f"expected {name} of shape {tuple(expected.shape)}, found {tuple(found.shape)}")
    targets = {"reference": render(reference), "truth": truth}
    for name, target in targets.items():
        if torch.equal(before, target):
            raise ValueError(f"expected renders of T_pred that differ from {name}, found equal ones")
    return Scene(render, predicted, predicted - reference, targets, before)


def object_scene(model: LRM, item: RenderedObject, config: InViews, seed: int, cache: OracleCache | None) -> Scene:
    """The scene of an object in held-out views: T_ref is the oracle from T_pred.

    Raises as `heldout_views` and `make_scene`.
    """
    seen, both = heldout_views(item, config.views), both_planes(model, item, config.oracle, seed, cache)
    return make_scene(lambda planes: render_like(model, planes, seen), *both, seen.images)


def gathered(rows: Sequence[Any], how: Callable[[list[Any]], Any]) -> Any:
    """Nested dictionaries of the same keys as one: each entry is `how` of that entry of all rows."""
    if isinstance(rows[0], dict):
        return {name: gathered([row[name] for row in rows], how) for name in rows[0]}
    return how(list(rows))


def improvements(scores: dict[str, Scores], target: str) -> dict[str, float]:
    """The improvement of every correction against one target."""
    return {name: found[target]["improvement"] for name, found in scores.items()}


@torch.no_grad()
def run_calibration(
    model: LRM, item: RenderedObject, config: InViews, seed: int, cache: OracleCache
) -> dict[str, Any]:
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
    everywhere = fitted(scene, corrections.moments(predicted, reference))
    inside = corrections.moments(predicted, reference, mask) if mask.flatten(1).any(1).all() else None
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
    null, channels = corrections.unrelated(m), scene.predicted.shape[1]
    sizes = {kind: corrections.parameters(kind, channels) for kind in corrections.KINDS}
    return {
        kind: calibration_scores(scene, m, calibrate(m, kind))
        | {"parameters": size, "unrelated": removed_share(null, calibrate(null, kind))}
        for kind, size in sizes.items()
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
