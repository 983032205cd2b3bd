"""Figures and tables of the chapter on band correction (E8, claim C4)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch
from plotly.subplots import make_subplots

from lrm_core.evidence.canonical import plain
from lrm_core.evidence.claims import claim
from lrm_core.evidence.experiments.e08_band_correction import band_corrections
from lrm_core.evidence.live import Live
from lrm_core.evidence.rules import Intervals
from lrm_core.evidence.verdicts import intervals
from lrm_core.show.chapter import Chapter
from lrm_core.show.diagnosis.corrected import TARGETS, corrected_pictures, live_scene, residual_of
from lrm_core.show.elements.curves import Curve, curves, mean_lists
from lrm_core.show.elements.prose import listed, number, percent
from lrm_core.show.elements.style import COLOURS, finish
from lrm_core.spectral import split_residual

TICKS = (0.05, 0.1, 0.2, 0.4, 0.7, 1)  # x Nyquist
PANEL = 250  # pixels
# Name, colour and dash of each correction; low and high have the colours that they have for the residual.
SERIES = {
    "low": ("low band corrected", "procedural", "solid"),
    "high": ("high band corrected", "real", "solid"),
    "control_low": ("noise in the low band", "procedural", "dot"),
    "control_high": ("noise in the high band", "real", "dot"),
}
MEASURES = {"l1": (4, "L1"), "psnr": (1, "PSNR (dB)"), "ssim": (3, "SSIM"), "lpips": (3, "LPIPS")}
LIVE_ENTRIES = {
    "corrections.low.reference.improvement": "low band, to renders of the oracle",
    "corrections.high.reference.improvement": "high band, to renders of the oracle",
    "corrections.low.truth.improvement": "low band, to the truth",
    "corrections.high.truth.improvement": "high band, to the truth",
    "oracle.truth.improvement": "the whole residual, to the truth",
    "share.power.low": "share of the residual's power in the low band",
    "amplification.reference.low_minus_twice_high": "yield of low minus twice that of high",
}
REDRAWN = ("control", "random", "sweep")  # entries that depend on how many cutoffs came before


def published_cutoff() -> float:
    """Where the published corrections split the residual, in x Nyquist."""
    return claim("C4").published["cutoff_x_nyquist"]


def published_table(published: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Published improvements of both objects."""
    low, high = published["low_only"], published["high_only"]
    rows = [
        {
            "object": name,
            "only the low band corrected": percent(low[name]),
            "only the high band": percent(high[name]),
        }
        for name in low
    ]
    return pd.DataFrame(rows)


def cutoff_sentence() -> str:
    """Where the bands of this chapter meet, in one sentence."""
    return f"Low and high meet at {published_cutoff():g} × Nyquist, and the corners count as high."


def pictures(chapter: Chapter) -> str:
    """A held-out view before and after each correction, as HTML."""
    low, high = split_residual(residual_of(chapter), published_cutoff())
    return corrected_pictures(chapter, {"low band corrected": low, "high band corrected": high})


def improvement_figure(chapter: Chapter) -> go.Figure:
    """Improvement by either band against the cutoff, with noise of the same power, for both targets."""
    panels = {
        f"improvement, to {words}": [*_improvements(chapter, target), *_shares(chapter, target)]
        for target, words in TARGETS.items()
    }
    x = intervals(chapter.table)
    alt = (
        "Improvement against the cutoff, thin for objects and thick for their mean, with noise of the same power "
        f"dotted. At {published_cutoff():g} × Nyquist: "
        + "; ".join(
            f"to {words}, low {percent(improvement(x, 'low', target))}, "
            f"high {percent(improvement(x, 'high', target))}, noise in the low band "
            f"{percent(improvement(x, 'control_low', target))}"
            for target, words in TARGETS.items()
        )
        + f". The low band holds {percent(x('share.power.low').estimate)} of the residual's power there."
    )
    return _stacked(panels, "cutoff (× Nyquist)", alt, {"published cutoff": published_cutoff()})


def measures_table(chapter: Chapter) -> pd.DataFrame:
    """Other image measures before and after each correction, against the truth."""
    x = intervals(chapter.table)
    columns = {
        "prediction": "predicted",
        "low band corrected": "corrections.low",
        "high band corrected": "corrections.high",
        "oracle": "oracle",
    }
    rows = [
        {"to the truth": label}
        | {
            name: number(x(f"{column}.truth.{key}").estimate, digits)
            for key, (digits, name) in MEASURES.items()
        }
        for label, column in columns.items()
    ]
    return pd.DataFrame(rows)


