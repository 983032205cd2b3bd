"""Figures and sentences on how far the oracles are fitted (E18): what depends on it, and what does not."""

from collections.abc import Mapping
from math import log10

import pandas as pd
import plotly.graph_objects as go

from lrm_core.evidence.oracles import OracleConfig
from lrm_core.evidence.verdicts import intervals
from lrm_core.fit.oracle import PUBLISHED_LR
from lrm_core.show.elements.curves import Curve, curves, mean_curve, mean_list, mean_lists, object_curves
from lrm_core.show.elements.prose import number, percent
from lrm_core.show.elements.style import COLOURS

EXPERIMENT = "e18_oracle_length"
STEPS_AXIS = "steps of the fit"
ROOM = 1.05  # at either end of the axis, so that the tick there has its label


def share_figure(table: pd.DataFrame, usual: int) -> go.Figure:
    """Share of power in the low and the high band against the length of the fit, and the floor of the high one.

    Args:
        table: records of E18.
        usual: steps of the oracles of all other chapters, which are marked.
    """
    lines = [
        Curve(
            "high band, one object", _steps(table), values.tolist(), COLOURS["real"], opacity=0.4, hover=name
        )
        for name, values in mean_lists(table, "power.high").items()
    ]
    lines += [
        mean_curve(table, _steps(table), column, name, colour, dash)
        for column, name, colour, dash in (
            ("power.high", "high band, mean", "real", "solid"),
            ("power.low", "low band, mean", "procedural", "solid"),
            ("floor.high", "left by the null oracle in the high band, mean", "null", "dash"),
        )
    ]
    high = _listed(table, "power.high")
    alt = f"Share of the residual's power against the steps of the fit; high band, mean over objects: {high}"
    return _by_steps(table, lines, "share of the power", alt, usual)


def missing_figure(table: pd.DataFrame, groups: Mapping[str, str], usual: int) -> go.Figure:
    """By how many dB the longest fit is better in held-out views, of every object and in the mean."""
    lines = object_curves(table, groups, _steps(table), "missing")
    lines.append(mean_curve(table, _steps(table), "missing", "mean", "reference"))
    alt = f"Decibels to the longest fit against the steps, mean over objects: {_listed(table, 'missing')}"
    return _by_steps(table, lines, "missing to the longest fit (dB)", alt, usual)


def finding(table: pd.DataFrame) -> str:
    """What the last doubling of the steps brought, and what the bands do from the shortest to the longest fit."""
    steps = _steps(table)
    high, low, missing, floor = (
        mean_list(table, column) for column in ("power.high", "power.low", "missing", "floor.high")
    )
    bands = (mean_lists(table, column).values() for column in ("power.high", "power.low"))
    ahead = sum(int(fine[-1] > coarse[-1]) for fine, coarse in zip(*bands, strict=True))
    return (
        f"The longest of these fits, {steps[-1]:,} steps, is the length that all chapters use; after {steps[-2]:,} "
        f"the renders are {number(missing[-2], 2)} dB short of it, in the mean over {table['object'].nunique()} "
        f"objects. From "
        f"{steps[0]:,} to {steps[-1]:,} steps the high band goes from {percent(high[0])} of the power to "
        f"{percent(high[-1])}, the low band from {percent(low[0])} to {percent(low[-1])}; after the longest fit the "
        f"high band holds more than the low one in {ahead} of {table['object'].nunique()} objects. What the null "
        f"oracle leaves there goes from {percent(floor[0])} of the high-band power to {percent(floor[-1])}."
    )


def rate_sentence(table: pd.DataFrame, usual: OracleConfig) -> str:
    """What as many steps at the published learning rate come to, and which band is ahead there."""
    x, rate = intervals(table), "published_rate"
    high, low = (pd.to_numeric(table[f"{rate}.power.{band}"]) for band in ("high", "low"))
    return (
        f"These fits have a learning rate of {usual.lr:g}. With the published one, {PUBLISHED_LR:g}, and as many "
        f"steps the renders stay {number(x(f'{rate}.missing').estimate, 2)} dB short, and the high band holds "
        f"{percent(high.mean())} of the residual's power, the low band {percent(low.mean())}; the high band holds "
        f"more in {int((high > low).sum())} of {len(table)} objects. By the published definition the shares are "
        f"{percent(x(f'{rate}.published.high').estimate)} and {percent(x(f'{rate}.published.low').estimate)}."
    )


def _by_steps(table: pd.DataFrame, lines: list[Curve], axis: str, alt: str, usual: int) -> go.Figure:
    steps, marks = _steps(table), {"as in all chapters": float(usual)}
    figure = curves(lines, (STEPS_AXIS, axis), alt, log_ticks=steps, marks=marks)
    return figure.update_xaxes(range=[log10(steps[0] / ROOM), log10(steps[-1] * ROOM)])


def _steps(table: pd.DataFrame) -> list[int]:
    return [int(steps) for steps in table["steps"].iloc[0]]


def _listed(table: pd.DataFrame, column: str) -> str:
    values = zip(_steps(table), mean_list(table, column), strict=True)
    return ", ".join(f"{number(value, 2)} after {steps:,}" for steps, value in values) + "."
