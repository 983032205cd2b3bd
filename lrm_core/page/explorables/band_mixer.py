"""Band mixer: the prediction corrected band by band, by hand (claims C2, C4, C5 and C6; audit A3)."""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from lrm_core.findings.claims import published
from lrm_core.page.explorables.widget import Content, Explorable, Scene, show, slider
from lrm_core.page.finding_page import Chapter

CUTOFFS = (0.05, 1.0, 0.05)  # x Nyquist: least, greatest, step
GAINS = (0.0, 1.5, 0.05)
BANDS = ("low", "mid", "high")
Planes = Float[Tensor, "3 C R R"]
NOTE = (
    "The residual is the prediction less the oracle, and a gain is the part of it in a band that is taken away: "
    "with gains of one the mix is the oracle. Amplitudes are summed as published, but the corners of the spectrum, "
    "which are in no published band, count as high. "
    "L1 and PSNR are means over three held-out views, on every second pixel of every second row, so an improvement "
    "is near the one that is judged, of eight whole views, and not equal to it."
)


def show_band_mixer(*chapters: Chapter) -> None:
    """Display the mixer of an object, with its oracle from the prediction; as `show`."""
    show(lambda chapter: _of(chapter, bands()), *chapters)


def show_low_band_mixer(*chapters: Chapter) -> None:
    """The same inside the low band: channel means, rest of the low band, and what is above it."""
    content = inside(chapters[0].predicted.shape[-1])
    show(lambda chapter: _of(chapter, content), *chapters)


def _of(chapter: Chapter, content: Content) -> Explorable:
    return mixer(
        Scene.of(chapter.model, chapter.item), chapter.predicted, chapter.oracle("predicted").planes, content
    )


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
        "note": NOTE,
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
        "note": NOTE,
    }


def _state(lower: float, upper: float, low: float = 0, mid: float = 0, high: float = 0) -> dict[str, float]:
    return {"lower": lower, "upper": upper, "low": low, "mid": mid, "high": high}
