"""What corrections of a prediction are worth: renders of T_pred less a part of its residual (E8, E9)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lrm_core.measure.metrics import mean_scores
from lrm_core.measure.oracles import (
    Images,
    InViews,
    OracleCache,
    Planes,
    both_planes,
    heldout_views,
    render_like,
)
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject

Render = Callable[[Planes], Images]
Scores = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Scene:
    """A prediction to be corrected, and the images by which that is judged.

    Attributes:
        render: planes (3, C, R, R) -> images (views, 3, H, W).
        predicted: T_pred, (3, C, R, R).
        residual: dT = T_pred - T_ref, (3, C, R, R).
        targets: images (views, 3, H, W) by name: "reference" are renders of T_ref (published), "truth" is
            ground truth (audit A18).
        before: renders of T_pred, (views, 3, H, W).
    """

    render: Render
    predicted: Planes
    residual: Planes
    targets: dict[str, Images]
    before: Images

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

    Raises:
        ValueError: if T_ref has another shape than T_pred or the ground truth another than the renders; if
            the renders of T_pred equal a target, so that no improvement is defined.
    """
    _check_shapes("T_ref", reference, predicted)
    before = render(predicted)
    _check_shapes("ground truth", truth, before)
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


def _check_shapes(name: str, found: Tensor, expected: Tensor) -> None:
    if found.shape != expected.shape:
        raise ValueError(f"expected {name} of shape {tuple(expected.shape)}, found {tuple(found.shape)}")
