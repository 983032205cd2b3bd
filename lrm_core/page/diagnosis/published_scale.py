"""How large the published pictures draw their objects, before and after fine-tuning (audit A9)."""

import pandas as pd
import plotly.graph_objects as go

from lrm_core.findings.fork_pictures import ARMS, UNTOUCHED
from lrm_core.findings.prose import number
from lrm_core.page.elements.curves import Curve, curves
from lrm_core.page.elements.style import COLOURS, SMALL
from lrm_core.profiles import DRAWN

GAP = 4  # places from the first arm of one experiment to that of the next


def extent_figure(table: pd.DataFrame) -> go.Figure:
    """A line for every object: untouched, tuned with MSE and with FreqLoss, for adapters and for all weights."""
    lines, ticks = [], {}
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
    figure = curves(lines, ("", "extent over the true one"), _alt(table))
    figure.update_xaxes(tickvals=list(ticks), ticktext=list(ticks.values()), tickangle=0)
    figure.update_xaxes(range=[-0.5, 2 * GAP - 1.5], showgrid=False)
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


def _alt(table: pd.DataFrame) -> str:
    means = table.groupby(["tuned", "arm"])["extent"].mean()
    parts = [
        f"{tuned}: untouched {number(means[tuned, UNTOUCHED])}, "
        + ", ".join(f"{loss} {number(means[tuned, arm])}" for arm, loss in arms.items())
        for tuned, arms in ARMS.items()
    ]
    return f"Extent of the renders over the true one, mean of five published objects. {'; '.join(parts)}."
