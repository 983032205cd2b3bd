"""How close a model's renders of held-out objects are, along a run."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.fit.examples import Example
from lrm_core.model.lrm import LRM
from lrm_core.render import render_views

Metric = Callable[[Tensor, Tensor], Tensor]  # images (n, 3, H, W) twice -> (n,)
Metrics = Mapping[str, Metric]


class EarlyStop(NamedTuple):
    """Step of the best value, and the one at which patience would have run out (None: never); nothing acts on it."""

    best_step: int
    would_stop_at: int | None


def early_stop(steps: Sequence[int], values: Sequence[float], patience: int) -> EarlyStop:
    """The rule of early stopping on values of which less is better.

    It stops at the validation that is the `patience`th in a row without a new least value, and would keep the best
    step until then. Ties are no improvement.

    >>> early_stop([0, 50, 100, 150, 200], [4.0, 3.0, 3.5, 3.2, 1.0], patience=2)
    EarlyStop(best_step=50, would_stop_at=150)
    """
    best = 0
    for index, value in enumerate(values):
        if value < values[best]:
            best = index
        if index - best == patience:
            return EarlyStop(steps[best], steps[index])
    return EarlyStop(steps[best], None)


@torch.no_grad()
def score(model: LRM, examples: Sequence[Example], metrics: Metrics) -> Iterator[dict[str, float | str]]:
    """For each example its name as "object", and the mean of each metric over its views."""
    for example in examples:
        images = render_example(model, example, example.views.cameras)
        means = {name: metric(images, example.views.images).mean().item() for name, metric in metrics.items()}
        yield {"object": example.name, **means}


def render_example(
    model: LRM, example: Example, cameras: Float[Tensor, "v 25"], precision: str = "float32"
) -> Float[Tensor, "v 3 h w"]:
    """Renders on white at the size of the example's true images, by the deterministic quadrature.

    Args:
        precision: "bf16" autocasts the transformer.
    """
    device = example.features.device.type
    with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
        planes = model.planes_from_features(example.features, example.camera)
    samples, side = model.config.rendering_samples_per_ray, example.views.images.shape[-1]
    rendering = render_views(planes.float(), model.decoder, cameras[None], side, samples_per_ray=samples)
    return rendering.rgb[0]
