"""Figures of the chapter on one wrong number: what it does to the pattern, other harms, the published pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd
import plotly.graph_objects as go
import torch
from jaxtyping import Float
from plotly.subplots import make_subplots
from torch import Tensor

from lrm_core.findings.cause import DOSE, PATTERN
from lrm_core.findings.harms import TOLD, Fingerprint, published_numbers
from lrm_core.findings.harms import words as harm_words
from lrm_core.findings.prose import number, percent
from lrm_core.findings.verdicts import experiment_table
from lrm_core.findings.wrong_number import ARMS, EXPERIMENTS, UNTOUCHED, Point
from lrm_core.measure.experiments import get_experiment
from lrm_core.measure.oracles import heldout_views, predicted_planes, render_like
from lrm_core.objects import Source
from lrm_core.page import chapter as chapters
from lrm_core.page.elements.plots import Curve, curves, panels
from lrm_core.page.elements.style import COLOURS, SMALL, finish, spans
from lrm_core.page.finding_page import Chapter
from lrm_core.profiles import DRAWN, PUBLISHED
from lrm_core.records.statistics import Interval

PANELS = {
    "share of amplitude": {"high_share": "fine", "low_share": "coarse"},
    "error removed": {"low_correction": "coarse", "high_correction": "fine"},
}
TONES = {"coarse": "procedural", "fine": "real"}
STAR = {"symbol": "star", "size": 13, "line": {"width": 1, "color": "#222"}}
AXIS = "distance told, over the true one"
ROW = 30  # pixels of a harm
EDGE = 1.5  # spreads; what lies beyond is written at the edge
GAP = 4  # places from the first arm of one experiment to that of the next
AGREE = 0.01  # a share or an improvement that was stored elsewhere


@torch.no_grad()
def pictures(chapter: Chapter) -> str:
    """A held-out view of the object as it is predicted by what the encoder is told, beside the truth, as HTML."""
    seen = heldout_views(chapter.item, 1)
    shown = {"the truth": seen.images[0]}
    for factor in get_experiment(DOSE).configuration(chapter.plan).factors:
        planes = predicted_planes(chapter.model, replace(chapter.item, source=Source(told=factor)))
        words = "told the truth" if factor == 1 else f"told × {factor:g}"
        shown[words] = render_like(chapter.model, planes, seen)[0]
    return chapters.image_row(shown, f"{chapter.item.name}, held-out view", width=140)


def pattern_figure(points: Mapping[str, Point], doses: Mapping[float, Mapping[str, Interval]]) -> go.Figure:
    """Both halves of the pattern over what the encoder is told, with the published ranges as bands."""
    figure = make_subplots(rows=2, shared_xaxes=True, vertical_spacing=0.05)
    for panel, (title, names) in enumerate(PANELS.items(), start=1):
        at = {"row": panel, "col": 1}
        for name, band in names.items():
            share, colour, means = PATTERN[name], COLOURS[TONES[band]], [of[name] for of in doses.values()]
            x, y = list(doses), [mean.estimate for mean in means]
            figure.add_scatter(
                x=x, y=y, mode="lines+markers", name=band, line={"color": colour, "width": 2.2}, **at,
                error_y=spans(means, thickness=1, width=2),
                hovertemplate=f"{band}, told × %{{x:g}}: %{{y:.0%}}<extra></extra>",
            )  # fmt: skip
            if x:
                figure.add_annotation(
                    x=x[-1], y=y[-1], text=band, showarrow=False, xanchor="left", xshift=6, **at,
                    font={"size": SMALL},
                )  # fmt: skip
            figure.add_hrect(
                share.low, share.high, fillcolor=colour, opacity=0.16, line_width=0, layer="below", **at,
                annotation={"text": f"{band}, published", "font": {"size": SMALL}},
                annotation_position="top left",
            )  # fmt: skip
            for words, point in points.items():
                if (mean := point.shares[name]).n and words != "told the truth":
                    figure.add_scatter(
                        x=[point.told], y=[mean.estimate], mode="markers", name=words, **at,
                        marker=STAR | {"color": colour}, error_y=spans([mean], thickness=1, width=4),
                        hovertemplate=f"{band}, {words}: %{{y:.0%}}<extra></extra>",
                    )  # fmt: skip
        figure.update_xaxes(title_text=AXIS if panel == len(PANELS) else "", range=[0.74, 1.36], **at)
        figure.update_yaxes(title_text=title, tickformat=".0%", **at)
        figure.add_vrect(
            *DRAWN, fillcolor=COLOURS["reference"], opacity=0.1, line_width=0, layer="below", **at,
            annotation={"text": "told in the published runs", "font": {"size": SMALL}},
            annotation_position="bottom left",
        )  # fmt: skip
    figure.update_layout(showlegend=False)
    said = [
        f"{words}: "
        + ", ".join(f"{share.words} {percent(point.shares[name].estimate)}" for name, share in PATTERN.items())
        for words, point in points.items()
    ]
    alt = f"The four shares of the published pattern over the distance told. {'; '.join(said)}."
    return finish(figure, alt, 520, bottom=60)


def size_figure(profile: str) -> go.Figure:
    """How large each object is drawn over what was told of it, in both conditions."""
    figure = go.Figure()
    told = {profile: ("told the truth", "null"), profile + PUBLISHED: ("published condition", "real")}
    for name, (words, tone) in told.items():
        table = experiment_table("extent", name)
        if table.empty:
            continue
        figure.add_scatter(
            x=table["told"], y=table["extent"], mode="markers", name=words, marker={"color": COLOURS[tone]},
            text=table["object"], hovertemplate="%{text}<br>told × %{x:.2f}, drawn × %{y:.2f}<extra></extra>",
        )  # fmt: skip
    line = [DRAWN[0], 1.06]
    look = {"color": COLOURS["reference"], "dash": "dot"}
    figure.add_scatter(x=line, y=line, mode="lines", name="size follows what is told", line=look)
    figure.update_xaxes(title_text=AXIS)
    figure.update_yaxes(title_text="size drawn, over the true one")
    alt = "Size that each object is drawn at, over the true one, against the distance told over the true one."
    return finish(figure, alt, 300)


def fingerprint_figure(found: Sequence[Fingerprint]) -> go.Figure:
    """How much nearer to the published numbers each harm comes than the truth, nearest first."""
    shown = sorted((of for of in found if of.harm != "truth"), key=lambda of: of.over_truth.estimate, reverse=True)
    figure = go.Figure()
    for of in shown:
        tone = COLOURS["real" if of.harm.startswith((TOLD, "published")) else "procedural"]
        mean = of.over_truth
        figure.add_scatter(
            x=[mean.estimate], y=[harm_words(of.harm)], mode="markers", marker={"size": 11, "color": tone},
            error_x=spans([mean]),
            hovertemplate=f"%{{y}}: %{{x:+.2f}}, {of.answer}; {mean.n} objects<extra></extra>",
        )  # fmt: skip
        if mean.estimate > EDGE:
            figure.add_annotation(
                x=EDGE, y=harm_words(of.harm), text=f"{mean.estimate:.0f} →", showarrow=False, yshift=12
            )
    figure.add_vline(x=0, line={"color": COLOURS["reference"], "dash": "dot"})
    lowest = min(-EDGE, *(of.over_truth.low for of in shown))
    figure.update_xaxes(title_text="nearer or farther, in spreads", range=[1.05 * lowest, 1.15 * EDGE])
    figure.update_layout(showlegend=False)
    alt = "Change of the distance to the published numbers against the truth: " + "; ".join(
        f"{harm_words(of.harm)} {number(of.over_truth.estimate)}, {of.answer}" for of in reversed(shown)
    )
    return finish(figure, alt + ".", ROW * max(len(shown), 4), bottom=60)


def dose_figure(doses: Mapping[str, Mapping[float, Interval]]) -> go.Figure:
    """Each number over what every object is told, with the published one as a line."""
    numbers = {name: {"told": means} for name, means in doses.items()}
    return panels(numbers, published_numbers(), AXIS, {"told": "real"}, DRAWN)


def extent_figure(table: pd.DataFrame) -> go.Figure:
    """A line for every object: untouched, tuned with MSE and with FreqLoss, for adapters and for all weights."""
    lines, ticks, said = [], {}, []
    for start, (tuned, arms) in enumerate(ARMS.items()):
        names = {UNTOUCHED: "none"} | arms
        places = [GAP * start + place for place in range(len(names))]
        ticks |= dict(zip(places, names.values(), strict=True))
        rows = table[table["tuned"] == tuned].pivot(index="object", columns="arm", values="extent")
        lines += [
            Curve("one object", places, row.tolist(), COLOURS["procedural"], opacity=0.5, hover=name)
            for name, row in rows[list(names)].iterrows()
        ]
        mean = rows[list(names)].mean()
        lines.append(Curve("mean of the five", places, mean.tolist(), COLOURS["real"], width=3, hover=tuned))
        after = ", ".join(f"{loss} {number(mean[arm])}" for arm, loss in arms.items())
        said.append(f"{tuned}: untouched {number(mean[UNTOUCHED])}, {after}")
    alt = f"Extent of the renders over the true one, mean of five published objects. {'; '.join(said)}."
    figure = curves(lines, ("", "extent over the true one"), alt)
    span = {"range": [-0.5, 2 * GAP - 1.5], "showgrid": False}
    figure.update_xaxes(tickvals=list(ticks), ticktext=list(ticks.values()), tickangle=0, **span)
    for start, tuned in enumerate(ARMS):
        figure.add_annotation(
            x=GAP * start + 1, y=1, yref="paper", yanchor="bottom", text=tuned, showarrow=False, font={"size": SMALL}
        )  # fmt: skip
    figure.add_hline(y=1, line={"color": COLOURS["reference"], "width": 1})
    figure.add_hrect(
        y0=DRAWN[0], y1=DRAWN[1], fillcolor=COLOURS["reference"], opacity=0.12, line_width=0, layer="below",
        annotation_text="told over true distance<br>in the published code",
        annotation_position="bottom", annotation_yanchor="bottom", annotation_yshift=4,
    )  # fmt: skip
    return figure


def make_records(profile: str, objects: Sequence[str] | None, refresh: bool, device: str) -> None:
    """Make the records of the pattern in the published condition, and the sizes in both, that are missing."""
    twin = profile + PUBLISHED
    for name, experiment in ((profile, "extent"), *((twin, name) for name in (*EXPERIMENTS, "extent"))):
        chapters.make_records(experiment, name, refresh, objects, device)


def agrees(
    table: pd.DataFrame, name: str, seed: int, shares: Mapping[str, Float[Tensor, "bands"]], removed: Sequence[float]
) -> bool:
    """Whether what a reader computed by hand is what the stored record of the object says; True without a record.

    Shares are of the low, mid and high band, "told" 0.8 of the true distance and "true"; in that order stands what
    correcting the low band removes of the error. AssertionError, naming the number, if one is more than 0.01 away.
    """
    for _, row in table[(table["object"] == name) & (table["seed"] == seed)].iterrows():
        for (told, mine), gone in zip(shares.items(), removed, strict=True):
            place = list(row["factors"]).index(0.8 if told == "told" else 1.0)
            found = {"published_low": mine[0], "published_high": mine[-1], "low_to_reference": gone}
            for column, value in found.items():
                stored = row[f"residual.{column}"][place]
                assert abs(float(value) - stored) < AGREE, f"{column}, {told}: {value:.4f}, stored {stored:.4f}"
    return True
