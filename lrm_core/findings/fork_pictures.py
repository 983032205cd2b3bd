"""The fork's own pictures: how large the published model draws five objects, before and after each fine-tuning.

`data/published_scale.csv` holds what was measured on them for every object, view and arm: the size of the silhouette
(`lrm_core.evidence.metrics.extent`) over that of the true view.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from lrm_core.findings.say import say
from lrm_core.paths import data_dir
from lrm_core.profiles import DISTANCES, TOLD
from lrm_core.show.elements.prose import number
from lrm_core.show.elements.style import COLOURS, finish


def fork_extents() -> pd.DataFrame:
    """Size of the silhouettes on the fork's pictures over the true ones, mean over views: objects by arm.

    The untouched model was published in other views beside adapters than beside full fine-tuning, so that it is there
    twice, as "untouched" and "untouched (full)".

    Raises:
        FileNotFoundError: if `data/published_scale.csv` is missing.
    """
    table = pd.read_csv(data_dir() / "published_scale.csv")
    full = set(table.loc[table["arm"].str.startswith("full"), "view"])
    arm = table["arm"].where(~((table["arm"] == "untouched") & table["view"].isin(full)), "untouched (full)")
    return table.assign(arm=arm).pivot_table(index="object", columns="arm", values="extent_ratio")


FORK_ARMS = {
    "lora_mse_r8": ("untouched", "LoRA, MSE"),
    "lora_freqloss_r8": ("untouched", "LoRA, FreqLoss"),
    "full_mse": ("untouched (full)", "all weights, MSE"),
    "full_freqloss": ("untouched (full)", "all weights, FreqLoss"),
}


def fork_growth() -> dict[str, float]:
    """By what every fine-tuning of the fork enlarged the silhouettes, mean over its five objects."""
    sizes = fork_extents()
    return {words: float((sizes[arm] / sizes[before]).mean()) for arm, (before, words) in FORK_ARMS.items()}


def fork_figure() -> go.Figure:
    """Every object of the fork's pictures before and after each fine-tuning."""
    sizes, figure = fork_extents(), go.Figure()
    arms = [("untouched", "untouched"), *((arm, words) for arm, (_, words) in FORK_ARMS.items())]
    for number_, (name, row) in enumerate(sizes.iterrows()):
        figure.add_scatter(
            x=[words for _, words in arms], y=[row[arm] for arm, _ in arms], mode="lines+markers", name=str(name),
            line={"color": list(COLOURS.values())[number_], "width": 1.6},
            hovertemplate=f"{name}<br>%{{x}}: %{{y:.2f}} of the true size<extra></extra>",
        )  # fmt: skip
    figure.add_hline(y=1, line={"color": COLOURS["reference"], "dash": "dot"}, annotation_text="true size")
    figure.update_yaxes(title_text="size drawn, over the true one")
    said = ", ".join(f"{words} {number(value)}" for words, value in fork_growth().items())
    return finish(figure, f"Size of five objects on the fork's pictures. Growth by fine-tuning: {said}.", 300)


def fork_text() -> str:
    """What the fork's pictures say, in sentences."""
    sizes, growth = fork_extents(), fork_growth()
    before = np.concatenate([sizes["untouched"], sizes["untouched (full)"]])
    factor = (DISTANCES[0] + DISTANCES[1]) / 2 / TOLD
    nearest = sizes["untouched (full)"].idxmax()
    return say(
        "one_wrong_number",
        "fork",
        least=number(before.min()),
        most=number(before.max()),
        drawn_least=number(TOLD / DISTANCES[1]),
        drawn_most=number(TOLD / DISTANCES[0]),
        growth_least=number(min(growth.values())),
        growth_most=number(max(growth.values())),
        factor=number(factor, 3),
        right_before=number(sizes.loc[nearest, "untouched (full)"]),
        right_after=number(sizes.loc[nearest, "full_mse"]),
    )
