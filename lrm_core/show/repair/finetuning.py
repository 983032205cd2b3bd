"""Figures that the chapters on fine-tuning share: along the steps, and paired comparisons of arms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from lrm_core.evidence.arm_tables import values
from lrm_core.evidence.statistics import Interval, interval_ends
from lrm_core.show.elements.curves import Curve, curves
from lrm_core.show.elements.prose import number
from lrm_core.show.elements.strips import Panel, Row, strips
from lrm_core.show.elements.style import COLOURS, finish
from lrm_core.show.repair.arm_changes import (
    DIGITS,
    METRICS,
    Difference,
    change,
    difference,
    measured,
    relative_change,
)
from lrm_core.show.repair.arm_labels import colour, dash, label
from lrm_core.show.repair.finetuning_published import IN_DB, change_text

BLOCK = 10  # steps that a stored training loss is the mean of
SEED_MARK = "one seed, mean of the objects"
NOTHING = "No arm of this figure has been measured yet."


@dataclass(frozen=True)
class Comparison:
    """An arm against its control, or against the untouched model if `control` is None.

    Attributes:
        label: of the row.
        published: the number of the fork on the same axis, by metric.
    """

    label: str
    arm: str
    control: str | None = None
    published: Mapping[str, float] = field(default_factory=dict)


def scale(runs: pd.DataFrame, arm: str, metric: str) -> float:
    """What differences are divided by: the mean of the untouched model; 1 for PSNR, whose differences are ratios."""
    return 1.0 if metric == IN_DB else float(values(runs, arm, metric, 0).mean(axis=1).mean())


def compare(runs: pd.DataFrame, comparison: Comparison, metric: str) -> Difference | None:
    """The paired differences of a comparison on the axis of the figures; None where an arm has no record."""
    arms = [comparison.arm, *([comparison.control] if comparison.control else [])]
    if len(measured(runs, arms)) < len(arms):
        return None
    found = change(runs, arms[0], metric) if len(arms) == 1 else difference(runs, *arms, metric)
    return Difference(found.table / scale(runs, comparison.arm, metric))


def axis_title(metric: str) -> str:
    """Of an axis of differences."""
    name = METRICS[metric]
    return (
        f"difference of {name}"
        if metric == IN_DB
        else f"difference of {name}, over that of the untouched model"
    )


def comparison_figure(
    runs: pd.DataFrame, comparisons: Sequence[Comparison], metrics: Sequence[str]
) -> go.Figure:
    """Each comparison in a row, each metric in a panel: objects, their mean with its interval, and the seeds.

    Args:
        runs: tidy table of the arms.
        comparisons: rows; those without records say so.
        metrics: panels.
    """
    found = {(m, i): compare(runs, c, m) for m in metrics for i, c in enumerate(comparisons)}
    table = strips_table({f"{m}.{i}": one for (m, i), one in found.items()})
    panels = [
        Panel(
            axis_title(metric),
            [Row(c.label, f"{metric}.{i}", _marks(c, metric)) for i, c in enumerate(comparisons)],
            lines={"no difference": 0.0},
        )
        for metric in metrics
    ]
    figure = strips(table, groups_of(runs), panels, _comparison_alt(comparisons, metrics[0], found))
    for (metric, place), one in found.items():
        if one is not None:
            _add_seeds(figure, one, place, metrics.index(metric) + 1, panels)
    return figure


def objects_figure(
    runs: pd.DataFrame,
    arms: Sequence[str],
    metrics: Sequence[str],
    published: Mapping[tuple[str, str], float] | None = None,
) -> go.Figure:
    """Relative change of every object by each arm, a panel for each metric; to the right of 0 L1 and LPIPS are worse.

    Args:
        published: numbers of the fork to mark, by metric and arm.
    """
    there, marks = measured(runs, arms), published or {}
    columns = {f"{m}.{arm}": relative_change(runs, arm, m) for m in metrics for arm in there}
    panels = []
    for metric in metrics:
        rows = [
            Row(
                label(arm),
                f"{metric}.{arm}",
                {"published": marks[metric, arm]} if (metric, arm) in marks else {},
            )
            for arm in arms
        ]
        panels.append(Panel(f"change of {METRICS[metric]}, over its value before", rows, {"no change": 0.0}))
    ends = [
        f"{label(arm)} {change_text(one.min(), metrics[0])} to {change_text(one.max(), metrics[0])}"
        for arm in there
        for one in [columns[f"{metrics[0]}.{arm}"].objects]
    ]
    alt = f"Change of {METRICS[metrics[0]]} of each object. {'; '.join(ends) or NOTHING}."
    return strips(strips_table(columns), groups_of(runs), panels, alt)


def groups_of(runs: pd.DataFrame) -> dict[str, str]:
    """ "real" or "procedural" for each object."""
    return dict(zip(runs["object"], runs["group"], strict=True))


def convergence_figure(runs: pd.DataFrame, arms: Sequence[str], metric: str) -> go.Figure:
    """A held-out metric less that of the untouched model, along the steps: mean with its interval."""
    figure, ends = go.Figure(), {}
    for arm in measured(runs, arms):
        steps = sorted(runs.loc[runs["arm"] == arm, "step"].unique().tolist())
        means = [change(runs, arm, metric, step).interval for step in steps]
        if means[0].known:
            _add_band(figure, arm, steps, [m.low for m in means], [m.high for m in means])
        _add_line(figure, arm, steps, [m.estimate for m in means])
        ends[label(arm)] = means[-1].estimate
    figure.update_xaxes(title_text="step", title_standoff=6)
    figure.update_yaxes(title_text=f"change of {METRICS[metric]}")
    listed = ", ".join(f"{name} {number(value, DIGITS[metric])}" for name, value in ends.items())
    return finish(
        figure,
        f"Change of {METRICS[metric]} on held-out objects at the end: {listed}." if ends else NOTHING,
        320,
    )


def loss_figure(losses: Mapping[str, Sequence[Sequence[float]]]) -> go.Figure:
    """Training loss along the steps, in means of ten steps and over the seeds.

    Args:
        losses: of each arm, a list for each seed.
    """
    lines = []
    for arm, seeds in losses.items():
        shortest = min(map(len, seeds))
        mean = np.mean([values[:shortest] for values in seeds], axis=0)
        steps = [BLOCK * (block + 1) for block in range(shortest)]
        lines.append(
            Curve(label(arm), steps, mean.tolist(), colour(arm), dash(arm), width=2, hover=label(arm))
        )
    ends = ", ".join(f"{line.name} {line.y[-1]:.2g}" for line in lines)
    alt = f"Training loss in its own units, mean of the last steps: {ends}." if lines else NOTHING
    return curves(lines, ("step", "training loss"), alt, log_y=True)


def difference_cells(found: Difference | None, metric: str) -> tuple[str, str]:
    """Mean difference with its interval, and the spread over seeds, as text."""
    if found is None:
        return "not measured yet", "–"
    spread = "–" if np.isnan(found.spread) else change_text(found.spread, metric, 2).lstrip("+")
    return interval_text(found.interval, metric), spread


def interval_text(mean: Interval, metric: str) -> str:
    """A mean difference on the axis of the figures, with its interval where there is one."""
    if not mean.known:
        return change_text(mean.estimate, metric)
    unit, by = (" dB", 1) if metric == IN_DB else ("%", 100)
    ends = [number(by * value, 2) for value in (mean.estimate, mean.low, mean.high)]
    sign = "+" if round(by * mean.estimate, 2) > 0 else ""
    return f"{sign}{ends[0]} [{ends[1]}, {ends[2]}]{unit}"


def _marks(comparison: Comparison, metric: str) -> dict[str, float]:
    return {"published": comparison.published[metric]} if metric in comparison.published else {}


def strips_table(columns: Mapping[str, Difference | None]) -> pd.DataFrame:
    """One row per object for `strips`, with the intervals over objects and seeds; those not measured are left out."""
    found = {name: one for name, one in columns.items() if one}
    table = pd.DataFrame({name: one.objects for name, one in found.items()}).rename_axis("object")
    return table.reset_index().assign(**interval_ends({name: one.interval for name, one in found.items()}))


def _add_seeds(
    figure: go.Figure, found: Difference, place: int, number_of_panel: int, panels: Sequence[Panel]
) -> None:
    """The mean of each seed, below the objects of its row."""
    panel = panels[number_of_panel - 1]
    figure.add_scatter(
        x=found.seeds.tolist(), y=[place + 0.32] * len(found.seeds), mode="markers", name=SEED_MARK,
        text=[f"seed {seed}" for seed in found.seeds.index],
        marker={"symbol": "line-ns-open", "size": 8, "color": COLOURS["predinit"], "line": {"width": 2}},
        hovertemplate="%{text}: %{x:.4g}<extra></extra>", legendgroup=SEED_MARK,
        showlegend=not any(trace.name == SEED_MARK for trace in figure.data),
        meta={"panel": panel.axis, "quantity": panel.rows[place].label}, row=number_of_panel, col=1,
    )  # fmt: skip


def _add_band(
    figure: go.Figure, arm: str, steps: Sequence[int], low: Sequence[float], high: Sequence[float]
) -> None:
    for end, ends, fill in (("from", low, None), ("to", high, "tonexty")):
        figure.add_scatter(
            x=steps, y=ends, name=f"{label(arm)}, interval {end}", mode="lines", line={"width": 0},
            fill=fill, fillcolor=_faint(colour(arm)), hoverinfo="skip", legendgroup=arm, showlegend=False,
        )  # fmt: skip


def _add_line(figure: go.Figure, arm: str, steps: Sequence[int], values: Sequence[float]) -> None:
    figure.add_scatter(
        x=steps, y=values, name=label(arm), mode="lines", legendgroup=arm,
        line={"color": colour(arm), "dash": dash(arm), "width": 2.2},
        hovertemplate=f"{label(arm)}<br>step %{{x}}: %{{y:.4g}}<extra></extra>",
    )  # fmt: skip


def _faint(hexadecimal: str) -> str:
    red, green, blue = (int(hexadecimal[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.14)"


def _comparison_alt(
    comparisons: Sequence[Comparison], metric: str, found: Mapping[tuple[str, int], Difference | None]
) -> str:
    parts = [
        f"{one.label}: {difference_cells(found[metric, place], metric)[0]}"
        for place, one in enumerate(comparisons)
    ]
    return f"Differences of {METRICS[metric]}, mean over objects. " + "; ".join(parts) + "."
