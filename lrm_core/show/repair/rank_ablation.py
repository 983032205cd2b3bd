"""Figures and tables of the chapter on the rank of the adapters (E15, claims C11 and C12)."""

from math import isnan

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from lrm_core.evidence.arm_tables import best_rank, best_ranks
from lrm_core.evidence.arms import MAIN_RANK, RANKS, rank_arm
from lrm_core.evidence.claims import claim
from lrm_core.evidence.statistics import holm
from lrm_core.show.elements.prose import number
from lrm_core.show.elements.style import finish
from lrm_core.show.repair.arm_changes import METRICS, Difference, measured
from lrm_core.show.repair.arm_labels import LOSS_LABELS, colour
from lrm_core.show.repair.arm_study import ArmStudy
from lrm_core.show.repair.finetuning import Comparison, compare, difference_cells
from lrm_core.show.repair.finetuning_controls import main_table
from lrm_core.show.repair.finetuning_published import (
    IN_DB,
    change_text,
    rank_change,
    rank_difference,
    rank_value,
    repeats,
)

SHOWN = ("lpips", "l1", "psnr")
LOSSES = ("mse", "freq")
SIDE = {"mse": 0.985, "freq": 1.015}  # x the rank, so that the bars of the two losses stand apart
HELD_UP = ("lpips",)
CLAIMS = ("C11", "C12")
ARMS = tuple(rank_arm(loss, rank) for loss in LOSSES for rank in RANKS)


def live_arm(study: ArmStudy) -> str:
    """Of which the first steps are taken again with the page: FreqLoss at twice the main rank, or at that one."""
    return study.arms([rank_arm("freq", 2 * MAIN_RANK), "lora_freq"])[0].name


def scale_table(runs: pd.DataFrame) -> pd.DataFrame:
    """FreqLoss and MSE x 25 against MSE at the main rank, in LPIPS."""
    return main_table(runs, HELD_UP)


def rank_figure(runs: pd.DataFrame, metric: str) -> go.Figure:
    """Change of a metric by adapters against their rank: mean with its interval, the seeds, and the published points.

    Both are relative to their own untouched model (for PSNR in dB), since models and objects differ.
    """
    figure, said = go.Figure(), []
    for loss in LOSSES:
        found = changes_by_rank(runs, loss, metric)
        if found:
            _add_ours(figure, loss, found)
            said += [f"{LOSS_LABELS[loss]} {_listed(found, metric)}"]
        _add_published(figure, loss, metric)
    _name_axes(figure, metric)
    ours = "; ".join(said) or "no rank has been measured yet"
    return finish(figure, f"Change of {METRICS[metric]} by rank, mean over objects: {ours}.", 340)


def changes_by_rank(runs: pd.DataFrame, loss: str, metric: str) -> dict[int, Difference]:
    """Change against the untouched model at each rank that has records, on the axis of the figures."""
    arms = {rank: rank_arm(loss, rank) for rank in RANKS}
    there = measured(runs, list(arms.values()))
    found = {rank: compare(runs, Comparison("", arm), metric) for rank, arm in arms.items() if arm in there}
    return {rank: one for rank, one in found.items() if one is not None}


def rank_comparisons() -> list[Comparison]:
    """FreqLoss less MSE at every rank."""
    return [
        Comparison(
            f"rank {rank}", rank_arm("freq", rank), rank_arm("mse", rank),
            {metric: rank_difference(rank, metric) for metric in SHOWN},
        )
        for rank in RANKS
    ]  # fmt: skip


def difference_table(runs: pd.DataFrame) -> pd.DataFrame:
    """FreqLoss less MSE in LPIPS at every rank, with Holm-adjusted p values, beside what was published."""
    found = {one.label: compare(runs, one, "lpips") for one in rank_comparisons()}
    p = holm({name: one.p for name, one in found.items() if one})
    rows = []
    for comparison in rank_comparisons():
        one = found[comparison.label]
        cell, spread = difference_cells(one, "lpips")
        published = change_text(comparison.published["lpips"], "lpips")
        rows.append((comparison.label, published, cell, spread, number(p.get(comparison.label), 3)))
    columns = ["FreqLoss − MSE, LPIPS", "published", "ours", "standard deviation over seeds", "p (Holm)"]
    return pd.DataFrame(rows, columns=columns)


def floor_table(runs: pd.DataFrame) -> pd.DataFrame:
    """How far two runs of one thing lie apart in LPIPS, beside the gap between two ranks, published and ours."""
    rows = [
        (f"{name}, published twice", *(number(value, 4) for value in pair), number(abs(pair[0] - pair[1]), 4))
        for name, pair in repeats("lpips").items()
    ]
    best, next_to = (rank_value("freq", rank, "lpips") for rank in (MAIN_RANK, 2 * MAIN_RANK))
    gap = f"FreqLoss, rank {MAIN_RANK} and rank {2 * MAIN_RANK}, published"
    rows.append((gap, number(best, 4), number(next_to, 4), number(abs(best - next_to), 4)))
    rows += _our_floor(runs)
    return pd.DataFrame(rows, columns=["LPIPS", "one", "other", "apart"])


