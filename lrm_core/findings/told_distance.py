"""What the ten-minute test says: the best distance to tell, and whether the published 2.0 was a wrong one."""

import numpy as np
import pandas as pd

from lrm_core.findings.prose import mean_and_interval, number, percent_interval
from lrm_core.measure.e17_source_distance import FACTORS, best_told
from lrm_core.profiles import TOLD
from lrm_core.records.statistics import UNKNOWN, Interval, bca_interval


def told_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Means over objects with their intervals for each distance told, as text; of rows of `told_rows`."""
    names = table["told"].map("{:g}".format).where(~table["published"], f"{TOLD:g} / own")
    rows = [
        (name, mean_and_interval(_mean(of["l1"]), 4), mean_and_interval(_mean(of["extent"]), 3))
        for name, of in table.groupby(names, sort=False)
    ]
    return pd.DataFrame(rows, columns=["told", "L1", "silhouette size"])


def best_factors(table: pd.DataFrame) -> dict[str, Interval]:
    """Geometric mean over objects of the best distance to tell over the true one, by l1 and by extent.

    Objects whose best is beyond the distances told are left out: n says how many are in.
    """
    best = pd.DataFrame([best_told(rows) for _, rows in table.groupby("object")]).astype(float)
    logs = {name: _mean(np.log(best[name])) for name in best}
    return {name: Interval(*np.exp([x.estimate, x.low, x.high]), x.n) for name, x in logs.items()}


def published_rise(table: pd.DataFrame) -> Interval:
    """L1 of renders whose encoder was told 2.0, over that of the same object told the truth, less 1."""
    by_object = table.set_index("object")
    truth = by_object.loc[(by_object["told"] == 1) & ~by_object["published"], "l1"]
    return _mean(by_object.loc[by_object["published"], "l1"] / truth - 1)


def distance_sentence(table: pd.DataFrame) -> str:
    """The answer: best by error and by size, and what telling 2.0 did to these objects."""
    best, rise, count = best_factors(table), published_rise(table), table["object"].nunique()
    told = table.loc[table["published"], "told"]
    beyond = [f"{count - x.n} by {name}" for name, x in best.items() if x.n < count]
    left = f" (beyond {FACTORS[0]:g} to {FACTORS[-1]:g}, so left out: {', '.join(beyond)})" if beyond else ""
    return (
        f"{count} objects: renders have the least error when the encoder is told "
        f"{mean_and_interval(best['l1'], 3)} of the true distance, and the right size at "
        f"{mean_and_interval(best['extent'], 3)}{left}. Told {TOLD:g}, as in the published runs, these objects "
        f"are told {number(told.min())} to {number(told.max())} of their own distance, and L1 changes by "
        f"{percent_interval(rise)} against the truth: {_verdict(rise)}."
    )


def _verdict(rise: Interval) -> str:
    if not rise.known:
        return "too few objects to say whether it was a wrong distance"
    if rise.low > 0:
        return f"{TOLD:g} was a wrong distance for them"
    if rise.high < 0:
        return f"{TOLD:g} suits this model better than their own distance"
    return f"it is not shown that {TOLD:g} was a wrong distance for them"


def _mean(values: pd.Series) -> Interval:
    found = pd.to_numeric(values).dropna()
    return bca_interval(found.to_numpy()) if len(found) else UNKNOWN
