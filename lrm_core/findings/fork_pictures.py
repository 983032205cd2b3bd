"""What the fork's own pictures say of the size at which the published model draws, in sentences."""

from typing import Literal

import pandas as pd

from lrm_core.findings.prose import number
from lrm_core.findings.sentences import say
from lrm_core.paths import data_dir
from lrm_core.profiles import DISTANCES, DRAWN, TOLD

FILE = "published_scale.csv"
Tuned = Literal["LoRA", "all weights"]
ARMS: dict[Tuned, dict[str, str]] = {
    "LoRA": {"lora_mse_r8": "MSE", "lora_freqloss_r8": "FreqLoss"},
    "all weights": {"full_mse": "MSE", "full_freqloss": "FreqLoss"},
}
UNTOUCHED = "untouched"


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
    """
    table = pd.read_csv(data_dir() / FILE)
    of_arm = {arm: tuned for tuned, arms in ARMS.items() for arm in arms}
    views = table[table["arm"].isin(of_arm)]
    tuned = {(row.object, row.view): of_arm[row.arm] for row in views.itertuples()}
    table["tuned"] = [tuned[place] for place in zip(table["object"], table["view"], strict=True)]
    means = table.groupby(["tuned", "arm", "object"], sort=False)["extent_ratio"].mean()
    return means.rename("extent").reset_index()


def enlargement(table: pd.DataFrame) -> pd.Series:
    """Mean over objects of extent after over extent before, by tuned and arm; of `published_extents`."""
    wide = table.pivot(index=["tuned", "object"], columns="arm", values="extent")
    factors = wide.drop(columns=UNTOUCHED).div(wide[UNTOUCHED], axis=0)
    return factors.stack().dropna().groupby(level=[0, 2]).mean()


def title() -> str:
    """What the figure of the extents shows; raises as `published_extents`."""
    growth = enlargement(published_extents())
    least, most = number(growth.min()), number(growth.max())
    return say("one_wrong_number", "title extents", growth_least=least, growth_most=most)


def fork_text() -> str:
    """Sizes untouched and after each fine-tuning; raises as `published_extents`."""
    table = published_extents()
    before = table.loc[table["arm"] == UNTOUCHED, "extent"]
    growth = enlargement(table)
    full = table[table["tuned"] == "all weights"].pivot(index="object", columns="arm", values="extent")
    nearest = full.loc[full[UNTOUCHED].idxmax()]
    return say(
        "one_wrong_number",
        "fork",
        least=number(before.min()),
        most=number(before.max()),
        drawn_least=number(DRAWN[0]),
        drawn_most=number(DRAWN[1]),
        growth_least=number(growth.min()),
        growth_most=number(growth.max()),
        factor=number(sum(DISTANCES) / 2 / TOLD, 3),
        right_before=number(nearest[UNTOUCHED]),
        right_after=number(nearest["full_mse"]),
    )
