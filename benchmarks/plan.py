"""What `lrm plan` says against what records cost: `python benchmarks/plan.py [stored]`.

First against the stored records of other profiles than `mini`, which the estimate is fed with: wall time, of
experiments that fit no oracle and so cost there what they cost in `mini`. Then, without the word `stored`, of the
profile `smoke`: CPU time of both, so that other work on the machine is in neither. Its records are made anew, with
oracles of their own.
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import fmean

import torch
from keep import keep

from lrm_core import load_model
from lrm_core.measure.experiments import EXPERIMENTS
from lrm_core.measure.oracles import OracleCache
from lrm_core.profiles import MINI, PROFILES, SMOKE
from lrm_core.records.plan import measure_costs, plan_costs
from lrm_core.records.runner import Recorder, _jobs
from lrm_core.records.store import ResultStore

NEAR = 0.3  # of the measured time
WITHOUT_FIT = ("e04_visibility", "e06_response", "e08_band_correction", "e09_low_band", "e10_isotropy")


def stored() -> dict[str, dict[str, float]]:
    """Mean seconds of a record of `mini` over those of another profile on the same objects and views."""
    others = {name: ResultStore(plan.results) for name, plan in PROFILES.items() if name.startswith("mini-")}
    return {
        name: {
            experiment: _mean_seconds(ResultStore(MINI.results), experiment)
            / _mean_seconds(store, experiment)
            for experiment in WITHOUT_FIT
            if any(store.records(experiment))
        }
        for name, store in others.items()
        if store.root.exists()
    }


def _mean_seconds(store: ResultStore, experiment: str) -> float:
    return fmean(record["provenance"]["seconds"] for record in store.records(experiment))


def measured(folder: Path) -> dict[str, dict[str, float]]:
    """CPU seconds of each experiment on each object."""
    model = load_model(SMOKE.model).eval().requires_grad_(False)
    recorder = Recorder(SMOKE, model, ResultStore(folder), OracleCache(folder, folder))
    found: dict[str, dict[str, float]] = {}
    for item, experiment, seed in _jobs(SMOKE, EXPERIMENTS.values(), None):
        began = time.process_time()
        recorder.make(item, experiment, seed)
        found.setdefault(experiment.name, {})[item.name] = time.process_time() - began
        print(item.name, experiment.name, found[experiment.name][item.name], flush=True)
    return found


def main() -> None:
    """Estimate first, then measure."""
    ratios = stored()
    figures = {
        "within": NEAR,
        "stored records, estimated over measured": ratios,
        "of them within": sum(abs(ratio - 1) <= NEAR for each in ratios.values() for ratio in each.values()),
        "of": sum(map(len, ratios.values())),
    }
    keep("plan", figures)
    if sys.argv[1:] == ["stored"]:
        return
    torch.set_num_threads(1)
    costs, _ = measure_costs(SMOKE, "cpu")
    hours = plan_costs(SMOKE, costs, 1).set_index("stage")["hours"]
    with tempfile.TemporaryDirectory() as folder:
        seconds = measured(Path(folder))
    told = {name: 3600 * float(hours[name]) for name in seconds}
    cost = {name: sum(each.values()) for name, each in seconds.items()}
    ratio = sum(told.values()) / sum(cost.values())
    figures["smoke"] = {
        "costs, CPU seconds": {"a look": costs.look, "a ray of a step": costs.ray},
        "estimated, CPU seconds": told,
        "measured, CPU seconds": cost,
        "of each object": seconds,
        "estimated over measured": ratio,
        "passes": abs(ratio - 1) <= NEAR,
    }
    keep("plan", figures)


if __name__ == "__main__":
    main()
