"""What training as OpenLRM does it sees of rendered objects, and what it minimises there.

It sees random views, backgrounds, sizes and crops; MSE, LPIPS and the planes' total variation count.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate
from torch.utils.data import Dataset
from tqdm import tqdm

from lrm_core.fit.scores import Example, Metrics, score
from lrm_core.model.lrm import LRM
from lrm_core.objects.dataset import RenderedObject, count_views, load_object
from lrm_core.objects.files import read_names
from lrm_core.render import render_rays
from lrm_core.render.cameras import Views, normalize_poses, principal_camera, standard_camera
from lrm_core.render.quality import lpips_with_gradients
from lrm_core.render.rays import camera_rays
from lrm_core.training.pretrain_data import crops
from lrm_core.training.pretrain_loss import predict, total_variation
from lrm_core.training.upstream.config import Subset, TrainConfig

BACKGROUNDS = (0.0, 0.5, 1.0)
PARTS = ("loss", "pixel", "perceptual", "tv")


class Sample(NamedTuple):
    """One object: its source view and crops of M views, the source among them."""

    source: Float[Tensor, "3 S S"]  # on white
    camera: Float[Tensor, " 16"]  # what the model is told about the source camera
    targets: Float[Tensor, "M 3 P P"]  # crops of the views, each on its own background
    cameras: Float[Tensor, "M 25"]  # of the whole pictures
    anchors: Float[Tensor, "M 2"]  # (row, column) of the first pixel of each crop
    resolution: int  # side of the whole pictures, in pixels
    backgrounds: Float[Tensor, "M 1"]  # grey levels


def draw_sample(folder: Path, config: TrainConfig, draw: np.random.Generator) -> Sample:
    """A sample of the object in `folder`: views without repetition, one size, and a crop and a background for each.

    FileNotFoundError and ValueError as `load_object`, or if the object has too few views.
    """
    count, wanted = count_views(folder), config.sample_side_views + 1
    if count < wanted:
        raise ValueError(f"{folder}: {count} views; expected at least {wanted}, sample_side_views + 1")
    item = load_object(folder, draw.choice(count, wanted, replace=False).tolist())
    resolution = int(draw.integers(config.low, config.high + 1))
    anchors = torch.from_numpy(draw.integers(0, resolution - config.region + 1, (wanted, 2)))
    backgrounds = torch.tensor(BACKGROUNDS)[draw.integers(len(BACKGROUNDS), size=wanted)][:, None]
    camera, cameras = told_cameras(item, config)
    pictures = resized(item.images - (1 - item.masks) * (1 - backgrounds[..., None, None]), resolution)
    return Sample(
        source=resized(item.images[:1], config.source_image_res)[0],
        camera=camera[0],
        targets=crops(pictures, anchors, config.region),
        cameras=cameras,
        anchors=anchors.float(),
        resolution=resolution,
        backgrounds=backgrounds,
    )


def told_cameras(item: RenderedObject, config: TrainConfig) -> tuple[Float[Tensor, "1 16"], Float[Tensor, "V 25"]]:
    """Source camera and render cameras of all views, normalised as the run asks."""
    poses = item.poses
    if config.normalize_camera:
        poses = normalize_poses(poses, config.normed_dist_to_center)
    return principal_camera(poses[:1], item.intrinsics), standard_camera(poses, item.intrinsics)


def resized(images: Float[Tensor, "n 3 h w"], side: int) -> Float[Tensor, "n 3 s s"]:
    """Pictures at another size as OpenLRM resizes them: bicubic with aligned corners, clamped to [0, 1]."""
    return interpolate(images, size=(side, side), mode="bicubic", align_corners=True).clamp(0, 1)


def object_places(subsets: Sequence[Subset], split: str) -> list[Path]:
    """Folders of the objects of an epoch, `sample_rate` times over those of each subset.

    FileNotFoundError if a list or an object is missing, ValueError if a list is faulty or empty.
    """
    places = []
    for subset in subsets:
        names = read_names(subset.lists[split])
        if not names:
            raise ValueError(f"{subset.lists[split]}: lists no object")
        folders = [_place(name, subset) for name in names]
        shown = math.ceil(subset.sample_rate * len(folders))
        places += [folders[index % len(folders)] for index in range(shown)]
    return places


def _place(name: str, subset: Subset) -> Path:
    for root in subset.root_dirs:
        if (root / name / "intrinsics.npy").is_file():
            return root / name
    roots = ", ".join(map(str, subset.root_dirs))
    raise FileNotFoundError(f"{name}: no such rendered object (intrinsics.npy and views) in {roots}")


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, count: int) -> np.ndarray:
    """In which order an epoch shows its objects."""
    return np.random.default_rng((seed, epoch)).permutation(count)


@dataclass(frozen=True)
class Samples(Dataset):
    """The samples of a run by their number, counted over all steps; a number fixes every draw.

    An epoch shows its objects in a random order and drops those that do not fill a batch.
    """

    places: Sequence[Path]  # folders of the objects
    config: TrainConfig  # of the run
    batch: int  # objects in a step, over all processes

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches of all samples."""
        return len(self.places) // self.batch

    @property
    def planned(self) -> int:
        """Steps of the schedule."""
        return self.config.epochs * self.steps_per_epoch

    def __getitem__(self, number: int) -> Sample:
        step, member = divmod(number, self.batch)
        epoch, within = divmod(step, self.steps_per_epoch)
        order = _order(self.config.seed, epoch, len(self.places))
        draw = np.random.default_rng((self.config.seed, step, member))
        return draw_sample(self.places[order[within * self.batch + member]], self.config, draw)


