"""Bench of the chapter on the residual spectrum: shares of three bands with edges of one's own (E5, claim C2)."""

from math import inf

import ipywidgets as widgets
import pandas as pd
from jaxtyping import Float
from torch import Tensor

from lrm_core.evidence.metrics import BANDS
from lrm_core.show.chapter import Chapter
from lrm_core.show.elements.prose import percent, table_html
from lrm_core.show.elements.style import COLOURS
from lrm_core.show.kernel.bench import ENTRY, Bench
from lrm_core.show.kernel.front_end import show_bench
from lrm_core.show.kernel.subject import Setting, Subject
from lrm_core.spectral import PUBLISHED_EDGES, pooled_shares, published_shares

LOWEST, HIGHEST, STEP = 0.05, 0.95, 0.01  # cutoffs, in x Nyquist
CORNERS = "corners, in no band"
NAMES = {"power": "power", "amplitude": "amplitude, as published"}
FILLS = dict(zip((*BANDS, CORNERS), ("procedural", "predinit", "real", "null"), strict=True))


def band_table(residual: Float[Tensor, "3 c r r"], lower: float, upper: float) -> dict[str, dict[str, float]]:
    """Shares of the residual below, between and from two cutoffs on.

    Args:
        residual: dT, (3, C, R, R).
        lower, upper: in x Nyquist.

    Returns:
        power: of all planes together, corners in the high band; amplitude: mean over the planes, as published,
        where the high band ends at Nyquist and the corners are in no band. Each by the names of the bands, with
        what is in none of them.

    Raises:
        ValueError: if the cutoffs do not increase, or reach beyond Nyquist.
    """
    shares = {
        "power": pooled_shares(residual, (0.0, lower, upper, inf)),
        "amplitude": published_shares(residual, (0.0, lower, upper, PUBLISHED_EDGES[-1])).mean(0),
    }
    found = {measure: dict(zip(BANDS, of.tolist(), strict=True)) for measure, of in shares.items()}
    return {measure: of | {CORNERS: max(1 - sum(of.values()), 0.0)} for measure, of in found.items()}


def show_residual_spectrum(chapter: Chapter) -> None:
    """Display the bench on the chapter's object where somebody is there to use it, else one sentence."""
    show_bench(residual_spectrum_bench, chapter)


def residual_spectrum_bench(setting: Setting) -> Bench:
    """A bench with the two cutoffs between three bands, and a button for the published ones."""
    _, lower, upper, _ = PUBLISHED_EDGES
    cutoffs = widgets.FloatRangeSlider(
        value=(lower, upper),
        min=LOWEST,
        max=HIGHEST,
        step=STEP,
        description="Cutoffs (× Nyquist)",
        **ENTRY,
    )
    published = {f"C2: {lower:g} and {upper:g}": {"cutoffs": (lower, upper)}}
    return Bench(setting, _draw, {"cutoffs": cutoffs}, published)


def _draw(subject: Subject, cutoffs: tuple[float, float]) -> str:
    shares = band_table(subject.residual, *cutoffs)
    rows = [
        {"share of": NAMES[of]} | {band: percent(x) for band, x in found.items()}
        for of, found in shares.items()
    ]
    bars = "".join(_bar(NAMES[measure], found) for measure, found in shares.items())
    return bars + table_html(pd.DataFrame(rows))


def _bar(measure: str, shares: dict[str, float]) -> str:
    """One bar as wide as the whole, a colour for each band, as HTML."""
    said = f"Shares of {measure}: " + ", ".join(f"{band} {percent(share)}" for band, share in shares.items())
    parts = "".join(
        f'<span style="width:{100 * share:.2f}%;background:{COLOURS[FILLS[band]]}"></span>'
        for band, share in shares.items()
    )
    return (
        f'<p style="margin:0.4rem 0 0">{measure}</p>'
        f'<div role="img" aria-label="{said}" style="display:flex;height:1.1rem;max-width:36rem">{parts}</div>'
    )
