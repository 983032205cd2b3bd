"""Planes mixed by hand: a prediction corrected by bands, the line between oracles, and what wrong distances add.

The bands are those of C2 and C4 to C6 (audit A3), the line that of C1, the distances told those of E17 (audit A9).
"""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import pandas as pd
import torch
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
from lrm_core.page.explorables.widget import NOTES, Content, Explorable, Scene, choice, nearest, show, slider
from lrm_core.page.finding_page import Chapter
from lrm_core.render.quality import psnr
from lrm_core.spectral import PUBLISHED_EDGES

CUTOFFS = (0.05, 1.0, 0.05)  # x Nyquist: least, greatest, step
GAINS = (0.0, 1.5, 0.05)
POINTS = 11  # of the line
HALFWAY = 0.5
ENDS = ("oracle from noise", "oracle from the prediction")
SCALES = (0.8, 1.25, 0.05)  # least, greatest, step
OBJECTS = 2
LIKE = "made as large as told the truth"
IMAGES = ("l1", "psnr", "area")
TABLES = {
    "residual": "The residual, from the oracle",
    "manufactured": "The change, from the prediction told the truth",
}
Planes = Float[Tensor, "3 C R R"]


def show_band_mixer(*chapters: Chapter) -> None:
    """Display the mixer of an object, with its oracle from the prediction; as `show`."""
    _show_mixer(bands(), *chapters)


def show_low_band_mixer(*chapters: Chapter) -> None:
    """The same inside the low band: channel means, rest of the low band, and what is above it."""
    _show_mixer(inside(chapters[0].predicted.shape[-1]), *chapters)


def _show_mixer(content: Content, *chapters: Chapter) -> None:
    def of(chapter: Chapter) -> Explorable:
        scene = Scene.of(chapter.model, chapter.item)
        return mixer(scene, chapter.predicted, chapter.oracle("predicted").planes, content)

    show(of, *chapters)


def mixer(scene: Scene, predicted: Planes, reference: Planes, content: Content) -> Explorable:
    """The mixer of any prediction and its oracle; raises as `Scene.figure`."""
    tensors = {"predicted": (predicted, 2), "correction": (reference - predicted, 2), "truth": scene.packable_truth}
    return scene.figure(content, tensors, predicted, "The predicted triplane of {}, corrected band by band.")


def bands() -> dict[str, Any]:
    """Sliders and presets of the three bands, as published in the claims on them."""
    bands, cutoff = published("C2")["bands_x_nyquist"], published("C4")["cutoff_x_nyquist"]
    share, high = bands["low"][1], bands["high"][0]
    as_published = f"As published: share below {share:g}, correction below {cutoff:g}"
    return {
        "key": "mixer",
        "title": "Band mixer",
        "sliders": [
            slider("lower", "Low band up to", *CUTOFFS, "× Nyquist"),
            slider("upper", "High band from", *CUTOFFS, "× Nyquist"),
            *(slider(band, f"Gain of the {band} band", *GAINS) for band in BANDS),
        ],
        "start": _state(share, high),
        "presets": {
            as_published: _state(share, cutoff, 1, 1),
            f"One cutoff ({cutoff:g}): low band corrected": _state(cutoff, cutoff, 1),
            f"One cutoff ({cutoff:g}): high band corrected": _state(cutoff, cutoff, high=1),
            "All bands: the oracle": _state(share, high, 1, 1, 1),
            "Reset: the prediction": _state(share, high),
        },
        "note": say(NOTES, "mixer"),
    }


def inside(side: int) -> dict[str, Any]:
    """The same with the channel means for the low band: what lies below the first wave of planes of that side."""
    parts = ("channel means", "rest of the low band", "high band")
    gains = [slider(band, f"Gain of the {of}", *GAINS) for band, of in zip(BANDS, parts, strict=True)]
    start = {"upper": published("C4")["cutoff_x_nyquist"]} | dict.fromkeys(BANDS, 0)
    return {
        "key": "mixer",
        "title": "Inside the low band",
        "parts": parts,
        "fixed": {"lower": 1 / side},
        "sliders": [slider("upper", "Low band up to", *CUTOFFS, "× Nyquist"), *gains],
        "start": start,
        "presets": {
            "The channel means": start | {"low": 1},
            "The rest of the low band": start | {"mid": 1},
            "Both": start | {"low": 1, "mid": 1},
            "Reset: the prediction": start,
        },
        "note": say(NOTES, "mixer"),
    }


