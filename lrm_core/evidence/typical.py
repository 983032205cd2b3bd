"""Two objects that stand for all: the typical one, and the one that contradicts it most, by band corrections (E8)."""

import pandas as pd

from lrm_core.evidence.verdicts import experiment_table
from lrm_core.profiles import get_profile

EXPERIMENT = "e08_band_correction"
MARGIN = "margin.low_minus_high.truth"


def chosen(table: pd.DataFrame, names: list[str]) -> tuple[str, str]:
    """The typical object, and the one that contradicts it most: median and least margin of coarse over fine.

    Args:
        table: records of E8.
        names: of the objects to choose from; the first two where none was measured.

    >>> chosen(pd.DataFrame({"object": ["a", "b", "c"], MARGIN: [0.3, -0.1, 0.2]}), ["a", "b", "c"])
    ('c', 'b')
    >>> chosen(pd.DataFrame(), ["a", "b"])
    ('a', 'b')
    """
    measured = table[table["object"].isin(names)] if len(table) else table
    if measured.empty:
        return names[0], names[1]
    ordered = measured.sort_values(MARGIN)["object"].tolist()
    return ordered[len(ordered) // 2], ordered[0]


def shown_objects(profile: str) -> tuple[str, str]:
    """`chosen` among the real objects of a profile by its records; raises as `experiment_table`."""
    real = [path.name for path in get_profile(profile).object_folders() if path.parent.name == "real"]
    return chosen(experiment_table(EXPERIMENT, profile), real)
