"""Figures of what other harms of the source view make of the published numbers, and of how they follow the dose."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from lrm_core.findings.harms import TOLD, Fingerprint, published_numbers, words
from lrm_core.findings.prose import number
from lrm_core.page.diagnosis.source_distance import AXIS
from lrm_core.page.elements.panels import panels
from lrm_core.page.elements.style import COLOURS, finish, spans
from lrm_core.profiles import DRAWN
from lrm_core.records.statistics import Interval

ROW = 30  # pixels
EDGE = 1.5  # spreads; what lies beyond is written at the edge


def fingerprint_figure(found: Sequence[Fingerprint]) -> go.Figure:
    """How much nearer to the published numbers each harm comes than the truth, nearest first."""
    shown = sorted((of for of in found if of.harm != "truth"), key=lambda of: of.over_truth.estimate, reverse=True)
    figure = go.Figure()
    for of in shown:
        tone = COLOURS["real" if of.harm.startswith((TOLD, "published")) else "procedural"]
        mean = of.over_truth
        figure.add_scatter(
            x=[mean.estimate], y=[words(of.harm)], mode="markers", marker={"size": 11, "color": tone},
            error_x=spans([mean]),
            hovertemplate=f"%{{y}}: %{{x:+.2f}}, {of.answer}; {mean.n} objects<extra></extra>",
        )  # fmt: skip
        if mean.estimate > EDGE:
            figure.add_annotation(x=EDGE, y=words(of.harm), text=f"{mean.estimate:.0f} →", showarrow=False, yshift=12)
    figure.add_vline(x=0, line={"color": COLOURS["reference"], "dash": "dot"})
    figure.update_xaxes(title_text="nearer or farther, in spreads")
    lowest = min(-EDGE, *(of.over_truth.low for of in shown))
    figure.update_xaxes(range=[1.05 * lowest, 1.15 * EDGE])
    figure.update_layout(showlegend=False)
    alt = "Change of the distance to the published numbers against the truth: " + "; ".join(
        f"{words(of.harm)} {number(of.over_truth.estimate)}, {of.answer}" for of in reversed(shown)
    )
    return finish(figure, alt + ".", ROW * max(len(shown), 4), bottom=60)


def dose_figure(doses: Mapping[str, Mapping[float, Interval]]) -> go.Figure:
    """Each number over what every object is told, with the published one as a line."""
    numbers = {name: {"told": means} for name, means in doses.items()}
    return panels(numbers, published_numbers(), AXIS, {"told": "real"}, DRAWN)
