"""What fine-tuning under a wrong distance learned: the tuned model told the truth, and the size it draws."""

from collections.abc import Sequence
from typing import Any

import torch

from lrm_core.fit.examples import Example
from lrm_core.fit.scores import render_example
from lrm_core.measure.finetuning import METRICS
from lrm_core.measure.metrics import relative_extent
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
    learned = {}
    for wrong, right in zip(told, truth, strict=True):
        as_told, as_true = (
            [render_example(model, of, of.views.cameras) for model in (untouched, tuned)] for of in (wrong, right)
        )
        true = right.views.images
        learned[wrong.name] = {
            "truth": {name: [float(of(seen, true).mean()) for seen in as_true] for name, of in METRICS.items()},
            "extent": {
                "told": [relative_extent(seen, wrong.views.images) for seen in as_told],
                "truth": [relative_extent(seen, true) for seen in as_true],
            },
        }
    return learned
