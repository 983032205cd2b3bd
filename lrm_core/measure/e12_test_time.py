"""E12, optimising the latent of one object at test time (claim C9).

The published change of L1 in held-out views is measured at the last step. Here all metrics are followed along the
way, so that one sees where they are best and what going on does to them.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch

from lrm_core.data_url import data_url
from lrm_core.fit import test_time_optimisation as fitting
from lrm_core.fit.test_time_optimisation import Planes, RefinementConfig, Snapshot
from lrm_core.measure.metrics import mean_scores
from lrm_core.measure.oracles import heldout_views, render_images, render_like, split_views
from lrm_core.measure.surface import evenly
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.render.cameras import Views
from lrm_core.render.quality import lpips, lpips_with_gradients

LESS_IS_BETTER = {"l1": True, "psnr": False, "ssim": False, "lpips": True}
# Changes of these are over the start; those of PSNR (dB) and SSIM are differences.
RELATIVE = ("l1", "lpips", "train_l1")
STOPPED_BY = "validation_lpips"


class Variant(NamedTuple):
    """What moves, and what holds it: the weight of the proximity and of LPIPS."""

    space: fitting.Space
    proximity: float = 0.0
    perceptual: float = 0.0


SPACES = ("planes", "tokens")  # in which nothing else holds what moves
VARIANTS = {
    "planes": Variant("planes"),
    "proximity": Variant("planes", proximity=1.0),
    "low_band": Variant("low_band"),
    "tokens": Variant("tokens"),
    "tokens_lpips": Variant("tokens", perceptual=1.0),
}


@dataclass(frozen=True)
class LatentOptimisation:
    """Configuration of E12.

    A step of a loss with LPIPS sees a window of one view, which costs about seven times as much as a step of rays.
    """

    at_most: int = 500  # steps that the profile allows; where they are fewer, all variants are shortened alike
    iterations: int = 500  # of Adam, as published, as is its learning rate
    lr: float = 0.005
    perceptual_iterations: int = 100  # instead, where the loss has LPIPS
    rays_per_step: int = 512  # where it has not; four times as many would cost three times as much
    crop: int = 64  # side of the window, in pixels
    cutoff: float = 0.3  # of the low band, in x Nyquist
    path: tuple[int, ...] = (0, 25, 100, 200, 350)  # steps at which everything is measured, besides the last one
    training_views: int = 8  # view 0 among them
    validation_views: int = 2
    heldout: int = 8
    definition: int = 1

    def refinement(self, variant: Variant) -> RefinementConfig:
        """How a variant is fitted."""
        allowed = min(self.iterations, self.at_most)
        fewer = max(1, self.perceptual_iterations * allowed // max(1, self.iterations))
        return RefinementConfig(
            iterations=fewer if variant.perceptual else allowed,
            lr=self.lr,
            proximity=variant.proximity,
            perceptual_weight=variant.perceptual,
            rays_per_step=self.rays_per_step,
            crop=self.crop,
        )


class Point(NamedTuple):
    """One step of the way: the planes, and what was measured of them, by the names of `measure`."""

    planes: Planes
    measured: dict[str, float]


class StudyViews(NamedTuple):
    """Views of an object by their use; no view has two."""

    train: Views
    validation: Views
    heldout: Views


def run(model: LRM, item: RenderedObject, config: LatentOptimisation, seed: int, *_: Any) -> dict[str, Any]:
    """Every variant from the same prediction, on the same views and seed; raises as `study_views`.

    Returns:
        start: l1, psnr (dB), ssim, lpips of T_pred in held-out views; and for each variant what `summary` says.
    """
    ways = {name: way(model, item, config, seed, name) for name in VARIANTS}
    found = {name: summary([measured for _, measured in points]) for name, points in ways.items()}
    path = found["planes"]["path"]
    return {"start": {metric: path[metric][0] for metric in LESS_IS_BETTER}} | found


def study_views(item: RenderedObject, config: LatentOptimisation) -> StudyViews:
    """Training views evenly over those that are not held out, validation views evenly over what is left of them.

    ValueError if one of the three uses is left without a view.
    """
    free, wanted = split_views(item)[0], config.training_views
    train = evenly(free, max(0, min(wanted, len(free) - config.validation_views)))
    validation = evenly([view for view in free if view not in train], config.validation_views)
    if not train or not validation:
        raise ValueError(
            f"{item.name}: expected more than {config.validation_views} views to train on and to validate by, "
            f"found {len(free)} besides the held-out ones"
        )
    return StudyViews(item.views(train), item.views(validation), heldout_views(item, config.heldout))


def way(model: LRM, item: RenderedObject, config: LatentOptimisation, seed: int, name: str) -> Iterator[Point]:
    """A variant at the steps of the path and at the last one; raises as `run`."""
    variant, views = VARIANTS[name], study_views(item, config)
    fit = config.refinement(variant)
    device = next(model.parameters()).device
    image, camera = item.images[:1].to(device), item.source_camera().to(device)
    shots = fitting.optimise_latent(
        fitting.make_latent(model, image, camera, variant.space, config.cutoff),
        model.decoder,
        views.train,
        fit,
        at=(*config.path, fit.iterations),
        samples_per_ray=model.config.rendering_samples_per_ray,
        seed=seed,
        perceptual=lpips_with_gradients if variant.perceptual else None,
        progress=sys.stderr.isatty(),
    )
    return (Point(shot.planes, measure(model, views, shot)) for shot in shots)


@torch.no_grad()
def measure(model: LRM, views: StudyViews, shot: Snapshot) -> dict[str, float]:
    """One row of the path: means over the held-out views, LPIPS of the validation views, L1 of training pixels."""
    images, checked = (render_like(model, shot.planes, seen) for seen in (views.heldout, views.validation))
    return {
        "step": shot.step,
        **mean_scores(images, views.heldout.images),
        STOPPED_BY: float(lpips(checked, views.validation.images).mean()),
        "train_l1": shot.train_l1,
    }


def summary(rows: Sequence[dict[str, float]]) -> dict[str, Any]:
    """What is kept of a path, of which the first row is the start.

    Returns:
        path: lists over its steps of step, l1, psnr, ssim, lpips, validation_lpips, train_l1;
        end: changes since the start at the last step, of L1 and LPIPS over the start, of PSNR in dB, of SSIM as it
            is, with train_l1, of training pixels, and gap, by how much less L1 fell in held-out views than there;
        stopped: the same at the step of least LPIPS in validation views, and that step;
        best: the step at which each metric is best in held-out views, which nobody can know at test time;
        after_best: how much worse each is at the end than there, in the units of `end`.
    """
    start, end = rows[0], rows[-1]
    stopped = min(rows, key=lambda row: row[STOPPED_BY])
    sign = {name: 1 if less else -1 for name, less in LESS_IS_BETTER.items()}
    best = {name: min(rows, key=lambda row: of * row[name]) for name, of in sign.items()}
    lost = {name: _change(best[name], end, start, name) * of for name, of in sign.items()}
    return {
        "path": {name: [row[name] for row in rows] for name in start},
        "end": _changes(end, start),
        "stopped": _changes(stopped, start) | {"step": stopped["step"]},
        "best": {name: row["step"] for name, row in best.items()},
        "after_best": lost,
    }


def _changes(row: dict[str, float], start: dict[str, float]) -> dict[str, float]:
    found = {name: _change(start, row, start, name) for name in (*LESS_IS_BETTER, "train_l1")}
    return found | {"gap": found["l1"] - found["train_l1"]}


def _change(before: dict[str, float], after: dict[str, float], start: dict[str, float], name: str) -> float:
    """From one row to another; over the start where the metric is one of `RELATIVE`."""
    return (after[name] - before[name]) / (start[name] if name in RELATIVE else 1)


BEYOND = 2  # times what a profile allows: steps of the longer fits, where the configuration does not say fewer


@dataclass(frozen=True)
class LongerFits(LatentOptimisation):
    """Configuration of the same far beyond the published number of steps: nothing else differs."""

    iterations: int = 2500
    path: tuple[int, ...] = (0, 25, 100, 250, 500, 1000, 1750)


def run_longer(model: LRM, item: RenderedObject, config: LongerFits, seed: int, *_: Any) -> dict[str, Any]:
    """Both spaces that nothing else holds, from the same prediction and on the same views as `run`; raises as that.

    Returns:
        by space, what `summary` says of the way; with planes also film: the first held-out view at each step of the
        path, as addresses that hold a picture.
    """
    longer = replace(config, at_most=BEYOND * config.at_most)
    seen = study_views(item, config).heldout
    ways = {space: list(way(model, item, longer, seed, space)) for space in SPACES}
    found = {space: summary([measured for _, measured in points]) for space, points in ways.items()}
    shown = (render_images(model, of, seen.cameras[:1], seen.images.shape[-1])[0] for of, _ in ways[SPACES[0]])
    found[SPACES[0]]["film"] = [data_url(image, "WEBP", quality=85) for image in shown]  # lossy
    return found
