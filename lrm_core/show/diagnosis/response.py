"""Figures and tables of the chapter on the decoder's response (E6, claim C3)."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch

from lrm_core.evidence.canonical import plain
from lrm_core.evidence.experiments.e06_response import audited_summary, views_renderer
from lrm_core.evidence.live import Live
from lrm_core.evidence.matter import matter_texels
from lrm_core.evidence.metrics import BANDS
from lrm_core.evidence.rules_response import C3_REFERENCE, LEVEL_H
from lrm_core.evidence.verdicts import intervals
from lrm_core.show.chapter import Chapter
from lrm_core.show.elements.curves import Curve, curves, mean_lists
from lrm_core.show.elements.maps import maps
from lrm_core.show.elements.pictures import image_row
from lrm_core.show.elements.prose import mean_and_interval, number, percent
from lrm_core.show.elements.style import COLOURS, GROUPS, colour_of
from lrm_core.spectral import RESPONSE_BANDS, band_noise

SERIES = {
    "published": ("around the oracle, noise as published", "predinit", "dash"),
    "audited.reference": ("around the oracle, noise where the object is", "predinit", "solid"),
    "audited.predicted": ("around the prediction, noise where the object is", "pred", "solid"),
}
LIVE_ENTRIES = {
    C3_REFERENCE: "low over high per bin, noise where the object is, around the oracle",
    "audited.reference.ratio.first_over_last": "first bin over last, the same noise",
    "audited.reference.slope": "slope of ln H, the same noise",
    "audited.reference.spread.ratio.per_bin": "spread of the first ratio between draws",
    "audited.reference.touched": "share of texels that the object reads",
}


def noise_maps(chapter: Chapter) -> go.Figure:
    """One channel of the noise in the first and in the last bin, and of the last where the object is."""
    config, planes = chapter.configuration, chapter.oracle("predicted").planes
    first, last = config.bin_words(0), config.bin_words(config.bins - 1)
    whole = band_noise(planes, config.edges, 1.0, torch.Generator().manual_seed(chapter.seed))
    images = {first: whole[0, 0, 0], last: whole[-1, 0, 0]}
    mask = matter_texels(chapter.model, planes)
    if mask.any():
        again = torch.Generator().manual_seed(chapter.seed)
        images[f"{last}, object"] = band_noise(planes, config.edges, 1.0, again, mask)[-1, 0, 0]
    alt = (
        f"Square maps of noise in one channel of plane xy: from {first} times Nyquist in wide waves, from {last} "
        f"from texel to texel, and the latter in the {percent(float(mask.float().mean()))} of all texels that the "
        "object reads, zero elsewhere."
    )
    shown = {title: image.cpu().numpy() for title, image in images.items()}
    return maps(shown, alt, "noise over its standard deviation")


@torch.no_grad()
def live(chapter: Chapter) -> Live:
    """The audited response around the oracle, computed now, with what is stored of it."""
    config, planes = chapter.configuration, chapter.oracle("predicted").planes
    render, mask = (
        views_renderer(chapter.model, chapter.item, config.views),
        matter_texels(chapter.model, planes),
    )
    found = audited_summary(render, planes, mask, config, chapter.seed)
    return Live({"audited": {"reference": plain(found)}}, chapter.stored_numbers())


@torch.no_grad()
def pictures(chapter: Chapter) -> str:
    """A held-out view around T_ref with the published noise in three bins, and what it changes, as HTML."""
    config, planes = chapter.configuration, chapter.oracle("predicted").planes
    render = views_renderer(chapter.model, chapter.item, 1)
    generator = torch.Generator().manual_seed(chapter.seed)  # the first draw of the record
    noise, before = band_noise(planes, config.edges, config.published_std, generator), render(planes)[0]
    after = {index: render(planes + noise[index])[0] for index in (0, config.bins // 2, config.bins - 1)}
    changes = {index: (image - before).abs() for index, image in after.items()}
    largest = max(float(change.max()) for change in changes.values()) or 1.0
    images = {"no noise": before} | {f"noise from {config.bin_words(i)}": image for i, image in after.items()}
    for index, change in changes.items():
        h = float(change.mean()) / config.published_std
        images[f"change by {config.bin_words(index)}: H = {h:.2g}"] = 1 - change / largest
    return image_row(images, chapter.item.name)


def response_figure(chapter: Chapter) -> go.Figure:
    """H over its mean by frequency: around T_ref as published and audited, around T_pred, and two references."""
    config = chapter.configuration
    centres = [(low + high) / 2 for low, high in zip(config.edges, config.edges[1:], strict=False)]
    lines = [line for place in SERIES for line in _series(chapter, place, centres)]
    (lookup, *_) = mean_lists(chapter.table, "lookup.bin_shares").values()
    lines.append(Curve("lookup alone", centres, config.bins * lookup, COLOURS["null"], "dashdot", 2.5))
    lines.append(Curve("level response", centres, [1.0] * config.bins, COLOURS["reference"], "dot", 2.5))
    x = intervals(chapter.table)
    alt = "Response over its mean against frequency: thick means, thin objects. Low over high per bin: "
    alt += ", ".join(
        f"{label} {number(x(f'{place}.ratio.per_bin').estimate)}" for place, (label, *_) in SERIES.items()
    )
    alt += f", lookup alone {number(x('lookup.ratio.per_bin').estimate)}, level response {number(LEVEL_H)}."
    marks = {"low | mid": RESPONSE_BANDS[1], "mid | high": RESPONSE_BANDS[2]}
    return curves(lines, ("frequency of the noise (× Nyquist)", "H over its mean"), alt, marks=marks)


def peak_sentence(chapter: Chapter) -> str:
    """In which bins the mean curves are highest and lowest."""
    config, parts = chapter.configuration, {}
    for place, (label, *_) in SERIES.items():
        shares = list(mean_lists(chapter.table, f"{place}.bin_shares").values())
        if shares:
            mean = np.mean(shares, axis=0)
            high, low = (config.bin_words(int(find(mean))) for find in (np.argmax, np.argmin))
            parts[label] = f"highest at {high} and lowest at {low}"
    if not parts:
        return "No object has a response."
    if len(set(parts.values())) == 1 < len(parts):
        return f"All {len(parts)} mean curves are, in × Nyquist, {next(iter(parts.values()))}."
    listed = "; ".join(f"{label}, {places}" for label, places in parts.items())
    return f"In × Nyquist the mean response is, {listed}."


def sweep_figure(chapter: Chapter) -> go.Figure:
    """Low over high per bin against the size of the noise, around T_ref."""
    levels, ratios = (mean_lists(chapter.table, f"sweep.{name}") for name in ("level", "per_bin"))
    ratios = {name: values for name, values in ratios.items() if np.isfinite(values).all()}
    lines = [
        Curve(GROUPS.get(group, group), levels[name], ratios[name], colour_of(group), opacity=0.7, hover=name)
        for name, group in chapter.groups.items()
        if name in ratios
    ]
    config = chapter.configuration
    level = [LEVEL_H] * len(config.levels)
    lines.append(Curve("level response", config.levels, level, COLOURS["reference"], "dot", 2.5))
    alt = "Low over high per bin against the size of the noise, one curve per object."
    if ratios:
        mean = np.mean(list(ratios.values()), axis=0)
        lines.append(Curve("mean", config.levels, mean, COLOURS["reference"], width=4))
        pairs = zip(mean, config.levels, strict=True)
        alt += f" Mean: {', '.join(f'{number(ratio)} at {size:g}' for ratio, size in pairs)}."
    axes = ("noise, over the spread of each channel where the object is", "low over high, per bin")
    marks = {"size in the rule": config.level}
    return curves(lines, axes, alt, log_ticks=config.levels, marks=marks)


def size_sentence(chapter: Chapter) -> str:
    """How large the published noise is beside the planes of the object that is measured again."""
    planes = chapter.oracle("predicted").planes
    mask = matter_texels(chapter.model, planes)
    inside = mask if mask.any() else torch.ones_like(mask)
    own = torch.cat(
        [plane[:, place].std(-1, correction=0) for plane, place in zip(planes, inside, strict=True)]
    )
    config = chapter.configuration
    size = config.published_std / float(own.median().clamp(min=1e-12))
    return (
        f"The published standard deviation of {config.published_std:g} is, in the oracle of "
        f"{chapter.item.name}, {number(size)} times the spread of the median channel where the object is; "
        f"the rule uses {config.level:g} times the spread of each channel."
    )


def controls_table(chapter: Chapter) -> pd.DataFrame:
    """Further numbers that bear on the reading: mask, leakage, slopes, spread between draws."""
    x = intervals(chapter.table)
    rows = {f"noise that the mask moves out of the {band} band": f"leakage.bands.{band}" for band in BANDS}
    rows = {"texels that receive the noise, of all": "touched"} | rows
    rows |= {
        "slope of ln H, per Nyquist": "slope",
        "spread of low over high per bin between draws": "spread.ratio.per_bin",
    }
    found = [
        (label, *(mean_and_interval(x(f"audited.{place}.{column}")) for place in ("reference", "predicted")))
        for label, column in rows.items()
    ]
    return pd.DataFrame(found, columns=["quantity", "around the oracle", "around the prediction"])


def _series(chapter: Chapter, place: str, centres: list[float]) -> list[Curve]:
    """Objects, their mean, and the mean a standard deviation between draws above and below."""
    label, colour, dash = SERIES[place]
    names = ("response", "bin_shares", "spread.response")
    response, shares, spread = (mean_lists(chapter.table, f"{place}.{name}") for name in names)
    if not shares:
        return []
    relative = {name: len(centres) * values for name, values in shares.items()}
    mean = np.mean(list(relative.values()), axis=0)
    draws = np.mean([relative[name] * spread[name] / response[name] for name in relative], axis=0)
    thick = {"mean of objects": (mean, dash, 4.0)}
    thick |= {
        "mean, draws above": (mean + draws, "dot", 1.5),
        "mean, draws below": (mean - draws, "dot", 1.5),
    }
    lines = [Curve(label, centres, y, COLOURS[colour], d, w, hover=k) for k, (y, d, w) in thick.items()]
    return lines + [
        Curve(label, centres, y, COLOURS[colour], dash, opacity=0.35, hover=k) for k, y in relative.items()
    ]
