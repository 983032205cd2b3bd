"""How good any model is on any folder of rendered objects."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from lrm_core.model.lrm import LRM
from lrm_core.objects import load_object, split_names
from lrm_core.objects.splits import object_folders
from lrm_core.predict.view_scores import KINDS, METRICS, Pair, scored_views, true_depth

KEPT = 6  # pairs of pictures at either end


@dataclass
class Evaluation:
    """What a model scores on some objects.

    Attributes:
        rows: one for each view: group, object, view, kind ("source" or "novel"), psnr in dB (at most 100), ssim,
            lpips, l1, iou of the masks, depth (`depth_error`, NaN if not known), angle to the source view in degrees.
        best, worst: the novel views of highest and of lowest PSNR, of each object one, at most `KEPT`. An object
            without novel views counts with its source view.
        failed: why, of each object that could not be evaluated.
        depth_unknown: why, of each object whose true depth is not known.
        seconds: wall time.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    best: list[Pair] = field(default_factory=list)
    worst: list[Pair] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    depth_unknown: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

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

    Args:
        model: frozen, in evaluation mode.
        folders: each a rendered object or a folder of them, which makes a group of its own.
        split: "train", "val" or "all", of the lists in a folder's `meta`.

    Raises:
        FileNotFoundError: if a folder or its list is missing, or there is no object in it.
        ValueError: if the split is unknown, a folder is given twice, or no object could be evaluated.
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


def listed_objects(folders: Sequence[Path], split: str) -> list[tuple[str, Path]]:
    """Group and folder of every object; in order of the list in `meta` where there is one, else of name.

    Raises:
        FileNotFoundError, ValueError: as `evaluate`.
    """
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


def _psnr(pair: Pair) -> float:
    return pair.scores["psnr"]
