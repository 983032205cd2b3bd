"""Small panels, one for each claim: its number over the distance told or the quality of a model."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lrm_core.findings.harms import published_numbers
from lrm_core.findings.headlines import headline
from lrm_core.findings.ladder import BASELINE, CLAIMS, numbers_over_quality
from lrm_core.findings.prose import number
from lrm_core.page.diagnosis.source_distance import AXIS
from lrm_core.page.elements.strips import DECADES
from lrm_core.page.elements.style import BOTTOM, COLOURS, SMALL, finish, name_once, spans
from lrm_core.profiles import DRAWN
from lrm_core.records.statistics import Interval

COLUMNS = 2
HEIGHT = 130  # pixels of a panel
TITLES = {
    "C1": "C1: correlation of oracles",
    "C2": "C2: fine share",
    "C3": "C3: response, coarse over fine",
    "C4": "C4: coarse corrected",
    "C5": "C5: amplification",
    "C6": "C6: coarse less mean",
    "C7": "C7: occluded surface",
    "C8": "C8: spread of directions",
    "low_share": "coarse share",
    "high_correction": "fine corrected",
}
TONES = {"told the truth": "procedural", "as published": "real", "moved to the oracle": "null"}
RATIOS = ("C5",)  # without an upper end, on a logarithmic axis

Series = Mapping[float, Interval]


def panels(
    numbers: Mapping[str, Mapping[str, Series]],
    published: Mapping[str, float],
    axis: str,
    colours: Mapping[str, str],
    marked: Sequence[float],
) -> go.Figure:
    """One panel for each number, means with their intervals.

    Args:
        numbers: of `TITLES` -> series -> place on the axis -> mean.
        colours: of the series, keys of `COLOURS`; a legend names them where there are several.
        marked: range of the axis where the published runs are, or one place.
    """
    rows, several = -(-len(numbers) // COLUMNS), len({label for of in numbers.values() for label in of}) > 1
    figure = make_subplots(
        rows=rows, cols=COLUMNS, shared_xaxes=True, vertical_spacing=0.3 / rows,
        subplot_titles=[TITLES[name] for name in numbers],
    ).update_annotations(font={"size": SMALL}, yshift=6)  # fmt: skip
    for place, (name, series) in enumerate(numbers.items()):
        at = {"row": place // COLUMNS + 1, "col": place % COLUMNS + 1}
        for label, means in series.items():
            figure.add_scatter(
                x=list(means), y=[mean.estimate for mean in means.values()], mode="lines+markers", **at,
                name=label, line={"color": COLOURS[colours[label]], "width": 2},
                error_y=spans(means.values(), thickness=1, width=2),
                hovertemplate=f"{label}, %{{x:.3g}}: %{{y:.2f}}<extra></extra>",
            )  # fmt: skip
        figure.add_hline(published[name], line={"color": COLOURS["pred"], "dash": "dash", "width": 1.5}, **at)
        figure.add_vrect(
            min(marked), max(marked), fillcolor=COLOURS["reference"], opacity=0.1 if len(marked) > 1 else 0.6,
            line_width=0 if len(marked) > 1 else 1, layer="below", **at,
        )  # fmt: skip
        if name in RATIOS:
            figure.update_yaxes(type="log", tickvals=DECADES, ticktext=[f"{tick:g}" for tick in DECADES], **at)
        figure.update_xaxes(showticklabels=place >= len(numbers) - COLUMNS, **at)
    figure.add_annotation(
        text=axis, x=0.5, xref="paper", y=0, yref="paper", yanchor="top", yshift=-22, showarrow=False
    )
    name_once(figure)
    figure.update_layout(showlegend=several)
    said = [
        f"{TITLES[name]}: published {number(published[name])}"
        + "".join(
            f", {label} {', '.join(f'{number(m.estimate)} at {x:.3g}' for x, m in means.items())}"
            for label, means in series.items()
        )
        for name, series in numbers.items()
    ]
    return finish(
        figure,
        f"Numbers over {axis}. {'; '.join(said)}.",
        HEIGHT * rows,
        top=30,
        bottom=BOTTOM if several else 50,
    )


def dose_figure(doses: Mapping[str, Series]) -> go.Figure:
    """Each number over what every object is told, with the published one as a line."""
    numbers = {name: {"told": means} for name, means in doses.items()}
    return panels(numbers, published_numbers(), AXIS, {"told": "real"}, DRAWN)


def ladder_figure(profile: str) -> go.Figure:
    """Each claim's number over the quality of the model, with the published one as a line."""
    published = {claim: headline(claim) for claim in CLAIMS}
    every = numbers_over_quality(profile).items()
    numbers = {claim: of for claim, of in every if max(map(len, of.values()), default=0) > 1}
    return panels(numbers, published, "PSNR in novel views (dB)", TONES, [BASELINE["psnr"]])
