"""Validation of training as OpenLRM does it: held-out objects from fixed views, as whole pictures on white."""

from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from lrm_core.fit.examples import Example
from lrm_core.fit.scores import Metrics, score
from lrm_core.model.lrm import LRM
from lrm_core.objects.dataset import count_views, load_object
from lrm_core.render.views import Views
from lrm_core.training.upstream.config import TrainConfig
from lrm_core.training.upstream.samples import resized, told_cameras


def validate(model: LRM, places: Sequence[Path], config: TrainConfig, metrics: Metrics) -> dict[str, float]:
    """Mean of each metric over the objects, of each over its views: the source and as many as in training.

    Nothing is drawn: the source is view 0, the others lie evenly among the object's views, and the pictures have the
    largest size of training. OpenLRM's own validation draws views, sizes and crops anew.

    Args:
        model: on any device.
        places: folders of rendered objects.
        config: of the run.
        metrics: by name.
    """
    objects = tqdm(places, desc="validate", unit="object", leave=False)
    rows = list(score(model, (_example(model, place, config) for place in objects), metrics))
    return {name: sum(row[name] for row in rows) / len(rows) for name in metrics}


@torch.no_grad()
def _example(model: LRM, place: Path, config: TrainConfig) -> Example:
    """The object as the model sees it now."""
    count = count_views(place)
    wanted = min(config.sample_side_views + 1, count)
    item = load_object(place, [number * count // wanted for number in range(wanted)])
    camera, cameras = told_cameras(item, config)
    device = next(model.parameters()).device
    features = model.encode_image(resized(item.images[:1], config.source_image_res).to(device))
    return Example(item.name, features, camera, Views(resized(item.images, config.high), cameras)).to(device)
