"""An evaluation as one JSON document: what was measured, on what, with which code, and every number of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isnan
from pathlib import Path
from typing import Any, NamedTuple, Self

import pandas as pd

from lrm_core.canonical import plain
from lrm_core.model.hashing import model_hash
from lrm_core.model.lrm import LRM
from lrm_core.predict.evaluate import Evaluation
from lrm_core.predict.view_scores import KINDS, METRICS
from lrm_core.records.provenance import code_revision, machine
from lrm_core.records.statistics import Interval, bca_interval


class Measure(NamedTuple):
    """How a metric is written: label with unit, digits behind the point, whether more is better, and what it is."""

    label: str
    digits: int
    more_is_better: bool
    words: str


MEASURES: Mapping[str, Measure] = {
    "psnr": Measure("PSNR (dB)", 2, True, "peak signal-to-noise ratio, data range 1; 100 dB for equal images"),
    "ssim": Measure("SSIM", 3, True, "structural similarity, Gaussian window of 1.5 pixels, data range 1"),
    "lpips": Measure("LPIPS", 3, False, "perceptual distance by AlexNet, version 0.1"),
    "l1": Measure("L1", 4, False, "mean absolute difference of the colours on white"),
    "iou": Measure("mask IoU", 3, True, "intersection over union of coverage above one half"),
    "depth": Measure(
        "depth error",
        3,
        False,
        "mean absolute difference in world units where both show a surface, a render by its mean depth along the "
        "ray; known of objects that can be made again",
    ),
}
RANDOMNESS = "none: stored cameras, every view, deterministic quadrature"


@dataclass(frozen=True)
class Subject:
    """What was evaluated.

    Attributes:
        name: a published name, or that of the checkpoint's file or folder.
        hash: of the weights.
        parameters: how many numbers the model learns.
        source_size: side of the image that the model sees, in pixels.
    """

    name: str
    hash: str
    parameters: int
    source_size: int

    @classmethod
    def of(cls, model: LRM, name: str) -> Self:
        """The subject of a model that `load_model(name)` gave."""
        parameters = sum(parameter.numel() for parameter in model.parameters())
        return cls(Path(name).name, model_hash(model), parameters, model.config.source_size)


Summary = dict[str, dict[str, dict[str, Interval | None]]]


def summary(objects: pd.DataFrame) -> Summary:
    """Mean over the objects of each group, for each kind of view and metric; None where no object has a value.

    Args:
        objects: as `Evaluation.objects`.
    """
    return {
        group: {kind: {name: _mean(mine[f"{kind}.{name}"]) for name in METRICS} for kind in KINDS}
        for group, mine in objects.groupby("group", sort=False)
    }


def record(found: Evaluation, subject: Subject, split: str) -> dict[str, Any]:
    """Everything that an evaluation found, JSON-ready: six significant digits, None where there is no number."""
    objects = found.objects()
    return plain(
        {
            "model": asdict(subject),
            "split": split,
            "randomness": RANDOMNESS,
            "metrics": {name: measure.words for name, measure in MEASURES.items()},
            "code_revision": code_revision(),
            "machine": machine(),
            "seconds": found.seconds,
            "summary": _stated(summary(objects)),
            "objects": list(map(_stated, objects.to_dict("records"))),
            "views": list(map(_stated, found.rows)),
            "failed": found.failed,
            "depth_unknown": found.depth_unknown,
        }
    )


def _mean(values: pd.Series) -> Interval | None:
    known = values.dropna().tolist()
    return bca_interval(known) if known else None


def _stated(value: Any) -> Any:
    """Nested mappings with every interval as a mapping, and NaN as None."""
    if isinstance(value, Interval):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {key: _stated(entry) for key, entry in value.items()}
    return None if isinstance(value, float) and isnan(value) else value
