"""Noise probe: noise of one bin of frequencies in the planes, and where that falls on H(f) (claim C3; audit A5)."""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lrm_core.measure.e06_response import DecoderResponse
from lrm_core.measure.geometry import matter_texels
from lrm_core.page.explorables.widget import Explorable, Scene, choice, show, slider
from lrm_core.page.finding_page import Chapter
from lrm_core.spectral.bands import band_masks

LEVEL_STEP, LARGEST = 0.05, 2.0
SEEN = 0.7  # size of noise that a picture shows; H hardly depends on it
DRAWS = 8
PEAK = 2  # number of the bin in which the published curve is highest (audit A5)
PLACES = {
    "the prediction": ("audited.predicted", "predicted"),
    "the oracle": ("audited.reference", "reference"),
    "the oracle, as published": ("published", "reference"),
}  # what is probed: its columns in the records, its planes
NOTE = (
    "H is the mean absolute change of the pictures over the standard deviation of the noise, as in the records: "
    "in the same held-out views, here on one pixel of {pixels}. As published, the noise lies on all texels and "
    "its size is in units of the planes; else it lies where the object is, and its size is over the spread that "
    "each channel has there. The page draws its own noise; thin lines are one standard deviation between the "
    "{draws} draws of the record. The first bin holds {first} of {all} modes, so that draws differ most there. "
    "Points that were measured before with noise of this size stay on the chart."
)
Probed = tuple[Float[Tensor, "3 C R R"], Bool[Tensor, "3 R R"]]  # planes, and the texels that an object reads


def show_noise_probe(*chapters: Chapter) -> None:
    """Display the probe of an object, around its prediction and its oracle from there; as `show`."""
    show(_of, *chapters)


def _of(chapter: Chapter) -> Explorable:
    planes = {"predicted": chapter.predicted, "reference": chapter.oracle("predicted").planes}
    probed = {name: (each, matter_texels(chapter.model, each)) for name, each in planes.items()}
    config = chapter.configuration
    scene = Scene.of(chapter.model, chapter.item, config.views)
    return probe(scene, probed, config, chapter.stored_row(chapter.table))


def probe(scene: Scene, probed: Mapping[str, Probed], config: DecoderResponse, row: Mapping[str, Any]) -> Explorable:
    """The probe of any "predicted" and "reference"; `row` is a record of E6; raises as `Scene.figure`."""
    tensors = {}
    for key, (planes, mask) in probed.items():
        tensors |= {key: (planes, 2), f"{key}_mask": (mask.float(), 1)}
    predicted, _ = probed["predicted"]
    side = predicted.shape[-1]
    first = int(band_masks(side, config.edges[:2]).sum())
    last, everywhere = config.bins - 1, len(PLACES) - 1
    words = [config.bin_words(index) for index in range(config.bins)]
    content = {
        "key": "probe",
        "title": "Noise probe",
        "sliders": [
            choice("band", "Noise from, in × Nyquist", words),
            slider("level", "Size of the noise", min(config.levels), LARGEST, LEVEL_STEP),
            choice("place", "Around", list(PLACES)),
            slider("draw", "Draw of the noise", 1, DRAWS, 1),
        ],
        "start": _state(PEAK, SEEN),
        "presets": {
            f"First bin ({words[0]})": _state(0, SEEN),
            f"Bin of the published peak ({words[PEAK]})": _state(PEAK, SEEN),
            f"Last bin ({words[last]})": _state(last, SEEN),
            "As published: first bin": _state(0, config.published_std, everywhere),
            "As published: last bin": _state(last, config.published_std, everywhere),
        },
        "edges": config.edges,
        "axis": "H by frequency; points by this page",
        "places": [_place(*place, config, row) for place in PLACES.values()],
        "note": NOTE.format(pixels=scene.stride**2, first=first, all=side**2, draws=config.draws),
    }
    return scene.figure(content, tensors, predicted, "The predicted triplane of {}, with noise of one bin.")


def _state(band: int, level: float, place: int = 1, draw: int = 1) -> dict[str, float]:
    return {"band": band, "level": level, "place": place, "draw": draw}


def _place(column: str, planes: str, config: DecoderResponse, row: Mapping[str, Any]) -> dict[str, Any]:
    """What is probed, and the curve of the record there with a standard deviation between draws to both sides."""
    masked = column != "published"
    level = config.level if masked else config.published_std
    place = {"planes": planes, "mask": f"{planes}_mask" if masked else None, "curves": []}
    mean, spread = (row.get(f"{column}.{name}") for name in ("response", "spread.response"))
    if not isinstance(mean, list):
        return place
    curves = [{"name": f"record at {level:g}, {config.draws} draws", "values": mean}]
    if isinstance(spread, list):
        sides = (torch.tensor(mean) + side * torch.tensor(spread) for side in (1, -1))
        curves += [{"values": side.tolist(), "dash": "2 3"} for side in sides]
    return place | {"curves": curves}
