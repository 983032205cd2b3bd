"""The fixed held-out views by which a page judges pictures: their cameras and a part of their pixels."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.measure.oracles import heldout_views
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.render import render_rays
from lrm_core.render.rays import camera_rays
from lrm_core.render.views import Views

VIEWS = 3
SIDE = 64  # pixels of a picture, at most
SAMPLES = 96  # on a ray, evenly spaced: as close to the quadrature of `lrm_core.render` as eight bits


@dataclass(frozen=True)
class Judged:
    """Held-out views of an object, of which every `stride`-th pixel of every `stride`-th row counts.

    Attributes:
        views: images and cameras at their full size.
        stride: so that a picture has at most `SIDE` pixels a side.
    """

    views: Views
    stride: int

    @property
    def size(self) -> int:
        """Side of the full pictures, in pixels."""
        return self.views.images.shape[-1]

    @property
    def truth(self) -> Float[Tensor, "v h w 3"]:
        """The true pixels, colours last, as the page reads them."""
        return self.pixels(self.views.images).movedim(1, -1)

    def pixels(self, images: Float[Tensor, "v 3 H W"]) -> Float[Tensor, "v 3 h w"]:
        """The pixels that count."""
        return images[..., :: self.stride, :: self.stride]

    def rendered(self, model: LRM, planes: Float[Tensor, "3 c r r"]) -> Float[Tensor, "v 3 h w"]:
        """Those pixels of a triplane by `lrm_core.render`, and no others."""
        rays = camera_rays(torch.as_tensor(self.views.cameras).to(planes.device)[None], self.size)
        chosen = [
            part.unflatten(2, (self.size, self.size))[:, :, :: self.stride, :: self.stride]
            for part in (rays.origins, rays.directions)
        ]
        samples = model.config.rendering_samples_per_ray
        with torch.no_grad():
            flat = (part.flatten(1, 3) for part in chosen)
            seen = render_rays(planes[None], model.decoder, *flat, samples_per_ray=samples).rgb[0]
        return seen.unflatten(0, chosen[0].shape[1:4]).movedim(-1, 1).cpu()

    def content(self) -> dict[str, Any]:
        """As `judge.js` reads them, JSON-ready."""
        cameras = torch.as_tensor(self.views.cameras).tolist()
        return {"cameras": cameras, "size": self.size, "stride": self.stride, "samples": SAMPLES}


def judged_views(item: RenderedObject, count: int = VIEWS) -> Judged:
    """The first held-out views of an object, at most so many."""
    views = heldout_views(item, count)
    return Judged(views, max(1, views.images.shape[-1] // SIDE))
