"""The section on short trainings that each change one thing of the recipe, from the table of `lrm ablate`."""

import json
from math import inf, log10
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from lrm_core.fit.ablation import TABLE, get_variant
from lrm_core.paths import data_dir, repository_root
from lrm_core.show.chapter import show_figure, show_table, show_text
from lrm_core.show.elements.prose import number, percent
from lrm_core.show.elements.style import COLOURS, SMALL, finish

PRESET, BASE, EXACT = "mini-cpu", "as trained", "float32"
COLUMNS = ("variant", "parameters", "objects", "seconds", "source_psnr", "novel_psnr")
FROZEN = "benchmarks/results/frozen_encoder.json"
TICKS = [digit * 10**power for power in (-2, -1, 0, 1) for digit in (1, 2, 5)]  # of a logarithmic axis
SAME_TIME = 0.1  # relative; another learning rate costs nothing, and times with it lie about as far apart
NEAR = 0.25  # of the width of the figure, about half of the longest name
FOLDER = "mini"  # in data
MISSING = (
    f"The variants have not been measured yet: `lrm ablate` trains them and writes `data/{FOLDER}/{TABLE}`."
)


def show_ablation() -> None:
    """Display the figure, the table and what they say; one sentence while nothing has been measured."""
    path = data_dir() / FOLDER / TABLE
    if not path.exists():
        show_text(MISSING)
        return
    table = read_ablation(path)
    where = f"from data/{FOLDER}/{TABLE}"
    show_text(intent_sentence(table), where)
    caption = "Each variant after the same training objects: how good it was, and what an object took."
    show_figure(ablation_figure(table), "ablation", caption)
    show_table(ablation_table(table), where)
    show_text(outcome_sentences(table), where)
    show_text(frozen_sentence(table, repository_root() / FROZEN), f"from {FROZEN}")


def read_ablation(path: Path) -> pd.DataFrame:
    """One row per variant, with what it cost and how it differs from the recipe as trained.

    Returns:
        The columns of the file, then seconds_each (an object), gain (of novel views, dB) and slower (relative
        change of the seconds an object).

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is another table, has no row of the recipe as trained, or a variant is unknown.
    """
    table = pd.read_csv(path)
    if tuple(table.columns) != COLUMNS:
        raise ValueError(
            f"{path}: expected the columns {', '.join(COLUMNS)}, found {', '.join(table.columns)}"
        )
    for name in table["variant"]:
        get_variant(name)
    if BASE not in set(table["variant"]):
        raise ValueError(f'{path}: no row "{BASE}" to compare with; run `lrm ablate` without --variant')
    table["seconds_each"] = table["seconds"] / table["objects"]
    base = table.set_index("variant").loc[BASE]
    table["gain"] = table["novel_psnr"] - base["novel_psnr"]
    table["slower"] = table["seconds_each"] / base["seconds_each"] - 1
    return table


def ablation_figure(table: pd.DataFrame) -> go.Figure:
    """PSNR in novel views against the seconds that an object took; the recipe as trained is marked."""
    figure = go.Figure()
    base = table["variant"] == BASE
    for rows, name, mark in (
        (table[~base], "one thing changed", {"color": COLOURS["procedural"], "size": 9}),
        (table[base], BASE, {"color": COLOURS["real"], "size": 14, "symbol": "star"}),
    ):
        figure.add_scatter(
            x=rows["seconds_each"].tolist(), y=rows["novel_psnr"].tolist(), text=rows["variant"].tolist(),
            mode="markers+text", name=name, marker=mark, textfont={"size": SMALL}, textposition=_sides(rows, table),
            cliponaxis=False, hovertemplate="%{text}<br>%{x:.3g} s an object, %{y:.2f} dB<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(
        title_text="seconds an object", title_standoff=6, type="log", tickvals=TICKS, range=_room(table)
    )
    figure.update_yaxes(title_text="PSNR in novel views (dB)")
    said = ", ".join(
        f"{row.variant} {row.novel_psnr:.2f} dB at {row.seconds_each:.2f} s" for row in table.itertuples()
    )
    return finish(figure, f"PSNR in novel views and seconds an object of each variant: {said}.", 420)


def ablation_table(table: pd.DataFrame) -> pd.DataFrame:
    """Size, cost and validation of every variant, as text, the best novel views first."""
    rows = [
        (
            row.variant, f"{row.parameters:,}", f"{row.objects:,}", number(row.seconds_each),
            _change(row.slower), number(row.source_psnr), number(row.novel_psnr), _signed(row.gain),
        )
        for row in table.sort_values("novel_psnr", ascending=False).itertuples()
    ]  # fmt: skip
    columns = ["variant", "parameters", "objects", "seconds an object", f"time against {BASE}"]
    columns += ["PSNR, source (dB)", "PSNR, novel (dB)", f"novel against {BASE} (dB)"]
    return pd.DataFrame(rows, columns=columns)