def best_rank_sentence(runs: pd.DataFrame) -> str:
    """The rank of least LPIPS for each loss with its interval, and what the seeds choose."""
    parts = []
    for loss in LOSSES:
        found = best_rank(runs, loss)
        if isnan(found.estimate):
            there = len(measured(runs, [rank_arm(loss, rank) for rank in RANKS]))
            parts.append(
                f"with {LOSS_LABELS[loss]} it is open, with records at {there} of {len(RANKS)} ranks"
            )
            continue
        interval = f" [{found.low:g}, {found.high:g}]" if found.known else ""
        seeds = ", ".join(f"{rank:g}" for rank in best_ranks(runs, loss))
        edge = ", the largest that was tried" if found.estimate == max(RANKS) else ""
        parts.append(
            f"with {LOSS_LABELS[loss]} it is {found.estimate:g}{interval}{edge}, seed by seed {seeds}"
        )
    published = claim("C12").published["best_rank"]
    return f"The rank of least LPIPS (published: {published}): {'; '.join(parts)}."


def _our_floor(runs: pd.DataFrame) -> list[tuple[str, str, str, str]]:
    """Rows on the largest distance between two seeds of one rank, and on the gap between two ranks."""
    rows = []
    for loss in LOSSES:
        found = changes_by_rank(runs, loss, "lpips")
        spreads = {rank: one.seeds for rank, one in found.items() if len(one.seeds) > 1}
        if spreads:
            rank = max(spreads, key=lambda r: np.ptp(spreads[r]))
            rows.append(
                (f"{LOSS_LABELS[loss]}, rank {rank}, the seeds farthest apart, ours", *_ends(spreads[rank]))
            )
    gap = Comparison("", rank_arm("freq", MAIN_RANK), rank_arm("freq", 2 * MAIN_RANK))
    between = compare(runs, gap, "lpips")
    cell = difference_cells(between, "lpips")[0]
    rows.append((f"FreqLoss, rank {MAIN_RANK} less rank {2 * MAIN_RANK}, ours", "–", "–", cell))
    return rows


def _ends(seeds: pd.Series) -> tuple[str, str, str]:
    low, high = float(seeds.min()), float(seeds.max())
    return change_text(low, "lpips", 2), change_text(high, "lpips", 2), f"{number(100 * (high - low), 2)}%"


def _add_ours(figure: go.Figure, loss: str, found: dict[int, Difference]) -> None:
    name, x = LOSS_LABELS[loss], [rank * SIDE[loss] for rank in found]
    means = [one.interval for one in found.values()]
    known = all(mean.known for mean in means)
    error = {"type": "data", "array": [m.high - m.estimate for m in means], "thickness": 1.4, "width": 4}
    figure.add_scatter(
        x=x, y=[m.estimate for m in means], mode="lines+markers", name=name, text=[f"rank {r}" for r in found],
        line={"color": colour(f"lora_{loss}"), "width": 2}, marker={"size": 8}, legendgroup=name,
        error_y=error | {"arrayminus": [m.estimate - m.low for m in means]} if known else None,
        hovertemplate=f"{name}, %{{text}}: %{{y:.4g}}<extra></extra>",
    )  # fmt: skip
    dots = [(at, value, f"rank {rank}, seed {seed}") for at, (rank, one) in zip(x, found.items(), strict=True)
            for seed, value in one.seeds.items()]  # fmt: skip
    figure.add_scatter(
        x=[dot[0] for dot in dots], y=[dot[1] for dot in dots], text=[dot[2] for dot in dots], mode="markers",
        name=f"{name}, one seed", marker={"size": 5, "color": colour(f"lora_{loss}"), "opacity": 0.55},
        hovertemplate="%{text}: %{y:.4g}<extra></extra>",
    )  # fmt: skip


def _add_published(figure: go.Figure, loss: str, metric: str) -> None:
    figure.add_scatter(
        x=list(RANKS), y=[rank_change(loss, rank, metric) for rank in RANKS], mode="lines+markers",
        name=f"{LOSS_LABELS[loss]}, published", text=[f"rank {rank}" for rank in RANKS],
        line={"color": colour(f"lora_{loss}"), "width": 1.2, "dash": "dot"},
        marker={"size": 9, "symbol": "diamond-open"},
        hovertemplate="published, %{text}: %{y:.4g}<extra></extra>",
    )  # fmt: skip


def _name_axes(figure: go.Figure, metric: str) -> None:
    of = "change of PSNR (dB)" if metric == IN_DB else f"change of {METRICS[metric]}, relative"
    figure.update_xaxes(type="log", tickvals=list(RANKS), title_text="rank", title_standoff=6)
    figure.update_yaxes(title_text=of, tickformat=None if metric == IN_DB else ".0%")


def _listed(found: dict[int, Difference], metric: str) -> str:
    return ", ".join(f"{change_text(one.interval.estimate, metric)} at {rank}" for rank, one in found.items())