def _state(lower: float, upper: float, low: float = 0, mid: float = 0, high: float = 0) -> dict[str, float]:
    return {"lower": lower, "upper": upper, "low": low, "mid": mid, "high": high}


def show_basins_line(*chapters: Chapter) -> None:
    """Display the line between the oracles of an object, from noise (t = 0) and from the prediction; as `show`."""

    def of(chapter: Chapter) -> Explorable:
        ends = (chapter.oracle(start).planes for start in ("random", "predicted"))
        return line(Scene.of(chapter.model, chapter.item), *ends)

    show(of, *chapters)


def line(scene: Scene, a: Planes, b: Planes) -> Explorable:
    """The line from a to b, with the mean PSNR (dB) at evenly spaced places; raises as `Scene.figure`."""
    seen = (scene.rendered(torch.lerp(a, b, t)) for t in torch.linspace(0, 1, POINTS).tolist())
    scores = [float(psnr(images, scene.truth).mean()) for images in seen]
    worst = scores.index(min(scores)) / (POINTS - 1)
    lowest = {"lowest point of the curve": worst} if 0 < worst < 1 else {}
    places = {ENDS[0]: 0.0, "halfway": HALFWAY, **lowest, ENDS[1]: 1.0}
    content = {
        "key": "line",
        "title": "The line between two oracles",
        "sliders": [slider("t", f"t: from the {ENDS[0]} to the {ENDS[1]}", 0, 1, 0.01)],
        "start": {"t": HALFWAY},
        "presets": {f"{words.capitalize()} ({t:g})": {"t": t} for words, t in places.items()},
        "ends": ENDS,
        "psnr": scores,
        "note": say(NOTES, "line"),
    }
    tensors = {"a": (a, 2), "b": (b, 2), "truth": scene.packable_truth}
    alt = "The triplane of {} at a place on the line between its two oracles."
    return scene.figure(content, tensors, torch.lerp(a, b, HALFWAY), alt)


def show_camera_mismatch(table: pd.DataFrame, *chapters: Chapter) -> None:
    """Display the predictions of the first `OBJECTS` objects at every distance of E17, by its records; as `show`.

    Each object weighs about a megabyte on the page.
    """

    def of(chapter: Chapter) -> Explorable:
        item, config = chapter.item, get_experiment(DOSE).configuration(chapter.plan)
        planes = {factor: told_planes(chapter.model, item, factor).detach() for factor in config.factors}
        area = float(item.masks[split_views(item)[1][: config.views]].mean())
        row, reference = chapter.stored_row(table), chapter.oracle("predicted").planes
        return mismatch(Scene.of(chapter.model, item, config.views), planes, reference, area, row)

    show(of, *chapters[:OBJECTS])


def mismatch(
    scene: Scene, planes: Mapping[float, Planes], reference: Planes, area: float, row: Mapping[str, Any]
) -> Explorable:
    """The figure of any predictions; raises as `Scene.figure`.

    The page has the right prediction, and what must be added for each wrong distance and for the oracle: differences
    are smaller than planes, and so are the steps of their eight bits.
    Planes are by the distance told over the true one, which is among them; the reference is the oracle, the area that
    which the true images cover in the judged views, in [0, 1], and the row a record of E17.
    """
    right, factors = planes[TRUE], list(planes)
    wrongs = {f"mismatch{at}": (planes[factor] - right, 2) for at, factor in enumerate(factors) if factor != TRUE}
    tensors = {"predicted": (right, 2), "correction": (reference - right, 2), **wrongs, "truth": scene.packable_truth}
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
        "start": _told(true),
        "presets": {
            "Told the truth": _told(true),
            **{f"{told.capitalize()}, not scaled": _told(at) for told, at in ends.items()},
            **{f"Told the truth, made as large as {told}": _told(true, sizes[at]) for told, at in ends.items()},
            **{f"{told.capitalize()}, {LIKE}": _told(at, 1 / sizes[at]) for told, at in ends.items()},
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


def _told(told: int, scale: float = 1.0) -> dict[str, float]:
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
