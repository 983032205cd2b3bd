"""What fine-tuning under a wrong distance learned: the tuned model told the truth, and the size it draws."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from lrm_core.fit.examples import Example
from lrm_core.fit.scores import render_example
from lrm_core.measure.finetuning import METRICS
from lrm_core.measure.metrics import extent
from lrm_core.model.lrm import LRM


@torch.no_grad()
def told_and_truth(
    untouched: LRM, tuned: LRM, told: Sequence[Example], truth: Sequence[Example]
) -> dict[str, dict[str, Any]]:
    """Both models on the same objects, told as in training and told the truth.

    Args:
        untouched, tuned: before and after fine-tuning.
        told, truth: the validation objects in the same order, with what the encoder is told about each.

    Returns:
        By object, lists of two values, before and after: `truth`, each metric told the truth; `extent`, size of the
        renders over that of the true views, mean over views, `told` as in training and told the `truth`.
    """
    return {
        wrong.name: {
            "truth": {name: [score[name] for score in scores] for name in METRICS},
            "extent": {
                "told": [_extent(model, wrong) for model in (untouched, tuned)],
                "truth": [score["extent"] for score in scores],
            },
        }
        for wrong, right in zip(told, truth, strict=True)
        for scores in [[_score(model, right) for model in (untouched, tuned)]]
    }


def _score(model: LRM, example: Example) -> Mapping[str, float | None]:
    images = render_example(model, example, example.views.cameras)
    means = {name: float(metric(images, example.views.images).mean()) for name, metric in METRICS.items()}
    return means | {"extent": _ratio(images, example)}


def _extent(model: LRM, example: Example) -> float | None:
    return _ratio(render_example(model, example, example.views.cameras), example)


def _ratio(images: torch.Tensor, example: Example) -> float | None:
    ratio = (extent(images) / extent(example.views.images)).nanmean()
    return float(ratio) if ratio.isfinite() else None
