"""Spectra by hand: shares by amplitude and by power (C2; audit A1), and H(f) by noise of one bin (C3; audit A5)."""

from collections.abc import Mapping
from statistics import fmean
from typing import Any

import torch
from IPython.display import display
from jaxtyping import Bool, Float
from torch import Tensor

from lrm_core.data_url import data_url
from lrm_core.findings.c02 import BANDS as BAND_NAMES
from lrm_core.findings.c02 import PUBLISHED_SIZE, law_shares, matching_exponent
from lrm_core.findings.claims import PUBLISHED_OBJECTS, published
from lrm_core.findings.finding import say
from lrm_core.measure.e06_response import DecoderResponse
from lrm_core.measure.geometry import matter_texels
from lrm_core.measure.metrics import BANDS
from lrm_core.page.explorables.widget import NOTES, Explorable, Scene, choice, nearest, show, slider
from lrm_core.page.finding_page import Chapter
from lrm_core.records.statistics import per_object
from lrm_core.spectral import PUBLISHED_EDGES
from lrm_core.spectral.bands import band_masks, frequency_radius

EXPONENTS = (0.0, 4.0, 0.05)
NATURAL = 2.0  # of the power of natural images (Field 1987)
BEYOND = 2.0  # x Nyquist: above the corners, as infinity is no JSON
CONTRAST = 2.5  # standard deviations from grey to black or white
PICTURE = "Noise with this spectrum"
LEVEL_STEP, LARGEST = 0.05, 2.0
SEEN = 0.7  # size of noise that a picture shows; H hardly depends on it
DRAWS = 8
PEAK = 2  # number of the bin in which the published curve is highest (audit A5)
PLACES = {
    "the prediction": ("audited.predicted", "predicted"),
    "the oracle": ("audited.reference", "reference"),
    "the oracle, as published": ("published", "reference"),
}  # what is probed: its columns in the records, its planes
Probed = tuple[Float[Tensor, "3 C R R"], Bool[Tensor, "3 R R"]]  # planes, and the texels that an object reads


def show_spectrum(chapter: Chapter) -> None:
    """Display the figure with the published shares and the chapter's records (of E5) marked."""
    noise = shaped_noise(PUBLISHED_SIZE, NATURAL, torch.Generator().manual_seed(0))
    grey = (0.5 + noise / (2 * CONTRAST * noise.std())).clamp(0, 1)
    (amplitude, power), (white, _) = law_shares(NATURAL), law_shares(0)
    alt = (
        f"Noise whose power falls like f to the minus {NATURAL:g}: its high band holds {amplitude[2]:.0%} by "
        f"amplitude and {power[2]:.0%} of the power. White noise holds {white[2]:.0%} there by amplitude."
    )
    display(Explorable.of(spectrum_content(chapter), data_url(grey.expand(3, -1, -1)), alt))


def spectrum_content(chapter: Chapter) -> dict[str, Any]:
    def ours(column: str) -> float:
        return fmean(per_object(chapter.table, f"predicted.{column}"))

    shares = {band: fmean(published("C2")[name][at] for name in PUBLISHED_OBJECTS) for at, band in enumerate(BANDS)}
    slopes = {
        "White noise": 0.0,
        "Published share of the high band": matching_exponent(),
        "Our residuals, best power law": ours("power_law.exponent"),
        "Natural images": NATURAL,
    }
    return {
        "key": "spectrum",
        "title": "What is a spectrum?",
        "sliders": [slider("exponent", "Power falls like f to the minus", *EXPONENTS)],
        "start": {"exponent": 0.0},
        "presets": {label: {"exponent": nearest(exponent, *EXPONENTS)} for label, exponent in slopes.items()},
        "side": PUBLISHED_SIZE,
        "edges": PUBLISHED_EDGES,
        "audited": (*PUBLISHED_EDGES[:-1], BEYOND),
        "bands": [
            {
                "name": BAND_NAMES[band],
                "marks": {
                    "amplitude": {
                        "published": {"share": share, "text": "published"},
                        "ours": {"share": ours(f"published.{band}"), "text": "ours"},
                    },
                    "power": {"ours": {"share": ours(f"power.{band}"), "text": "ours"}},
                },
            }
            for band, share in shares.items()
        ],
        "picture": PICTURE,
        "note": say(NOTES, "spectrum", size=str(PUBLISHED_SIZE)),
    }


def shaped_noise(size: int, exponent: float, generator: torch.Generator) -> Float[Tensor, "r r"]:
    """Gaussian noise whose power falls like f^-exponent, with mean zero."""
    spectrum = torch.fft.fft2(torch.randn(size, size, generator=generator, dtype=torch.float64))
    factor = frequency_radius(size, size).clamp(min=2 / size).pow(-exponent / 2)
    factor[0, 0] = 0
    return torch.fft.ifft2(spectrum * factor).real.float()


def show_noise_probe(*chapters: Chapter) -> None:
    """Display the probe of an object, around its prediction and its oracle from there; as `show`."""

    def of(chapter: Chapter) -> Explorable:
        planes = {"predicted": chapter.predicted, "reference": chapter.oracle("predicted").planes}
        probed = {name: (each, matter_texels(chapter.model, each)) for name, each in planes.items()}
        scene = Scene.of(chapter.model, chapter.item, chapter.configuration.views)
        return probe(scene, probed, chapter.configuration, chapter.stored_row(chapter.table))

    show(of, *chapters)


def probe(scene: Scene, probed: Mapping[str, Probed], config: DecoderResponse, row: Mapping[str, Any]) -> Explorable:
    """The probe of any "predicted" and "reference"; `row` is a record of E6; raises as `Scene.figure`."""
    tensors = {}
    for key, (planes, mask) in probed.items():
        tensors |= {key: (planes, 2), f"{key}_mask": (mask.float(), 1)}
    predicted, _ = probed["predicted"]
    side = predicted.shape[-1]
    first = int(band_masks(side, config.edges[:2]).sum())
    counts = {"pixels": scene.stride**2, "first": first, "all": side**2, "draws": config.draws}
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
        "note": say(NOTES, "probe", **{name: str(count) for name, count in counts.items()}),
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
