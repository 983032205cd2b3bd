"""What is a spectrum: amplitude shares and power shares of three bands move apart (claim C2; audit A1)."""

from statistics import fmean
from typing import Any

import torch
from IPython.display import display
from jaxtyping import Float
from torch import Tensor

from lrm_core.data_url import data_url
from lrm_core.findings.c02 import BANDS as BAND_NAMES
from lrm_core.findings.c02 import PUBLISHED_SIZE, law_shares, matching_exponent
from lrm_core.findings.claims import PUBLISHED_OBJECTS, published
from lrm_core.measure.metrics import BANDS
from lrm_core.page.explorables.widget import Explorable, nearest, slider
from lrm_core.page.finding_page import Chapter
from lrm_core.records.statistics import per_object
from lrm_core.spectral import PUBLISHED_EDGES
from lrm_core.spectral.bands import frequency_radius

EXPONENTS = (0.0, 4.0, 0.05)
NATURAL = 2.0  # of the power of natural images (Field 1987)
BEYOND = 2.0  # x Nyquist: above the corners, as infinity is no JSON
CONTRAST = 2.5  # standard deviations from grey to black or white
PICTURE = "Noise with this spectrum"
NOTE = (
    f"Planes of {PUBLISHED_SIZE} × {PUBLISHED_SIZE} texels. Marks: the residual of the prediction. Full line: as "
    "published, mean of three objects. Dotted line: our records, mean over the objects of this page, by either "
    "measure. The published bands end at Nyquist and leave out the corners, so their shares do not add up to the "
    "whole; in power the high band holds the corners."
)


def show_spectrum(chapter: Chapter) -> None:
    """Display the figure with the published shares and the chapter's records (of E5) marked."""
    noise = shaped_noise(PUBLISHED_SIZE, NATURAL, torch.Generator().manual_seed(0))
    grey = (0.5 + noise / (2 * CONTRAST * noise.std())).clamp(0, 1)
    (amplitude, power), (white, _) = law_shares(NATURAL), law_shares(0)
    alt = (
        f"Noise whose power falls like f to the minus {NATURAL:g}: its high band holds {amplitude[2]:.0%} by "
        f"amplitude and {power[2]:.0%} of the power. White noise holds {white[2]:.0%} there by amplitude."
    )
    display(Explorable.of(_content(chapter), data_url(grey.expand(3, -1, -1)), alt))


def _content(chapter: Chapter) -> dict[str, Any]:
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
        "note": NOTE,
    }


def shaped_noise(size: int, exponent: float, generator: torch.Generator) -> Float[Tensor, "r r"]:
    """Gaussian noise whose power falls like f^-exponent, with mean zero."""
    spectrum = torch.fft.fft2(torch.randn(size, size, generator=generator, dtype=torch.float64))
    factor = frequency_radius(size, size).clamp(min=2 / size).pow(-exponent / 2)
    factor[0, 0] = 0
    return torch.fft.ifft2(spectrum * factor).real.float()