def measures_sentence(chapter: Chapter) -> str:
    """By which measures correcting one band brings the renders closer to the truth than correcting the other."""
    x = intervals(chapter.table)
    scores = {
        key: [x(f"corrections.{band}.truth.{key}").estimate for band in ("low", "high")] for key in MEASURES
    }
    by_low = [name for key, (_, name) in MEASURES.items() if _better(key, *scores[key])]
    by_high = [name for _, name in MEASURES.values() if name not in by_low]
    bands = {"the low band": by_low, "the high band": by_high}
    said = [f"correcting {band} helps more by {listed(names)}" for band, names in bands.items() if names]
    return f"In the mean over objects, {'; '.join(said)}."


def _better(measure: str, one: float, other: float) -> bool:
    return one > other if measure in ("psnr", "ssim") else one < other


@torch.no_grad()
def live(chapter: Chapter) -> Live:
    """The record of the object at the published cutoff, computed now, with what is stored of it.

    The controls depend on the cutoffs before them or on the number of draws, and are left out of the comparison.
    """
    config = replace(chapter.configuration, cutoffs=(published_cutoff(),), control_draws=1)
    result = band_corrections(live_scene(chapter, config.views), config, chapter.seed)
    stored = chapter.stored_numbers()
    kept = stored and {k: v for k, v in stored.items() if not any(word in k for word in REDRAWN)}
    return Live(plain(result), kept)


def improvement(x: Intervals, name: str, target: str) -> float:
    """Mean improvement by a correction at the published cutoff."""
    return x(f"corrections.{name}.{target}.improvement").estimate


def _improvements(chapter: Chapter, target: str) -> list[Curve]:
    """Means over objects of all corrections; of both bands the objects too."""
    cutoffs, lines = _cutoffs(chapter), []
    for name, (label, colour, dash) in SERIES.items():
        values = mean_lists(chapter.table, f"sweep.{name}.{target}.improvement")
        mean, hover = np.mean(list(values.values()), axis=0), f"to {TARGETS[target]}, "
        lines.append(Curve(label, cutoffs, mean, COLOURS[colour], dash, 3.5, hover=hover + "mean"))
        if name in ("low", "high"):
            lines += [
                Curve(label, cutoffs, of, COLOURS[colour], dash, opacity=0.4, hover=hover + k)
                for k, of in values.items()
            ]
    return lines


def _shares(chapter: Chapter, target: str) -> list[Curve]:
    shares = np.mean(list(mean_lists(chapter.table, "sweep.share.power.low").values()), axis=0)
    name, hover = "share of the residual's power below the cutoff", f"to {TARGETS[target]}, mean"
    return [Curve(name, _cutoffs(chapter), shares, COLOURS["reference"], "dash", 2.5, hover=hover)]


def _cutoffs(chapter: Chapter) -> Sequence[float]:
    return next(iter(mean_lists(chapter.table, "sweep.cutoff").values())).tolist()


def _stacked(
    panels: Mapping[str, Sequence[Curve]], axis: str, alt: str, marks: Mapping[str, float]
) -> go.Figure:
    """`curves` one above the other over one logarithmic axis, by the title of their own."""
    figure, seen = make_subplots(rows=len(panels), shared_xaxes=True, vertical_spacing=0.06), set()
    for place, (title, lines) in enumerate(panels.items(), start=1):
        drawn = curves(lines, ("", title), alt, log_ticks=TICKS, marks=marks if place == 1 else None)
        figure.add_traces(list(drawn.data), rows=[place] * len(drawn.data), cols=[1] * len(drawn.data))
        figure.update_yaxes(title_text=title, row=place, col=1)
        for note in drawn.layout.annotations:
            figure.add_annotation(note)
    for trace in figure.data:
        trace.showlegend = trace.name not in seen
        seen.add(trace.name)
    for x in marks.values():
        figure.add_vline(x=x, line={"color": COLOURS["reference"], "width": 1, "dash": "dot"})
    figure.update_xaxes(type="log", tickvals=list(TICKS))
    figure.update_xaxes(title_text=axis, title_standoff=6, row=len(panels), col=1)
    return finish(figure, alt, PANEL * len(panels), bottom=160)
