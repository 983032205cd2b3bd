"""Small panels, one for each claim: its number over a common axis, with the published one as a line."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lrm_core.findings.claims import HEADLINES, SHORT
from lrm_core.findings.prose import number
from lrm_core.page.elements.strips import DECADES
from lrm_core.page.elements.style import BOTTOM, COLOURS, SMALL, finish, name_once, spans
from lrm_core.records.statistics import Interval

COLUMNS = 2
HEIGHT = 130  # pixels of a panel
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
        numbers: of `SHORT` -> series -> place on the axis -> mean.
        colours: of the series, keys of `COLOURS`; a legend names them where there are several.
        marked: range of the axis where the published runs are, or one place.
    """
    rows, several = -(-len(numbers) // COLUMNS), len({label for of in numbers.values() for label in of}) > 1
    figure = make_subplots(
        rows=rows, cols=COLUMNS, shared_xaxes=True, vertical_spacing=0.3 / rows,
        subplot_titles=[_title(name) for name in numbers],
    ).update_annotations(font={"size": SMALL}, yshift=6)  # fmt: skip
    for place, (name, series) in enumerate(numbers.items()):
        at = {"row": place // COLUMNS + 1, "col": place % COLUMNS + 1}
        for label, means in series.items():
            figure.add_scatter(
                x=list(means), y=[mean.estimate for mean in means.values()], mode="lines+markers", **at,
                text=[_title(name)] * len(means),  # of the table beside the figure
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
        f"{_title(name)}: published {number(published[name])}"
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


def _title(name: str) -> str:
    return f"{name}: {SHORT[name]}" if name in HEADLINES else SHORT[name]
