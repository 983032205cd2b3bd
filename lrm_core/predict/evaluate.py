"""How good any model is on any folder of rendered objects: scores of every view, at the size of the stored images."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import nan
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from lrm_core.measure.e00_model import view_angles
from lrm_core.measure.geometry import OPAQUE, true_geometry
from lrm_core.measure.metrics import image_l1, mask_iou, ssim
from lrm_core.measure.oracles import predicted_planes, render_planes
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject, load_object, split_names
from lrm_core.objects.files import object_folders
from lrm_core.objects.pictures import Picture, whole
from lrm_core.render import Rendering
from lrm_core.render.quality import lpips, psnr

METRICS = ("psnr", "ssim", "lpips", "l1", "iou", "depth")
KINDS = ("source", "novel")
LPIPS_SIDE = 32  # pixels, the fewest that its network takes
AT_ONCE = 4  # views that are rendered together
KEPT = 6  # pairs of pictures at either end


class Pair(NamedTuple):
    """A view beside its prediction, both on white, in [0, 1]; its scores are its row in `Evaluation.rows`."""

    scores: dict[str, Any]
    target: Float[Tensor, "3 h h"]
    predicted: Float[Tensor, "3 h h"]


@dataclass
class Evaluation:
    """What a model scores on some objects."""

    # one for each view: group, object, view, kind ("source" or "novel"), psnr in dB (at most 100), ssim, lpips, l1,
    # iou of the masks, depth (`depth_error`, NaN if not known), angle to the source view in degrees
    rows: list[dict[str, Any]] = field(default_factory=list)
    # best and worst: the novel views of highest and of lowest PSNR, of each object one, at most `KEPT`. An object
    # without novel views counts with its source view.
    best: list[Pair] = field(default_factory=list)
    worst: list[Pair] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # why, of each object that could not be evaluated
    depth_unknown: dict[str, str] = field(default_factory=dict)  # why, of each object whose true depth is not known
    seconds: float = 0.0  # wall time

    def add(self, group: str, pairs: Sequence[Pair]) -> None:
        """Count the views of one object."""
        pairs = [pair._replace(scores={"group": group, **pair.scores}) for pair in pairs]
        self.rows += [pair.scores for pair in pairs]
        ordered = sorted(pairs[1:] or pairs, key=_psnr)
        ends = ordered[0], ordered[-1]
        low, high = (p._replace(target=p.target.clone(), predicted=p.predicted.clone()) for p in ends)
        self.worst = sorted([*self.worst, low], key=_psnr)[:KEPT]
        self.best = sorted([*self.best, high], key=_psnr, reverse=True)[:KEPT]

    def views(self) -> pd.DataFrame:
        """One row per view; columns as in `rows`."""
        return pd.DataFrame(self.rows)

    def objects(self) -> pd.DataFrame:
        """One row per object: group, object, and "<kind>.<metric>", the mean over its views of that kind."""
        views, keys = self.views(), ["group", "object"]
        by_kind = {kind: views[views["kind"] == kind].groupby(keys, sort=False) for kind in KINDS}
        means = [found[list(METRICS)].mean().add_prefix(f"{kind}.") for kind, found in by_kind.items()]
        return pd.concat(means, axis=1).reset_index()


def evaluate(model: LRM, folders: Sequence[Path], split: str = "all") -> Evaluation:
    """Score a model on rendered objects; an object that cannot be read or seen is listed, the others go on.

    Nothing is drawn at random: cameras are those on disk, and the quadrature is the deterministic one.
    FileNotFoundError if a folder or its list is missing, or there is no object in it. ValueError if the split is
    unknown, a folder is given twice, or no object could be evaluated.

    Each folder is a rendered object or holds some, which make a group of their own. The split is "train", "val" or
    "all", of the lists in a folder's `meta`.
    """
    began, found = time.perf_counter(), Evaluation()
    for group, folder in (progress := tqdm(listed_objects(folders, split), desc="evaluate", unit="object")):
        progress.set_postfix_str(folder.name)
        name = f"{group}/{folder.name}"
        try:
            item = load_object(folder)
            depth, unknown = true_depth(item)
            found.add(group, scored_views(model, item, depth))
        except (ValueError, OSError) as error:
            found.failed[name] = str(error)
            continue
        if depth is None:
            found.depth_unknown[name] = unknown
    if not found.rows:
        raise ValueError("\n".join(["no object could be evaluated", *found.failed.values()]))
    found.seconds = time.perf_counter() - began
    return found


def _psnr(pair: Pair) -> float:
    return pair.scores["psnr"]


def listed_objects(folders: Sequence[Path], split: str) -> list[tuple[str, Path]]:
    """Group and folder of every object, by the list in `meta` if there is one, else by name; raises as `evaluate`."""
    places = [folder.resolve() for folder in folders]
    if len(set(places)) < len(places):
        raise ValueError(f"expected each folder once, found {', '.join(map(str, folders))}")
    names = [place.name for place in places]
    labels = [name if names.count(name) == 1 else str(f) for name, f in zip(names, folders, strict=True)]
    groups = zip(labels, folders, strict=True)
    return [(label, path) for label, folder in groups for path in _members(folder, split)]


def _members(folder: Path, split: str) -> list[Path]:
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder of rendered objects")
    if split == "all" and not (folder / "meta" / "all_uids.json").exists():
        return object_folders(folder)
    members = [folder / name for name in split_names(folder, split)]
    if not members:
        raise FileNotFoundError(f"{folder}: the list {split} in its meta is empty; expected names of objects")
    return members


def true_depth(item: RenderedObject) -> tuple[Float[Tensor, "v h h"] | None, str]:
    """Distance of the true surface in every view, (V, H, H), inf where there is none; or None and why."""
    _check_images(item)
    try:
        geometry = true_geometry(item, list(range(len(item.images))))
    except ValueError as error:
        return None, str(error)
    if geometry is None:
        return None, f"{item.name}: neither a procedural object nor a mesh of the repository has that name"
    return geometry.depth, ""


@torch.no_grad()
def scored_views(model: LRM, item: RenderedObject, depth: Float[Tensor, "v h h"] | None = None) -> list[Pair]:
    """Every view of an object with its prediction and their scores, at the size of the stored images.

    The model sees view 0, resampled to its source size where that is another. Without the depth of the true surface,
    from `true_depth`, that score is NaN. Raises ValueError if the images are not square or smaller than 32x32 pixels.
    """
    _check_images(item)
    size = item.images.shape[-1]
    planes = predicted_planes(model, at_source_size(item, model.config.source_size))
    parts = [render_planes(model, planes, part, size) for part in item.cameras().split(AT_ONCE)]
    seen = Rendering(*(torch.cat([getattr(p, n) for p in parts]) for n in ("rgb", "depth", "weight")))
    images, masks = item.images.to(seen.rgb), item.masks.to(seen.rgb)
    scores = {
        "psnr": psnr(seen.rgb, images),
        "ssim": ssim(seen.rgb, images),
        "lpips": lpips(seen.rgb, images),
        "l1": image_l1(seen.rgb, images),
        "iou": mask_iou(seen.weight, masks),
        "depth": torch.full((len(images),), nan) if depth is None else depth_error(seen, depth.to(images)),
        "angle": view_angles(item.poses),
    }
    pairs = []
    for view, values in enumerate(zip(*(found.tolist() for found in scores.values()), strict=True)):
        row = {"object": item.name, "view": view, "kind": KINDS[view > 0], **dict(zip(scores, values, strict=True))}
        pairs.append(Pair(row, item.images[view], seen.rgb[view].cpu()))
    return pairs


def depth_error(seen: Rendering, depth: Float[Tensor, "v h h"]) -> Float[Tensor, " v"]:
    """Mean absolute difference of depth in world units, over the pixels where both show a surface.

    A render shows one where it absorbs more than half of the light. NaN in a view without such a pixel.
    """
    both = (seen.weight[:, 0] > OPAQUE) & depth.isfinite()
    difference = torch.where(both, (seen.depth[:, 0] - depth).abs(), 0)
    return difference.sum((-2, -1)) / both.sum((-2, -1))


def at_source_size(item: RenderedObject, size: int) -> RenderedObject:
    """The object with view 0 alone, resampled to so many pixels a side; its camera stays the same."""
    source = whole(Picture(item.images[0], item.masks[0, 0]), size)
    return replace(item.first(1), images=source.image[None], masks=source.mask[None, None])


def _check_images(item: RenderedObject) -> None:
    height, width = item.images.shape[-2:]
    if height != width or height < LPIPS_SIDE:
        expected = f"square images of at least {LPIPS_SIDE} pixels a side"
        raise ValueError(f"{item.name}: expected {expected}, found {width}x{height}")
