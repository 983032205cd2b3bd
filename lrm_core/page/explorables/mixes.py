"""Planes mixed by hand: a prediction corrected by bands (C2, C4 to C6; audit A3), the line between oracles (C1)."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.findings.claims import published
from lrm_core.findings.finding import say
from lrm_core.page.explorables.widget import NOTES, Content, Explorable, Scene, show, slider
from lrm_core.page.finding_page import Chapter
from lrm_core.render.quality import psnr

CUTOFFS = (0.05, 1.0, 0.05)  # x Nyquist: least, greatest, step
GAINS = (0.0, 1.5, 0.05)
BANDS = ("low", "mid", "high")
POINTS = 11  # of the line
HALFWAY = 0.5
ENDS = ("oracle from noise", "oracle from the prediction")
Planes = Float[Tensor, "3 C R R"]


def show_band_mixer(*chapters: Chapter) -> None:
    """Display the mixer of an object, with its oracle from the prediction; as `show`."""
    show(lambda chapter: _mixer_of(chapter, bands()), *chapters)


def show_low_band_mixer(*chapters: Chapter) -> None:
    """The same inside the low band: channel means, rest of the low band, and what is above it."""
    content = inside(chapters[0].predicted.shape[-1])
    show(lambda chapter: _mixer_of(chapter, content), *chapters)


def _mixer_of(chapter: Chapter, content: Content) -> Explorable:
    scene = Scene.of(chapter.model, chapter.item)
    return mixer(scene, chapter.predicted, chapter.oracle("predicted").planes, content)


def mixer(scene: Scene, predicted: Planes, reference: Planes, content: Content) -> Explorable:
    """The mixer of any prediction and its oracle; raises as `Scene.figure`."""
    tensors = {"predicted": (predicted, 2), "correction": (reference - predicted, 2)}
    tensors["truth"] = scene.packable_truth
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
    show(_line_of, *chapters)


def _line_of(chapter: Chapter) -> Explorable:
    ends = (chapter.oracle(start).planes for start in ("random", "predicted"))
    return line(Scene.of(chapter.model, chapter.item), *ends)


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
