"""A runner whose jobs are small sums, importable by the workers of a cluster."""

import time
from pathlib import Path
from typing import Any

import torch

from lrm_core.profiles import get_profile
from lrm_core.records.runner import Runner
from lrm_core.records.store import RecordKey, ResultStore

SECONDS = 0.2  # of a job
BROKEN = 13


class Sums(Runner):
    """Jobs (number, seed): the sum of random numbers, noted in a log once it is stored; `BROKEN` fails."""

    def __init__(self, root: Path) -> None:
        self.profile, self.store, self.hashes = get_profile("smoke"), ResultStore(root), ("weights",)
        self.model, self.log = torch.nn.Identity(), root.with_suffix(".log")

    def key(self, number: int, seed: int) -> RecordKey:
        """What a job is filed under."""
        return RecordKey("sum", f"number{number}", seed, *self.hashes, "data", {})

    def named(self, number: int, seed: int) -> tuple[str, str]:
        """A number, whose seeds are made together."""
        return f"number{number}", f"number{number}, seed {seed}"

    def make(self, number: int, seed: int) -> dict[str, Any]:
        """Add up a thousand random numbers, slowly."""
        if number == BROKEN:
            raise OSError(f"nothing adds up to {number}")
        drawn = torch.randn(1000, generator=torch.Generator().manual_seed(1000 * number + seed))
        time.sleep(SECONDS)
        kept = self.keep(self.key(number, seed), {"sum": float(drawn.sum())}, SECONDS)
        with self.log.open("a") as log:
            log.write(f"{number} {seed}\n")
        return kept


class Elsewhere(Sums):
    """Its data are on the machine of the driver alone."""

    def __reduce__(self) -> tuple:
        return _not_here, (str(self.store.root),)


def _not_here(folder: str) -> None:
    raise FileNotFoundError(f"{folder}: no objects there")
