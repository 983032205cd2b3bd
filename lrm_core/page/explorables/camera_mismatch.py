"""Camera mismatch: predictions that were told wrong distances, beside a pure error of scale (E17, audit A9)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import pandas as pd
from jaxtyping import Float
from torch import Tensor, nn

from lrm_core.findings.c02 import BANDS as BAND_NAMES
from lrm_core.findings.cause import DOSE
from lrm_core.findings.claims import PUBLISHED_OBJECTS, published
from lrm_core.measure.e17_source_distance import TRUE, told_planes
from lrm_core.measure.experiments import get_experiment
from lrm_core.measure.metrics import BANDS
from lrm_core.measure.oracles import split_views
from lrm_core.page.explorables.judged import Judged, judged_views
from lrm_core.page.explorables.widget import Explorable, choice, field_figure, nearest, show, slider
from lrm_core.page.finding_page import Chapter
from lrm_core.spectral import PUBLISHED_EDGES

SCALES = (0.8, 1.25, 0.05)  # least, greatest, step
OBJECTS = 2
IMAGES = ("l1", "psnr", "area")
TABLES = {
    "residual": "The residual, from the oracle",
    "manufactured": "The change, from the prediction told the truth",
}
NOTE = (
    "Scaling stretches the predicted planes about their centre and changes nothing else: a pure error of scale. "
    "Sizes are over that of the prediction told the truth, less its channel means. Amplitude is summed as "
    "published, the corners in no band; in power the high band holds them. Full line: as published, mean of three "
    "objects. Dotted line: the record of this object, which has the low and the high band, and no scaled "
    "predictions. L1, PSNR and area are means over the held-out views of the record, here on one pixel of "
    "{pixels}."
)


@dataclass(frozen=True)
class Told:
    """Predictions of one object by what the encoder was told.

    Attributes:
        planes: by the distance told over the true one, which is among them; (3, C, R, R).
        reference: the oracle, (3, C, R, R).
        area: coverage of the true images in the judged views, in [0, 1].
    """

    planes: Mapping[float, Float[Tensor, "3 C R R"]]
    reference: Float[Tensor, "3 C R R"]
    area: float

    @property
    def tensors(self) -> dict[str, tuple[Tensor, int]]:
        """For `pack`: the right prediction, and what must be added for each wrong distance and for the oracle.

        Differences are smaller than the planes, and so are the steps of their eight bits.
        """
        right = self.planes[TRUE]
        wrong = {
            f"mismatch{index}": (planes - right, 2)
            for index, (factor, planes) in enumerate(self.planes.items())
            if factor != TRUE
        }
        return {"predicted": (right, 2), "correction": (self.reference - right, 2)} | wrong


def show_camera_mismatch(table: pd.DataFrame, *chapters: Chapter) -> None:
    """Display the predictions of the first `OBJECTS` objects at every distance of E17, by its records; as `show`.

    Each object weighs about a megabyte on the page.
    """
    show(lambda chapter: _of(chapter, table), *chapters[:OBJECTS])


def _of(chapter: Chapter, table: pd.DataFrame) -> Explorable:
    item, config = chapter.item, get_experiment(DOSE).configuration(chapter.plan)
    planes = {factor: told_planes(chapter.model, item, factor).detach() for factor in config.factors}
    masks = item.masks[split_views(item)[1][: config.views]]
    told = Told(planes, chapter.oracle("predicted").planes, float(masks.mean()))
    judged = judged_views(item, config.views)
    return mismatch(told, chapter.model.decoder, judged, chapter.stored_row(table), item.name)


def mismatch(told: Told, decoder: nn.Module, judged: Judged, row: Mapping[str, Any], name: str) -> Explorable:
    """The figure of any predictions; `row` is a record of E17; raises as `field_figure`."""
    alt = f"The triplane of {name}, predicted for a source distance that may be wrong."
    records = [_record(row, index) for index in range(len(told.planes))] if row else []
    content = _content(list(told.planes), _sizes(row, list(told.planes))) | {
        "records": records,
        "area": told.area,
        "note": NOTE.format(pixels=judged.stride**2),
    }
    tensors = told.tensors | {"truth": (judged.truth, 1)}
    return field_figure(content, tensors, told.planes[TRUE], decoder, judged, alt)


def _content(factors: Sequence[float], sizes: Sequence[float]) -> dict[str, Any]:
    true, low, high = (factors.index(factor) for factor in (TRUE, min(factors), max(factors)))
    least, greatest = (f"told × {factors[index]:g}" for index in (low, high))
    share = [fmean(published("C2")[name][index] for name in PUBLISHED_OBJECTS) for index in range(len(BANDS))]
    return {
        "key": "mismatch",
        "title": "A wrong source distance",
        "sliders": [
            choice("told", "Distance told, over the true one", [f"× {factor:g}" for factor in factors]),
            slider("scale", "Object scaled by", *SCALES),
        ],
        "start": _state(true),
        "presets": {
            "Told the truth": _state(true),
            f"{least.capitalize()}, not scaled": _state(low),
            f"{greatest.capitalize()}, not scaled": _state(high),
            f"Told the truth, made as large as {least}": _state(true, sizes[low]),
            f"Told the truth, made as large as {greatest}": _state(true, sizes[high]),
            f"{least.capitalize()}, made as large as told the truth": _state(low, 1 / sizes[low]),
            f"{greatest.capitalize()}, made as large as told the truth": _state(high, 1 / sizes[high]),
        },
        "bands": [BAND_NAMES[band] for band in BANDS],
        "edges": PUBLISHED_EDGES,
        "published": share,
        "tables": TABLES,
    }


def _state(told: int, scale: float = 1.0) -> dict[str, float]:
    return {"told": told, "scale": nearest(scale, *SCALES)}


def _sizes(row: Mapping[str, Any], factors: Sequence[float]) -> list[float]:
    """How large each prediction is over the one told the truth: by the recorded areas, else as it was told."""
    areas = row.get("images.area")
    if not isinstance(areas, list) or not all(area > 0 for area in areas):
        return list(factors)
    return [(area / areas[factors.index(TRUE)]) ** 0.5 for area in areas]


def _record(row: Mapping[str, Any], index: int) -> dict[str, Any]:
    """What the record says of one distance told; None where it has no number."""

    def entry(name: str) -> float | None:
        values = row.get(name)
        return values[index] if isinstance(values, list) else None

    parts = {
        part: {"size": entry(f"{part}.relative_size")}
        | {
            measure: [entry(f"{part}.{column}_{band}") for band in BANDS]
            for measure, column in (("amplitude", "published"), ("power", "power"))
        }
        for part in TABLES
    }
    return parts | {"images": {name: entry(f"images.{name}") for name in IMAGES}}