def sample_losses(
    model: LRM, samples: Sequence[Sample], config: TrainConfig, jitter: torch.Generator | None
) -> Float[Tensor, "4"]:
    """The weighted loss and its unweighted parts (`PARTS`), each a mean over the objects; a part of no weight is 0.

    LPIPS is AlexNet's; OpenLRM trains with VGG's, whose weights are not in the repository. OpenLRM jitters the sample
    positions on the rays, and so does this.
    """
    sources, cameras = (torch.stack(parts) for parts in list(zip(*samples, strict=True))[:2])
    planes = predict(model, sources, cameras, config.precision)
    rendered = render_samples(model, planes, samples, config.region, jitter).flatten(0, 1)
    targets = torch.cat([sample.targets for sample in samples])
    zero = planes.new_zeros(())
    pixel = (rendered - targets).square().mean()
    perceptual = lpips_with_gradients(rendered, targets).mean() if config.perceptual_weight else zero
    smooth = total_variation(planes) if config.tv_weight else zero
    weighted = config.pixel_weight * pixel + config.perceptual_weight * perceptual + config.tv_weight * smooth
    return torch.stack([weighted, pixel, perceptual, smooth])


def render_samples(
    model: LRM,
    planes: Float[Tensor, "B 3 C R R"],
    samples: Sequence[Sample],
    region: int,
    jitter: torch.Generator | None = None,
) -> Float[Tensor, "B M 3 P P"]:
    """The crops that the samples ask for; the sizes of the whole pictures may differ from object to object."""
    rays = [camera_rays(s.cameras, s.resolution, s.anchors, region) for s in samples]
    origins, directions = (torch.stack(part).flatten(1, 2) for part in zip(*rays, strict=True))
    backgrounds = torch.stack([s.backgrounds for s in samples]).repeat_interleave(region**2, dim=1)
    how = {"samples_per_ray": model.config.rendering_samples_per_ray, "jitter": jitter}
    rendering = render_rays(planes, model.decoder, origins, directions, background=backgrounds, **how)
    return rendering.rgb.unflatten(1, (-1, region, region)).movedim(-1, 2)


def validate(model: LRM, places: Sequence[Path], config: TrainConfig, metrics: Metrics) -> dict[str, float]:
    """Mean of each metric over the objects, of each over its views: the source and as many as in training.

    Nothing is drawn: the source is view 0, the others lie evenly among the object's views, and the pictures have the
    largest size of training. OpenLRM's own validation draws views, sizes and crops anew.
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
