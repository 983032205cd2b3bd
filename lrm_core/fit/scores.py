"""Rendered objects as fine-tuning sees them, and how close a model's renders of them are."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.files import sha256
from lrm_core.model.lrm import LRM
from lrm_core.render import render_views
from lrm_core.render.cameras import Views, normalize_poses, principal_camera

Metric = Callable[[Tensor, Tensor], Tensor]  # images (n, 3, H, W) twice -> (n,)
Metrics = Mapping[str, Metric]


@dataclass(frozen=True)
class Example:
    """An object's source as the frozen encoder sees it, and the views that are asked for."""

    name: str  # of the object
    features: Float[Tensor, "1 tokens e"]  # of the encoder, computed once
    camera: Float[Tensor, "1 16"]  # what the model is told about the source camera
    # true images (V, 3, H, H) and their render cameras (V, 25); the views of another object make a shuffled control
    views: Views

    @classmethod
    @torch.no_grad()
    def of(cls, model: LRM, item: Any, views: Sequence[int], source_distance: float | None = None) -> Self:
        """The example of an object; view 0 is its source.

        ValueError if the images have another size, or the object lacks a view.

        Args:
            model: its encoder makes the features, on its own device.
            item: a `lrm_core.objects.RenderedObject` with images of the model's source size.
            source_distance: of the camera that the model is told, in world units: the published runs told 2.0 for
                every object, while the views are those of the object's own distance (audit A9). None tells that.
        """
        size, found = model.config.source_size, tuple(item.images.shape[-2:])
        if found != (size, size):
            raise ValueError(
                f"{item.name}: expected images of {size}x{size} pixels for this model, found {found[1]}x{found[0]}"
            )
        pose = normalize_poses(item.poses[:1], source_distance or "auto")
        return cls(
            name=item.name,
            features=model.encode_image(item.images[:1].to(next(model.parameters()).device)),
            camera=principal_camera(pose, item.intrinsics),
            views=item.views(views),
        )

    def to(self, device: torch.device) -> Self:
        """The example on another device."""
        views = Views(*(part.to(device) for part in self.views))
        return type(self)(self.name, self.features.to(device), self.camera.to(device), views)

    def digest(self) -> str:
        """Sixteen hexadecimal digits that stand for the values; the name does not count."""
        values = (self.features, self.camera, *self.views)
        return sha256(*(part for v in values for part in (f"{v.dtype} {tuple(v.shape)}\n", v)))[:16]


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
    """Renders on white at the size of the true images, by the deterministic quadrature; "bf16" as in the recipe."""
    device = example.features.device.type
    with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
        planes = model.planes_from_features(example.features, example.camera)
    samples, side = model.config.rendering_samples_per_ray, example.views.images.shape[-1]
    rendering = render_views(planes.float(), model.decoder, cameras[None], side, samples_per_ray=samples)
    return rendering.rgb[0]


class EarlyStop(NamedTuple):
    """Step of the best value, and the one at which patience would have run out (None: never); nothing acts on it."""

    best_step: int
    would_stop_at: int | None


def early_stop(steps: Sequence[int], values: Sequence[float], patience: int) -> EarlyStop:
    """The rule of early stopping on values of which less is better; ties are no improvement.

    It stops at the validation that is the `patience`th in a row without a new least value.

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
