"""Figures of what other harms of the source view make of the published numbers, and of how they follow the dose."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lrm_core.findings.harms import TOLD, Fingerprint, published_numbers, words
from lrm_core.findings.prose import number
from lrm_core.page.diagnosis.source_distance import AXIS
from lrm_core.page.elements.style import COLOURS, SMALL, finish
from lrm_core.profiles import DRAWN
from lrm_core.records.statistics import Interval

ROW, PANEL = 30, 110  # pixels
COLUMNS = 2
TITLES = {
    "C2": "C2: fine share",
    "C4": "C4: coarse corrected",
    "C5": "C5: amplification",
    "C6": "C6: coarse less mean",
    "C7": "C7: occluded surface",
    "low_share": "coarse share",
    "high_correction": "fine corrected",
}
EDGE = 1.5  # spreads; what lies beyond is written at the edge


def fingerprint_figure(found: Sequence[Fingerprint]) -> go.Figure:
    """How much nearer to the published numbers each harm comes than the truth, nearest first.

    Args:
        found: of `lrm_core.findings.harms.fingerprints`.
    """
    shown = sorted(
        (of for of in found if of.harm != "truth"), key=lambda of: of.over_truth.estimate, reverse=True
    )
    figure = go.Figure()
    for of in shown:
        tone = COLOURS["real" if of.harm.startswith((TOLD, "published")) else "procedural"]
        mean = of.over_truth
        figure.add_scatter(
            x=[mean.estimate], y=[words(of.harm)], mode="markers", marker={"size": 11, "color": tone},
            error_x={"type": "data", "array": [mean.high - mean.estimate], "arrayminus": [mean.estimate - mean.low]},
            hovertemplate=f"%{{y}}: %{{x:+.2f}}, {of.answer}; {mean.n} objects<extra></extra>",
        )  # fmt: skip
        if mean.estimate > EDGE:
            figure.add_annotation(
                x=EDGE, y=words(of.harm), text=f"{mean.estimate:.0f} →", showarrow=False, yshift=12
            )
    figure.add_vline(x=0, line={"color": COLOURS["reference"], "dash": "dot"})
    figure.update_xaxes(title_text="change of the distance to the published numbers, in spreads")
    figure.update_xaxes(range=[-EDGE, 1.15 * EDGE])
    figure.update_layout(showlegend=False)
    alt = "Change of the distance to the published numbers against the truth: " + "; ".join(
        f"{words(of.harm)} {number(of.over_truth.estimate)}, {of.answer}" for of in reversed(shown)
    )
    return finish(figure, alt + ".", ROW * max(len(shown), 4), bottom=60)


def dose_figure(doses: Mapping[str, Mapping[float, Interval]]) -> go.Figure:
    """Each number over what every object is told, with the published one as a line.

    Args:
        doses: of `lrm_core.findings.harms.doses`.
    """
    rows = -(-len(doses) // COLUMNS)
    figure = make_subplots(
        rows=rows, cols=COLUMNS, shared_xaxes=True, vertical_spacing=0.09,
        subplot_titles=[TITLES[name] for name in doses],
    )  # fmt: skip
    published = published_numbers()
    for place, (name, means) in enumerate(doses.items()):
        at = {"row": place // COLUMNS + 1, "col": place % COLUMNS + 1}
        up, down = ([abs(getattr(m, end) - m.estimate) for m in means.values()] for end in ("high", "low"))
        figure.add_scatter(
            x=list(means), y=[mean.estimate for mean in means.values()], mode="lines+markers", **at,
            line={"color": COLOURS["real"], "width": 2}, hovertemplate="told × %{x:g}: %{y:.2f}<extra></extra>",
            error_y={"type": "data", "array": up, "arrayminus": down, "thickness": 1, "width": 2},
        )  # fmt: skip
        figure.add_hline(published[name], line={"color": COLOURS["pred"], "dash": "dash", "width": 1.5}, **at)
        figure.add_vrect(
            *DRAWN, fillcolor=COLOURS["reference"], opacity=0.1, line_width=0, layer="below", **at
        )
        if name == "C5":  # a ratio, which has no upper end
            figure.update_yaxes(type="log", dtick=1, **at)
    figure.update_xaxes(title_text=AXIS, row=rows)
    figure.update_annotations(font={"size": SMALL})
    figure.update_layout(showlegend=False)
    said = [
        f"{TITLES[name]}: published {number(published[name])}, "
        + ", ".join(f"{number(m.estimate)} at {factor:g}" for factor, m in doses[name].items())
        for name in doses
    ]
    return finish(figure, "Numbers over the distance told. " + "; ".join(said) + ".", PANEL * rows, top=30)
