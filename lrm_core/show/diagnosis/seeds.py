"""What the seed of the fits changes in the distances of E2 (claim C1)."""

from math import sqrt

import pandas as pd

from lrm_core.evidence.rulebook import RULES
from lrm_core.evidence.statistics import per_object
from lrm_core.evidence.verdicts import intervals, judge
from lrm_core.show.diagnosis.basins import READINGS
from lrm_core.show.elements.prose import listed, mean_and_interval, number


def seeds_table(table: pd.DataFrame) -> pd.DataFrame:
    """Correlation of the two oracles by each seed, and how much of it seeds and objects change.

    Of the objects that have every seed.
    """
    table = _repeated(table)
    by_seed = dict(list(table.groupby("seed")))
    rows = [
        (
            label,
            *(mean_and_interval(intervals(mine)(column)) for mine in by_seed.values()),
            number(seed_spread(table, column), 3),
            number(per_object(table, column).std(), 3),
        )
        for column, label in READINGS.items()
    ]
    names = [f"seed {seed}" for seed in by_seed]
    return pd.DataFrame(rows, columns=["correlation", *names, "spread of seeds", "spread of objects"])


def seed_spread(table: pd.DataFrame, column: str) -> float:
    """Standard deviation over the seeds of an object, its square averaged over objects; NaN with one seed."""
    return sqrt(pd.to_numeric(table[column]).groupby(table["object"]).var().mean())


def seeds_sentence(table: pd.DataFrame) -> str:
    """What the rule says of the records of each seed alone, of the objects that have every seed."""
    table = _repeated(table)
    verdicts = {seed: judge(RULES["C1"], mine).case.verdict for seed, mine in table.groupby("seed")}
    if len(verdicts) == 1:
        return "Only one seed was fitted."
    where = f"On the {table['object'].nunique()} objects that were fitted with {len(verdicts)} seeds"
    if len(set(verdicts.values())) == 1:
        return f"{where}, each seed alone leads to the same verdict: {next(iter(verdicts.values()))}."
    return f"{where}, the verdict depends on it: {listed([f'{v} by seed {s}' for s, v in verdicts.items()])}."


def _repeated(table: pd.DataFrame) -> pd.DataFrame:
    counts = table.groupby("object")["seed"].transform("nunique")
    return table[counts == counts.max()]
