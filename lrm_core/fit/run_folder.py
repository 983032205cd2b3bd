"""What a run leaves in its folder beside its weights: its configuration and its tables."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from lrm_core.atomic import replacing

STATE = "state.safetensors"  # of a run: weights and moments


def claim_folder(path: Path, configuration: dict) -> None:
    """Write the configuration of a run to `path`, or see that it is that of the run which lies there.

    Raises:
        ValueError: if the folder holds a run of another configuration, or a damaged one.
    """
    text = json.dumps(configuration, indent=1, sort_keys=True)
    if not path.exists():
        with replacing(path) as temporary:
            temporary.write_text(text)
    elif _read(path) != json.loads(text):
        raise ValueError(f"{path}: this folder holds a run of another configuration; choose another folder")


def _read(path: Path) -> dict:
    try:
        return json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path}: expected the configuration of a run as JSON, found something else ({error}); choose another "
            "folder or remove this one"
        ) from error


class Rows:
    """A table by step, as CSV; a run that resumes writes what lies after its step again.

    Attributes:
        path: the file.
        rows: text by column, in order of step.
    """

    def __init__(self, path: Path, columns: Sequence[str], step: int) -> None:
        """Read what is there up to and with `step`; one of the columns is "step"."""
        self.path, self.columns = path, tuple(columns)
        self.rows = []
        if path.exists():
            with path.open(newline="") as file:
                self.rows = [row for row in csv.DictReader(file) if int(row["step"]) <= step]

    def has(self, step: int) -> bool:
        """Whether there is a row of that step."""
        return any(row["step"] == str(step) for row in self.rows)

    def add(self, **row: float | str) -> None:
        """One more row; nine digits give a float32 back unchanged."""
        self.rows.append(
            {key: f"{row[key]:.9g}" if isinstance(row[key], float) else str(row[key]) for key in self.columns}
        )

    def write(self) -> None:
        """Replace the file."""
        with replacing(self.path) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.columns)
            writer.writeheader()
            writer.writerows(self.rows)
