"""What a run leaves in its folder beside its weights: its configuration and its tables."""

import csv
import json
from collections.abc import Sequence
from math import isfinite
from pathlib import Path

from lrm_core.atomic import replacing
from lrm_core.files import read_json

STATE = "state.safetensors"  # of a run: weights and moments
REMOVE = "remove the folder of the run to start over"


def claim_folder(path: Path, configuration: dict) -> None:
    """Write the configuration of a run to `path`; ValueError if a run of another, or a damaged one, lies there."""
    text = json.dumps(configuration, indent=1, sort_keys=True)
    if not path.exists():
        with replacing(path) as temporary:
            temporary.write_text(text)
    elif read_json(path) != json.loads(text):
        raise ValueError(f"{path}: this folder holds a run of another configuration; choose another folder")


class Rows:
    """A table by step, as CSV; a run that resumes writes what lies after its step again.

    Attributes:
        path: the file.
        rows: text by column, in order of step.
    """

    def __init__(self, path: Path, columns: Sequence[str], step: int) -> None:
        """Read what is there up to and with `step`, a column; ValueError naming the file, if it is no such table."""
        self.path, self.columns = path, tuple(columns)
        self.rows = []
        if not path.exists():
            return
        try:
            with path.open(newline="", encoding="utf-8") as file:
                table = csv.DictReader(file)
                rows = [row for row in table if int(row["step"]) <= step]
        except (KeyError, TypeError, ValueError, csv.Error) as error:
            raise ValueError(f"{path}: not a table of a run ({error!r}); {REMOVE}") from error
        if rows and any(row.keys() != set(self.columns) or None in row.values() for row in rows):
            raise ValueError(f"{path}: expected the columns {', '.join(self.columns)} in every row; {REMOVE}")
        self.rows = rows

    def numbers(self, column: str) -> list[float]:
        """A column; ValueError naming the file, if an entry is no finite number."""
        try:
            values = [float(row[column]) for row in self.rows]
        except ValueError as error:
            raise ValueError(f"{self.path}: {column}: {error}; {REMOVE}") from error
        if not all(map(isfinite, values)):
            found = "expected finite numbers, found NaN or infinity"
            raise ValueError(f"{self.path}: {column}: {found}; {REMOVE}")
        return values

    def has(self, step: int) -> bool:
        """Whether there is a row of that step."""
        return any(row["step"] == str(step) for row in self.rows)

    def last(self, column: str) -> float:
        """The number in the last row, 0 where there is none."""
        return float(self.rows[-1][column]) if self.rows else 0.0

    def add(self, **row: float | str) -> None:
        """One more row, empty where nothing is given; nine digits give a float32 back unchanged."""
        cells = {key: row.get(key, "") for key in self.columns}
        self.rows.append({k: f"{x:.9g}" if isinstance(x, float) else str(x) for k, x in cells.items()})

    def write(self) -> None:
        """Replace the file."""
        with replacing(self.path) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.columns)
            writer.writeheader()
            writer.writerows(self.rows)
