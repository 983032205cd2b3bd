"""How large the published pictures draw their objects, before and after fine-tuning (audit A9)."""

from typing import Literal

import pandas as pd
import plotly.graph_objects as go

from lrm_core.paths import data_dir
from lrm_core.profiles import DRAWN
from lrm_core.show.elements.curves import Curve, curves
from lrm_core.show.elements.prose import number
from lrm_core.show.elements.style import COLOURS

FILE = "published_scale.csv"
COLUMNS = ["object", "view", "arm", "area_ratio", "extent_ratio"]
Tuned = Literal["LoRA", "all weights"]
ARMS: dict[Tuned, dict[str, str]] = {
    "LoRA": {"lora_mse_r8": "MSE", "lora_freqloss_r8": "FreqLoss"},
    "all weights": {"full_mse": "MSE", "full_freqloss": "FreqLoss"},
}
UNTOUCHED = "untouched"
GAP = 4  # places from the first arm of one experiment to that of the next


def published_extents() -> pd.DataFrame:
    """Extent of the renders over the true one in the published pictures of both fine-tuning experiments.

    Measured on the pictures: silhouettes are pixels with a channel below 225 of 255, their extent the geometric mean
    of the ranges from the 1st to the 99th percentile in x and in y. The experiments show the same five objects in
    other views, so that each has untouched renders of its own.

    Returns:
        One row per experiment, arm and object: tuned ("LoRA", "all weights"), arm (as in the file), object, and
        extent (mean over four views).

    Raises:
        FileNotFoundError: if the file is missing.
        ValueError: if it has other columns, or a view is of neither experiment.
    """
    path = data_dir() / FILE
    table = pd.read_csv(path)
    if list(table) != COLUMNS:
        raise ValueError(f"{path}: expected the columns {', '.join(COLUMNS)}, found {', '.join(table)}")
    of_arm = {arm: tuned for tuned, arms in ARMS.items() for arm in arms}
    views = table[table["arm"].isin(of_arm)]
    tuned = {(row.object, row.view): of_arm[row.arm] for row in views.itertuples()}
    table["tuned"] = [tuned.get(place) for place in zip(table["object"], table["view"], strict=True)]
    if table["tuned"].isna().any():
        lone = table[table["tuned"].isna()].iloc[0]
        raise ValueError(
            f"{path}: expected a fine-tuned render of every view, found "
            f"none of view {lone['view']} of {lone['object']}"
        )
    means = table.groupby(["tuned", "arm", "object"], sort=False)["extent_ratio"].mean()
    return means.rename("extent").reset_index()


def enlargement(table: pd.DataFrame) -> pd.Series:
    """Mean over objects of extent after over extent before, by tuned and arm; of `published_extents`."""
    wide = table.pivot(index=["tuned", "object"], columns="arm", values="extent")
    factors = wide.drop(columns=UNTOUCHED).div(wide[UNTOUCHED], axis=0)
    return factors.stack().dropna().groupby(level=[0, 2]).mean()


def extent_figure(table: pd.DataFrame) -> go.Figure:
    """A line for every object: untouched, tuned with MSE and with FreqLoss, for adapters and for all weights.

    Args:
        table: of `published_extents`.
    """
    lines, ticks = [], {}
    for start, (tuned, arms) in enumerate(ARMS.items()):
        names = {UNTOUCHED: "untouched"} | {arm: f"{tuned}, {loss}" for arm, loss in arms.items()}
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
    figure.update_xaxes(
        tickvals=list(ticks), ticktext=[name.replace(", ", ",<br>") for name in ticks.values()]
    )
    figure.update_xaxes(range=[-0.5, 2 * GAP - 1.5], showgrid=False)
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
    return (
        "Extent of the renders over the true one, mean of five published objects. " + "; ".join(parts) + "."
    )
