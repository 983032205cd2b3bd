"""One record recomputed while the reader watches, and compared with the stored one."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from lrm_core import load_model
from lrm_core.evidence.canonical import numbers, plain
from lrm_core.evidence.experiments import get_experiment
from lrm_core.evidence.oracles import OracleCache
from lrm_core.evidence.runner import Recorder, load_item
from lrm_core.evidence.store import ResultStore
from lrm_core.profiles import get_profile


@dataclass(frozen=True)
class Live:
    """A result just computed, and the stored one (None if there is no current record)."""

    result: dict[str, Any]
    stored: dict[str, Any] | None

    def comparison(self) -> pd.DataFrame:
        """Every number of both, one row each: entry, live, stored, difference; empty without a record."""
        live, stored = (
            {name: float(value) for name, value in numbers(of).items() if not isinstance(value, bool)}
            for of in (self.result, self.stored or {})
        )
        rows = [
            (name, live[name], stored[name], live[name] - stored[name]) for name in live if name in stored
        ]
        return pd.DataFrame(rows, columns=["entry", "live", "stored", "difference"])


def recompute(
    profile: str,
    experiment: str,
    object_name: str,
    *,
    seed: int = 0,
    device: str | None = None,
    store: ResultStore | None = None,
) -> Live:
    """Run one experiment on one object of a profile; nothing is stored but the oracles in their cache.

    Raises:
        ValueError: if the profile, the experiment or the object is unknown.
        FileNotFoundError: if the model or the objects are missing.
    """
    plan = get_profile(profile)
    chosen = get_experiment(experiment)
    item = load_item(plan, plan.object_folder(object_name))
    model = load_model(plan.model, device=device or plan.device).eval().requires_grad_(False)
    recorder = Recorder(plan, model, store or ResultStore(plan.results), OracleCache())
    record = recorder.store.get(recorder.key(item, chosen, seed))
    return Live(plain(recorder.run(item, chosen, seed)), record and record["result"])
