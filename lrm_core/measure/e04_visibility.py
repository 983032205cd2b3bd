"""E4, error of surface that the source sees and of surface that it does not (claim C7; audit A18)."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lrm_core.measure import surface
from lrm_core.measure.oracles import InViews, OracleCache
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject

ANGLE_BINS = 9  # of 20 degrees each, from facing the camera (0) over grazing (90) to facing away (180)
FEWEST = 10  # points of a bin of angles below which it has no mean


@dataclass(frozen=True)
class Visibility(InViews):
    """Configuration of E4: at most so many `controls`, other views, take the place of the source.

    `shuffles` are random deals of the labels.
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
    scene = surface.surface_scene(model, item, config.oracle, config.views, config.controls, seed, cache)
    points, outside = surface.matter_surface(model, scene)
    published = surface_splits(points, "reference") | {
        "outside": surface_splits(points.chosen(outside), "reference"),
        "matter_outside": _share(outside),
    }
    return {"published": published, "audited": audited_splits(model, scene, config, seed)}


def surface_splits(shown: surface.SurfacePoints, error: str) -> dict[str, Any]:
    """One error of a surface, split by visibility and by angle.

    Returns:
        sight: `split_errors` by the line of sight of the source; normals: by whether the surface faces it, of
        the points whose normal is known; angle: `angle_curve`.
    """
    values, known = shown.errors[error], shown.cosine.isfinite()
    return {
        "sight": split_errors(values, shown.hidden),
        "normals": split_errors(values[known], shown.cosine[known] <= 0),
        "angle": angle_curve(values, shown.cosine),
    }


def split_errors(error: Float[Tensor, "points"], hidden: Bool[Tensor, "points"]) -> dict[str, float | None]:
    """Mean error of the visible and of the hidden points, and how they compare.

    Returns:
        visible, hidden: mean errors;
        ratio: hidden over visible (published: 1.16);
        hidden_share: of the points;
        excess: share of all error that would be gone if hidden points were as good as visible ones.
        None where a group is empty, or the visible error zero.
    """
    count, away = len(error), int(hidden.sum())
    seen = float(error[~hidden].mean()) if away < count else None
    unseen = float(error[hidden].mean()) if away else None
    known = bool(seen) and unseen is not None
    return {
        "visible": seen,
        "hidden": unseen,
        "ratio": unseen / seen if known else None,
        "hidden_share": away / count if count else None,
        "excess": away / count * (unseen - seen) / float(error.mean()) if known else None,
    }


def shuffled_ratio(
    error: Float[Tensor, "points"], hidden: Bool[Tensor, "points"], draws: int, generator: torch.Generator
) -> dict[str, float | None]:
    """The ratio of `split_errors` when the labels are dealt out at random: mean and std over the draws.

    The mean is 1 for any error. The std is that of independent points; those of an object are not.
    """
    orders = (torch.randperm(len(error), generator=generator).to(hidden.device) for _ in range(draws))
    ratios = [split_errors(error, hidden[order])["ratio"] for order in orders]
    if not ratios or None in ratios:
        return {"mean": None, "std": None}
    found = torch.tensor(ratios, dtype=torch.float64)
    return {"mean": float(found.mean()), "std": float(found.std(correction=0))}


def angle_curve(error: Float[Tensor, "points"], cosine: Float[Tensor, "points"]) -> dict[str, list[Any]]:
    """Mean error against the angle between normal and camera; points whose cosine is NaN are left out.

    Returns:
        angle: middle of each bin, in degrees; error: its mean, None for fewer than `FEWEST` points;
        relative: over the mean of all points with an angle; share: of these points.
    """
    known = cosine.isfinite()
    error, angle = error[known].double(), torch.rad2deg(cosine[known].double().acos())
    width = 180 / ANGLE_BINS
    place = (angle / width).long().clamp(max=ANGLE_BINS - 1)
    count = torch.bincount(place, minlength=ANGLE_BINS)
    total = torch.bincount(place, weights=error, minlength=ANGLE_BINS)
    means = [float(t / n) if n >= FEWEST else None for t, n in zip(total, count, strict=True)]
    overall = float(error.mean()) if len(error) else 0.0
    return {
        "angle": [(k + 0.5) * width for k in range(ANGLE_BINS)],
        "error": means,
        "relative": [None if m is None or not overall else m / overall for m in means],
        "share": (count / max(len(error), 1)).tolist(),
    }


def audited_splits(model: LRM, scene: surface.SurfaceScene, config: Visibility, seed: int) -> dict[str, Any]:
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
    seen = surface.seen_surface(model, scene)
    generator = torch.Generator().manual_seed(seed)
    return {name: surface_splits(seen, name) for name in seen.errors} | {
        "shuffled": shuffled_ratio(seen.errors["truth"], seen.hidden, config.shuffles, generator),
        "cameras": other_cameras(scene, seen),
        "labels": label_agreement(scene, seen),
    }


def other_cameras(scene: surface.SurfaceScene, seen: surface.SurfacePoints) -> dict[str, Any]:
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
    hidden = (scene.geometry.hidden_from(view, seen.points, surface.DEPTH_TOLERANCE) for view in views)
    ratios = [split_errors(error, labels)["ratio"] for labels in hidden]
    cosine = torch.nn.functional.cosine_similarity(eyes[views].double(), eyes[:1].double())
    others = [ratio for ratio in ratios[1:] if ratio is not None]
    return {
        "angle": torch.rad2deg(cosine.clamp(-1, 1).acos()).tolist(),
        "ratio": ratios,
        "source": ratios[0],
        "mean": sum(others) / len(others) if others else None,
        "above": sum(r < ratios[0] for r in others) / len(others) if others and ratios[0] else None,
    }


def label_agreement(scene: surface.SurfaceScene, seen: surface.SurfacePoints) -> dict[str, Any]:
    """Where the labels come from, and how many of them two other ways would have given alike.

    Returns:
        true: whether they are those of the true object; depth_buffer: share that agrees with the source's depth
        map, with its pixels and tolerance; reference: with the depth maps of T_ref; points: how many.
        None without points.
    """
    own = scene.own.visible[1 : 1 + len(scene.masks)][scene.shown()]
    by_depth = scene.geometry.hidden_from(0, seen.points, surface.DEPTH_TOLERANCE)
    return {
        "true": scene.geometry.true,
        "depth_buffer": _share(by_depth == seen.hidden),
        "reference": _share(own != seen.hidden),
        "points": len(seen),
    }


def _share(which: Bool[Tensor, "n"]) -> float | None:
    return float(which.float().mean()) if len(which) else None
