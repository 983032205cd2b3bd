"""Camera mismatch: predictions that were told wrong distances, beside a pure error of scale (E17, audit A9)."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import pandas as pd
from jaxtyping import Float
from torch import Tensor

from lrm_core.findings.c02 import BANDS as BAND_NAMES
from lrm_core.findings.cause import DOSE
from lrm_core.findings.claims import PUBLISHED_OBJECTS, published
from lrm_core.findings.finding import say
from lrm_core.measure.e17_source_distance import TRUE, told_planes
from lrm_core.measure.experiments import get_experiment
from lrm_core.measure.metrics import BANDS
from lrm_core.measure.oracles import split_views
from lrm_core.page.explorables.widget import NOTES, Explorable, Scene, choice, nearest, show, slider
from lrm_core.page.finding_page import Chapter
from lrm_core.spectral import PUBLISHED_EDGES

SCALES = (0.8, 1.25, 0.05)  # least, greatest, step
OBJECTS = 2
LIKE = "made as large as told the truth"
IMAGES = ("l1", "psnr", "area")
Planes = Float[Tensor, "3 C R R"]
TABLES = {
    "residual": "The residual, from the oracle",
    "manufactured": "The change, from the prediction told the truth",
}


def show_camera_mismatch(table: pd.DataFrame, *chapters: Chapter) -> None:
    """Display the predictions of the first `OBJECTS` objects at every distance of E17, by its records; as `show`.

    Each object weighs about a megabyte on the page.
    """
    show(lambda chapter: _of(chapter, table), *chapters[:OBJECTS])


def _of(chapter: Chapter, table: pd.DataFrame) -> Explorable:
    item, config = chapter.item, get_experiment(DOSE).configuration(chapter.plan)
    planes = {factor: told_planes(chapter.model, item, factor).detach() for factor in config.factors}
    area = float(item.masks[split_views(item)[1][: config.views]].mean())
    row, reference = chapter.stored_row(table), chapter.oracle("predicted").planes
    return mismatch(Scene.of(chapter.model, item, config.views), planes, reference, area, row)


def mismatch(
    scene: Scene, planes: Mapping[float, Planes], reference: Planes, area: float, row: Mapping[str, Any]
) -> Explorable:
    """The figure of any predictions; raises as `Scene.figure`.

    The page has the right prediction, and what must be added for each wrong distance and for the oracle: differences
    are smaller than planes, and so are the steps of their eight bits.

    Args:
        planes: by the distance told over the true one, which is among them.
        reference: the oracle.
        area: coverage of the true images in the judged views, in [0, 1].
        row: a record of E17.
    """
    right, factors = planes[TRUE], list(planes)
    tensors = {"predicted": (right, 2), "correction": (reference - right, 2)}
    for index, factor in enumerate(factors):
        if factor != TRUE:
            tensors[f"mismatch{index}"] = (planes[factor] - right, 2)
    tensors["truth"] = scene.packable_truth
    sizes = _sizes(row, factors)
    true, *wrong = (factors.index(factor) for factor in (TRUE, min(factors), max(factors)))
    ends = {f"told × {factors[index]:g}": index for index in wrong}
    share = [fmean(published("C2")[name][index] for name in PUBLISHED_OBJECTS) for index in range(len(BANDS))]
    content = {
        "key": "mismatch",
        "title": "A wrong source distance",
        "sliders": [
            choice("told", "Distance told, over the true one", [f"× {factor:g}" for factor in factors]),
            slider("scale", "Object scaled by", *SCALES),
        ],
        "start": _state(true),
        "presets": {
            "Told the truth": _state(true),
            **{f"{told.capitalize()}, not scaled": _state(at) for told, at in ends.items()},
            **{f"Told the truth, made as large as {told}": _state(true, sizes[at]) for told, at in ends.items()},
            **{f"{told.capitalize()}, {LIKE}": _state(at, 1 / sizes[at]) for told, at in ends.items()},
        },
        "bands": [BAND_NAMES[band] for band in BANDS],
        "edges": PUBLISHED_EDGES,
        "published": share,
        "tables": TABLES,
        "records": [_record(row, index) for index in range(len(factors))] if row else [],
        "area": area,
        "note": say(NOTES, "mismatch", pixels=str(scene.stride**2)),
    }
    alt = "The triplane of {}, predicted for a source distance that may be wrong."
    return scene.figure(content, tensors, right, alt)


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
