"""The stored record of the object that a figure shows."""

from collections.abc import Mapping
from typing import Any

import pandas as pd


def stored_row(table: pd.DataFrame, name: str, seed: int) -> Mapping[str, Any]:
    """The entries of one object's record by their dotted names; empty where there is none."""
    rows = table[(table["object"] == name) & (table["seed"] == seed)]
    return {} if rows.empty else rows.iloc[0].to_dict()
