"""E4, error of surface that the source sees and of surface that it does not (claim C7; audit A18)."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from lrm_core.measure.oracles import InViews, OracleCache
from lrm_core.measure.surface import (
    DEPTH_TOLERANCE,
    SurfacePoints,
    SurfaceScene,
    matter_surface,
    seen_surface,
    surface_scene,
)
from lrm_core.measure.visibility import angle_between, angle_curve, shuffled_ratio, split_errors
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject


@dataclass(frozen=True)
class Visibility(InViews):
    """Configuration of E4.

    Attributes:
        views: at most so many held-out views show the surface.
        controls: at most so many other views take the place of the source.
        shuffles: random deals of the labels.
    """

    controls: int = 8
    shuffles: int = 20


@torch.no_grad()
def run(model: LRM, item: RenderedObject, config: Visibility, seed: int, cache: OracleCache) -> dict[str, Any]:
    """Error of hidden over that of visible surface, as published and on surface that images show.

    Returns:
        published: `surface_splits` of all points in matter of T_ref, T_pred's colour against T_ref's; with
            outside, the same for the outermost of these points, and matter_outside, their share;
        audited: `audited_splits`.
    """
    scene = surface_scene(model, item, config.oracle, config.views, config.controls, seed, cache)
    points, outside = matter_surface(model, scene)
    published = surface_splits(points, "reference") | {
        "outside": surface_splits(points.chosen(outside), "reference"),
        "matter_outside": float(outside.float().mean()) if len(outside) else None,
    }
    return {"published": published, "audited": audited_splits(model, scene, config, seed)}


def surface_splits(surface: SurfacePoints, error: str) -> dict[str, Any]:
    """One error of a surface, split by visibility and by angle.

    Returns:
        sight: `split_errors` by the line of sight of the source; normals: by whether the surface faces it, of
        the points whose normal is known; angle: `angle_curve`.
    """
    values, known = surface.errors[error], surface.cosine.isfinite()
    return {
        "sight": split_errors(values, surface.hidden),
        "normals": split_errors(values[known], surface.cosine[known] <= 0),
        "angle": angle_curve(values, surface.cosine),
    }


def audited_splits(model: LRM, scene: SurfaceScene, config: Visibility, seed: int) -> dict[str, Any]:
    """Errors of the images on the surface that held-out views show, and what they are compared with.

    Returns:
        reference, truth: `surface_splits` of renders of T_pred, against those of T_ref and against ground truth;
        oracle: of renders of T_ref against ground truth: T_ref was fitted from all sides, so what is worse in
            it on hidden surface is harder, not unseen;
        field: of the colour that T_pred has at the surface, whatever its density, against ground truth;
        shuffled: `shuffled_ratio` of the error against ground truth;
        cameras: `other_cameras`;
        labels: `label_agreement`.
    """
    seen = seen_surface(model, scene)
    generator = torch.Generator().manual_seed(seed)
    return {name: surface_splits(seen, name) for name in seen.errors} | {
        "shuffled": shuffled_ratio(seen.errors["truth"], seen.hidden, config.shuffles, generator),
        "cameras": other_cameras(scene, seen),
        "labels": label_agreement(scene, seen),
    }


def other_cameras(scene: SurfaceScene, seen: SurfacePoints) -> dict[str, Any]:
    """The ratio when a view that was not the source takes its place, by its depth buffer.

    Such a camera knows nothing about the prediction, but it splits the same surface into patches like those that
    the source splits it into.

    Returns:
        angle: between the directions to that view and to the source, in degrees, the source itself first (0);
        ratio: hidden over visible, error against ground truth;
        source: the first of the ratios; mean: of the others; above: share of the others that are below it.
        None, in the list or in all, where a ratio is not defined.
    """
    error, eyes = seen.errors["truth"], scene.geometry.cameras[:, 3:12:4]
    views = [0, *scene.controls]
    hidden = (scene.geometry.hidden_from(view, seen.points, DEPTH_TOLERANCE) for view in views)
    ratios = [split_errors(error, labels)["ratio"] for labels in hidden]
    others = [ratio for ratio in ratios[1:] if ratio is not None]
    return {
        "angle": [angle_between(eyes[view], eyes[0]) for view in views],
        "ratio": ratios,
        "source": ratios[0],
        "mean": sum(others) / len(others) if others else None,
        "above": sum(r < ratios[0] for r in others) / len(others) if others and ratios[0] else None,
    }


def label_agreement(scene: SurfaceScene, seen: SurfacePoints) -> dict[str, Any]:
    """Where the labels come from, and how many of them two other ways would have given alike.

    Returns:
        true: whether they are those of the true object; depth_buffer: share that agrees with the source's depth
        map, with its pixels and tolerance; reference: with the depth maps of T_ref; points: how many.
        None without points.
    """
    own = scene.own.visible[1 : 1 + len(scene.masks)][scene.shown()]
    by_depth = scene.geometry.hidden_from(0, seen.points, DEPTH_TOLERANCE)
    return {
        "true": scene.geometry.true,
        "depth_buffer": _share(by_depth == seen.hidden),
        "reference": _share(own != seen.hidden),
        "points": len(seen),
    }


def _share(which: Bool[Tensor, "n"]) -> float | None:
    return float(which.float().mean()) if len(which) else None
