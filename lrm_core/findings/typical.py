"""Two objects that stand for all: the typical one, and the one that contradicts it most, by band corrections (C4)."""

from collections.abc import Sequence

import pandas as pd

from lrm_core.findings import c04
from lrm_core.findings.verdicts import experiment_table
from lrm_core.profiles import get_profile

EXPERIMENT = c04.RULE.experiment


def chosen(table: pd.DataFrame, real: Sequence[str]) -> tuple[str, str]:
    """The example of the chapter on C4, and the object with the least lead of coarse over fine.

    Args:
        table: records of C4.
        real: names of the objects to choose from; the first two where none was measured.
    """
    measured = table[table["object"].isin(real)] if len(table) else table
    if measured.empty:
        return real[0], real[1]
    groups = {name: "real" if name in real else "procedural" for name in table["object"]}
    least = measured.sort_values(c04.MARGIN["truth"])["object"].iloc[0]
    return c04.FINDING.example(table, groups), least


def shown_objects(profile: str) -> tuple[str, str]:
    """`chosen` among the real objects of a profile by its records; raises as `experiment_table`."""
    real = [path.name for path in get_profile(profile).object_folders() if path.parent.name == "real"]
    return chosen(experiment_table(EXPERIMENT, profile), real)
