"""The ten-minute test: which distance, told to the encoder, makes renders nearest to the object. No oracle.

The published runs told 2.0 for every object, which stood elsewhere (audit A9). Whether that was wrong for a model is
a question to the model: one that was trained on the told distance is nearest when it is told the true one.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.measure.finetuning import EVALUATION_VIEWS
from lrm_core.measure.metrics import image_l1, relative_extent
from lrm_core.measure.oracles import Images, predicted_planes, render_planes
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject, Source
from lrm_core.profiles import TOLD

FACTORS = (0.7, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.25, 1.4)


@torch.no_grad()
def told_rows(model: LRM, item: RenderedObject) -> Iterator[dict[str, Any]]:
    """Size and error of held-out renders for each distance that the encoder is told, and for the published 2.0.

    Args:
        item: an object with images of the model's source size, or of a multiple of it.

    Yields:
        For each, as soon as it is measured: object; distance of view 0, in world units; told, over that;
        published, whether it is 2.0 over the distance; l1 to the true views, mean over `EVALUATION_VIEWS`; and
        extent, the size of the silhouettes (coverage above one half) over that of the true ones, None where nothing
        covers a pixel.

    Raises:
        ValueError: if the images have another size, or the object has no view but the source.
    """
    item = item.averaged(model.config.source_size)
    views = [view for view in EVALUATION_VIEWS if view < len(item.images)]
    if not views:
        raise ValueError(f"{item.name}: expected a view beside the source to compare with, found none")
    seen, true = item.views(views), _silhouettes(item.masks[views])
    distance = float(item.poses[0, :, 3].norm())
    for told, published in (*((factor, False) for factor in FACTORS), (TOLD / distance, True)):
        planes = predicted_planes(model, replace(item, source=Source(told=told)))
        drawn = render_planes(model, planes, seen.cameras, seen.images.shape[-1])
        yield {
            "object": item.name,
            "distance": distance,
            "told": told,
            "published": published,
            "l1": float(image_l1(drawn.rgb.cpu(), seen.images).mean()),
            "extent": relative_extent(_silhouettes(drawn.weight.cpu()), true),
        }


def _silhouettes(coverage: Float[Tensor, "views 1 h w"]) -> Images:
    """Black where more than half is covered, on white."""
    return 1 - (coverage > 0.5).float().expand(-1, 3, -1, -1)


def best_told(table: pd.DataFrame) -> dict[str, float | None]:
    """What should be told about one object, over its true distance.

    Args:
        table: the rows of `told_rows` for that object.

    Returns:
        l1: where a parabola in log told, through the least error and its neighbours, is least; extent: where the
        size of the renders passes that of the object, by a line between neighbours in the logarithms. None where
        that is beyond the distances that were told, or nothing was drawn.
    """
    told = table.loc[~table["published"]].sort_values("told")
    place = np.log(told["told"].to_numpy(dtype=float))
    return {
        "l1": _least(place, told["l1"].to_numpy(dtype=float)),
        "extent": _crossing(place, np.log(told["extent"].to_numpy(dtype=float))),
    }


def _least(place: np.ndarray, value: np.ndarray) -> float | None:
    """exp of where the parabola through the least value and its neighbours is least; None at an end."""
    at = int(value.argmin())
    if at in (0, len(value) - 1):
        return None
    bend, slope, _ = np.polyfit(place[at - 1 : at + 2] - place[at], value[at - 1 : at + 2], 2)
    return float(np.exp(place[at] - slope / (2 * bend)))


def _crossing(place: np.ndarray, value: np.ndarray) -> float | None:
    """exp of the crossing of 0 upwards that is nearest to place 0; None if there is none."""
    rises = [k for k in range(len(value) - 1) if value[k] <= 0 < value[k + 1]]
    found = [float(np.interp(0, value[k : k + 2], place[k : k + 2])) for k in rises]
    return float(np.exp(min(found, key=abs))) if found else None
