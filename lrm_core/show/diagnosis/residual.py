"""Figures and tables of the chapter on the residual spectrum (E5, claim C2)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch

from lrm_core.evidence.claims import PUBLISHED_OBJECTS
from lrm_core.evidence.experiments.e05_residual_spectrum import AUDITED_EDGES
from lrm_core.evidence.metrics import BANDS
from lrm_core.evidence.rules import FLOOR
from lrm_core.evidence.statistics import per_object
from lrm_core.evidence.verdicts import intervals
from lrm_core.show.chapter import Chapter
from lrm_core.show.elements.curves import Curve, curves, mean_lists
from lrm_core.show.elements.maps import maps
from lrm_core.show.elements.prose import mean_and_interval, number, percent, percent_range
from lrm_core.show.elements.strips import Panel, Row, strips
from lrm_core.show.elements.style import COLOURS
from lrm_core.spectral import PUBLISHED_EDGES, power_law_shares, profile_radii

TICKS = (0.03, 0.05, 0.1, 0.2, 0.4, 0.7, 1)  # x Nyquist
PUBLISHED_SIZE = 64  # texels along a plane of the published model
WHITE_BLOCKS = 3 / 4  # three of the four numbers of a 2 x 2 block vary inside it
EXPONENTS = np.linspace(0, 4, 81)
LIVE_ENTRIES = {
    "predicted.published.low": "low band, as published",
    "predicted.published.high": "high band, as published",
    "predicted.power.low": "low band, power",
    "predicted.power.high": "high band, power",
    "floor.high": "left by the null oracle, high band",
    "predicted.power_law.exponent": "exponent of the best power law",
}
SERIES = {
    "predicted": ("residual to the oracle from the prediction", "predinit"),
    "random": ("residual to the oracle from noise", "random"),
    "null": ("null oracle: true residual zero", "null"),
}


def band_names() -> dict[str, str]:
    """Each band with its edges."""
    edges = [f"{edge:g}" for edge in PUBLISHED_EDGES]
    return {
        name: f"{name} ({low} to {high})" for name, low, high in zip(BANDS, edges, edges[1:], strict=False)
    }


def published_table(published: Mapping[str, list[float]]) -> pd.DataFrame:
    """Published shares of each object, and what they add up to."""
    rows = [
        {"object": name} | dict(zip(band_names().values(), map(percent, published[name]), strict=True))
        | {"sum": percent(sum(published[name]))}
        for name in PUBLISHED_OBJECTS
    ]  # fmt: skip
    return pd.DataFrame(rows)


def sum_sentence(published: Mapping[str, list[float]]) -> str:
    """What the published shares leave out, in one sentence."""
    sums = [sum(published[name]) for name in PUBLISHED_OBJECTS]
    return (
        f"The three shares of an object add up to {percent_range(sums)}, not to the whole: the corners of the "
        "spectrum, beyond Nyquist, are in the denominator and in no band."
    )


def published_high(published: Mapping[str, list[float]]) -> float:
    """Mean published share of the high band."""
    return float(np.mean([published[name][2] for name in PUBLISHED_OBJECTS]))


def law_shares(exponent: float, size: int = PUBLISHED_SIZE) -> tuple[list[float], list[float]]:
    """Shares of the three bands for a power spectrum f^-exponent: by the published measure, and in power."""
    amplitude = power_law_shares(size, exponent, PUBLISHED_EDGES, "amplitude")
    return amplitude.tolist(), power_law_shares(size, exponent, AUDITED_EDGES, "power").tolist()


def matching_exponent(published: Mapping[str, list[float]]) -> float:
    """Exponent at which a power law has the published share in the high band."""
    shares = [law_shares(exponent)[0][2] for exponent in EXPONENTS]
    return float(np.interp(-published_high(published), [-share for share in shares], EXPONENTS))


def law_sentence(published: Mapping[str, list[float]]) -> str:
    """What the published share would mean for a power law, in two sentences."""
    exponent = matching_exponent(published)
    (amplitude, power), (white, _) = law_shares(exponent), law_shares(0)
    return (
        f"By the published measure white noise on such planes puts {percent(white[2])} of itself in the high "
        f"band. The published mean of {percent(published_high(published))} is that of a power spectrum that falls "
        f"like f to the minus {number(exponent, 1)}, and such a spectrum holds {percent(power[0])} of its power in "
        f"the low band and {percent(power[2])} in the high one (by amplitude: {percent(amplitude[0])} low)."
    )


def law_figure(published: Mapping[str, list[float]]) -> go.Figure:
    """Share of the low and the high band against the exponent, summed as amplitude and as power."""
    shares = [law_shares(exponent) for exponent in EXPONENTS]
    lines = [
        Curve(
            f"{band} band, {measure}",
            EXPONENTS,
            [pair[which][index] for pair in shares],
            COLOURS[colour],
            dash,
            2.5,
        )
        for band, index, colour in (("low", 0, "procedural"), ("high", 2, "real"))
        for which, measure, dash in ((0, "amplitude as published", "dash"), (1, "power", "solid"))
    ]
    alt = (
        "Shares of the low and the high band against the steepness of the spectrum. In power, the low band overtakes "
        "the high one at a far gentler slope than by amplitude."
    )
    axes = ("exponent a of a power spectrum f to the minus a", "share")
    marks = {"published share of the high band": matching_exponent(published)}
    return curves(lines, axes, alt, marks=marks)


def shares_figure(chapter: Chapter) -> go.Figure:
    """Share of each band for every object, as published and in power, with both references."""
    panels = [
        Panel(axis, [_share_row(chapter, measure, band) for band in BANDS], span=(0, 1))
        for measure, axis in (("published", "share, amplitude as published"), ("power", "share of the power"))
    ]
    x = intervals(chapter.table)
    alt = "Share of the residual in each band, one point per object. " + " ".join(
        f"{label}: low {percent(x(f'predicted.{measure}.low').estimate)}, high "
        f"{percent(x(f'predicted.{measure}.high').estimate)}."
        for measure, label in (("published", "By amplitude"), ("power", "In power"))
    )
    return strips(chapter.table, chapter.groups, panels, alt)


def profile_figure(chapter: Chapter) -> go.Figure:
    """Mean power of a mode against its radius: the residual to both oracles and that of the null oracle."""
    lines = []
    for start, (label, colour) in SERIES.items():
        profiles = {
            k: v[1:] for k, v in mean_lists(chapter.table, f"{start}.profile").items() if (v[1:] > 0).all()
        }
        if not profiles:
            continue
        radii = profile_radii(2 * (len(next(iter(profiles.values()))) + 1))[1:].tolist()
        mean = np.exp(np.mean([np.log(profile) for profile in profiles.values()], axis=0))
        lines.append(Curve(label, radii, mean, COLOURS[colour], width=4, hover="geometric mean"))
        lines += [Curve(label, radii, v, COLOURS[colour], opacity=0.4, hover=k) for k, v in profiles.items()]
    alt = (
        "Power per mode against frequency on logarithmic axes, one thin curve per object and a thick mean, for the "
        "residual to both oracles and for the null oracle. White noise would be a level line."
    )
    marks = {"low | mid": PUBLISHED_EDGES[1], "mid | high": PUBLISHED_EDGES[2]}
    return curves(
        lines, ("radius (× Nyquist)", "power per mode"), alt, log_ticks=TICKS, log_y=True, marks=marks
    )


def controls_figure(chapter: Chapter) -> go.Figure:
    """Share of power in the high band under each change of the measurement, and the floor of the fit."""
    white = {"white noise": float(intervals(chapter.table)("white_noise.power.high").estimate)}
    shares = Panel(
        "share of the power in the high band",
        (
            Row("residual, as in the rule", "predicted.power.high", white),
            Row("only texels that the object occupies", "predicted.matter.power.high"),
            Row("to the oracle from noise", "random.power.high"),
            Row("null oracle: what the fit makes", "null.power.high"),
        ),
        span=(0, 1),
    )
    floor = Panel(
        "power of the null residual over that of the residual",
        (Row("low band", "floor.low"), Row("high band", "floor.high"), Row("all", "floor.all")),
        {"limit of the rule": FLOOR},
        span=(0, 1),
    )
    x = intervals(chapter.table)
    alt = (
        f"Share of power in the high band: {percent(x('predicted.power.high').estimate)} as measured, "
        f"{percent(x('predicted.matter.power.high').estimate)} in the texels of the object, "
        f"{percent(x('random.power.high').estimate)} to the oracle from noise. The null oracle leaves "
        f"{percent(x('floor.high').estimate)} of the high-band power."
    )
    return strips(chapter.table, chapter.groups, (shares, floor), alt)


def controls_table(chapter: Chapter) -> pd.DataFrame:
    """Further numbers that bear on the reading: grid of the upsampler, DC, power law, size of the residual."""
    x = intervals(chapter.table)
    rows = {
        f"share of power inside 2 × 2 blocks (white noise: {number(WHITE_BLOCKS)})": "predicted.block_grid",
        "share of power in the channel means (DC)": "predicted.dc",
        "share of that DC which no image shows": "invisible_dc",
        "exponent of the best power law": "predicted.power_law.exponent",
        "explained variance of its fit": "predicted.power_law.r2",
        "RMS of the residual over that of the prediction": "predicted.relative_size",
        "the same to the oracle from noise": "random.relative_size",
    }
    pairs = [(label, mean_and_interval(x(column))) for label, column in rows.items()]
    return pd.DataFrame(pairs, columns=["quantity", "mean [95% interval]"])


def spectrum_map(chapter: Chapter) -> go.Figure:
    """Two-dimensional power spectrum of the residual on one plane, mean over channels, with the band edges."""
    residual = (chapter.predicted - chapter.oracle("predicted").planes)[0].cpu()
    power = torch.fft.fft2(residual, norm="ortho").abs().square().mean(0)
    image = torch.fft.fftshift(power.clamp(min=power.max() * 1e-8).log10()).numpy()
    alt = "Square map of the residual's power by frequency, the constant in the centre, circles at the band edges."
    return maps({f"{chapter.item.name}, plane xy": image}, alt, "log₁₀ power", PUBLISHED_EDGES[1:])


def _share_row(chapter: Chapter, measure: str, band: str) -> Row:
    """One band with what is published, what white noise has, and what the objects' power laws have."""
    x = intervals(chapter.table)
    marks = {"white noise": x(f"white_noise.{measure}.{band}").estimate}
    if measure == "published":
        published, index = chapter.claim.published, BANDS.index(band)
        marks["published"] = float(np.mean([published[name][index] for name in PUBLISHED_OBJECTS]))
    marks["best power law"] = _law_mean(chapter, measure, band)
    label = (
        f"{band} ({PUBLISHED_EDGES[-2]:g} and up)"
        if (measure, band) == ("power", "high")
        else band_names()[band]
    )
    return Row(label, f"predicted.{measure}.{band}", marks)


def _law_mean(chapter: Chapter, measure: str, band: str) -> float:
    """Share of the power laws that fit the objects' residuals best, mean over objects."""
    exponents = per_object(chapter.table, "predicted.power_law.exponent")
    size, which = chapter.predicted.shape[-1], 0 if measure == "published" else 1
    return float(np.mean([law_shares(exponent, size)[which][BANDS.index(band)] for exponent in exponents]))
