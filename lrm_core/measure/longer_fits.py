"""Test-time optimisation of a few objects far beyond the published number of steps (claim C9).

The experiment `e12_test_time` stops where the published runs stopped. Here nothing but the number of steps differs.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.data_url import data_url
from lrm_core.measure.e12_test_time import SPACES, LatentOptimisation, Planes, study_views, summary, way
from lrm_core.measure.oracles import OracleCache, render_images
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject

BEYOND = 2  # times what a profile allows: steps, where the configuration does not say fewer


@dataclass(frozen=True)
class LongerFits(LatentOptimisation):
    """Configuration: that of `LatentOptimisation` with another number of steps."""

    iterations: int = 2500
    path: tuple[int, ...] = (0, 25, 100, 250, 500, 1000, 1750)


def run(
    model: LRM, item: RenderedObject, config: LongerFits, seed: int, cache: OracleCache | None = None
) -> dict[str, Any]:
    """Both spaces that nothing else holds, from the same prediction and on the same views as in `e12_test_time`.

    Returns:
        by space, what `summary` says of the way; with planes also film: the first held-out view at each step of the
        path, as addresses that hold a picture.

    Raises:
        ValueError: if the object has too few views.
    """
    longer = replace(config, at_most=BEYOND * config.at_most)
    found, film = {}, []
    seen = study_views(item, config).heldout
    for space in SPACES:
        points = []
        for point in way(model, item, longer, seed, space):
            points.append(point.measured)
            if space == SPACES[0]:
                film.append(_picture(model, point.planes, seen.cameras[:1], seen.images.shape[-1]))
        found[space] = summary(points)
    found[SPACES[0]]["film"] = film
    return found


@torch.no_grad()
def _picture(model: LRM, planes: Planes, camera: Float[Tensor, "1 25"], size: int) -> str:
    """A render as an address that holds it, lossy."""
    return data_url(render_images(model, planes, camera, size)[0], "WEBP", quality=85)
