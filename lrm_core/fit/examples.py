"""Rendered objects as fine-tuning sees them, and the order in which it sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.fingerprint import sha256
from lrm_core.fit.finetune_config import Order
from lrm_core.model.lrm import LRM
from lrm_core.render.cameras import normalize_poses, principal_camera
from lrm_core.render.views import Views


@dataclass(frozen=True)
class Example:
    """An object's source as the frozen encoder sees it, and the views that are asked for.

    Attributes:
        name: of the object.
        features: of the encoder, computed once, (1, tokens, E).
        camera: what the model is told about the source camera, (1, 16).
        views: true images (V, 3, H, H) and their render cameras (V, 25); the views of another object make a
            shuffled control.
    """

    name: str
    features: Float[Tensor, "1 tokens e"]
    camera: Float[Tensor, "1 16"]
    views: Views

    @classmethod
    @torch.no_grad()
    def of(cls, model: LRM, item: Any, views: Sequence[int], source_distance: float | None = None) -> Self:
        """The example of an object; view 0 is its source.

        Args:
            model: its encoder makes the features, on its own device.
            item: a `lrm_core.objects.RenderedObject` with images of the model's source size.
            views: indices of those that are asked for.
            source_distance: of the camera that the model is told, in world units: the published runs told 2.0 for
                every object, while the views are those of the object's own distance (audit A9). None tells that.

        Raises:
            ValueError: if the images have another size, or the object lacks a view.
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


def pair(number: int, objects: int, views: int, order: Order, seed: int) -> tuple[int, int]:
    """Object and view of the pair with this number; the same whatever came before it.

    Args:
        number: counts the pairs of a run from 0.
        objects, views: how many there are.
        order: as in `FinetuneConfig`.
        seed: of the random order; the published one has none.
    """
    if order == "published":
        return number % objects, number % views
    draw = np.random.default_rng((seed, number))
    return int(draw.integers(objects)), int(draw.integers(views))