def intent_sentence(table: pd.DataFrame) -> str:
    """What was varied, and on how many objects."""
    return (
        f"{len(table) - 1} variants of the recipe, each with one thing changed, were trained on the same "
        f"{int(table['objects'].max()):,} objects in the same order, a small part of the long run. Every one ran "
        f"once, on a machine that did other work too, so a small difference in quality or in time may be chance. The "
        f"recipe was settled before these runs; they say what a next one should change."
    )


def outcome_sentences(table: pd.DataFrame) -> str:
    """Which variants won per step and per second, which none beats in both, and what bf16 brings."""
    others = table[table["variant"] != BASE]
    better = others[others["gain"] > 0].sort_values("gain", ascending=False)
    dearer = better["slower"] > SAME_TIME
    parts = [
        f"Per step, {_listed(better, 'none')} did better than {BASE} in novel views.",
        f"Per second, where times within {SAME_TIME:.0%} count as equal, that holds for "
        f"{_listed(better[~dearer], 'none')}.",
        f"Better but slower: {_listed(better[dearer], 'none', time=True)}.",
        f"No other variant is both better and faster than {_listed(_front(table), 'none', time=True)}.",
    ]
    return " ".join([*parts, *_exact_sentence(table)])


def frozen_sentence(table: pd.DataFrame, path: Path) -> str:
    """What a frozen encoder in place of the trained one came to, by `benchmarks/frozen_encoder.py`."""
    found = json.loads(path.read_text(encoding="utf-8"))["figures"]
    base = table.set_index("variant").loc[BASE]
    slower = found["seconds"] / found["objects"] / base["seconds_each"] - 1
    return (
        f"OpenLRM's encoder is a frozen one. With a frozen EfficientNet-Lite0, trained on ImageNet, in place of the "
        f"encoder that is trained here, {found['objects']:,.0f} objects bring novel views to "
        f"{number(found['novel_psnr'])} dB ({_signed(found['novel_psnr'] - base['novel_psnr'])} dB against {BASE}, "
        f"{_change(slower)} time). Whether that head start lasts, a run so short does not show."
    )


def _exact_sentence(table: pd.DataFrame) -> list[str]:
    """What float32 in place of bf16 does, if it was measured."""
    return [
        f"With {EXACT} in place of bf16 novel views changed by {_signed(row.gain)} dB, at "
        f"{number(1 + row.slower)} times the seconds"
        + ("; on this processor bf16 takes time instead of saving it." if row.slower < -SAME_TIME else ".")
        for row in table[table["variant"] == EXACT].itertuples()
    ]


def _front(table: pd.DataFrame) -> pd.DataFrame:
    """Variants that none beats in both novel views and time, the fastest first."""
    ordered = table.sort_values(["seconds_each", "novel_psnr"], ascending=[True, False])
    best_before = ordered["novel_psnr"].cummax().shift(fill_value=-inf)
    return ordered[ordered["novel_psnr"] > best_before]


def _listed(rows: pd.DataFrame, nothing: str, time: bool = False) -> str:
    """Names with their gains, and their change of time if `time`."""
    named = [
        row.variant
        if row.variant == BASE
        else f"{row.variant} ({_signed(row.gain)} dB{f', {_change(row.slower)} time' if time else ''})"
        for row in rows.itertuples()
    ]
    return ", ".join(named) or nothing


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + number(value)


def _change(value: float) -> str:
    return ("+" if value > 0 else "") + percent(value)


def _sides(rows: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    """For each name the side of its point that faces away from the nearest point above or below it."""
    place = np.log(table["seconds_each"])
    near = NEAR * np.ptp(place)
    sides = []
    for name in rows.index:
        away = table["novel_psnr"].sub(table.loc[name, "novel_psnr"])[(place - place[name]).abs() < near]
        away = away.drop(name)
        above = len(away) > 0 and away[away.abs().idxmin()] > 0
        sides.append("bottom center" if above else "top center")
    return sides


def _room(table: pd.DataFrame) -> list[float]:
    """Powers of ten between which the times lie, with room for the names."""
    low, high = (log10(table["seconds_each"].agg(end)) for end in ("min", "max"))
    return [low - 0.25 * (high - low) - 0.05, high + 0.25 * (high - low) + 0.05]
