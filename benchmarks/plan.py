"""What `lrm plan` says of the profile `smoke` against what its records cost: `python benchmarks/plan.py`.

CPU time of both, so that other work on the machine is in neither. The records are made anew, with oracles of their
own, on two objects.
"""

import tempfile
import time
from pathlib import Path

import torch
from keep import keep

from lrm_core import load_model
from lrm_core.measure.experiments import EXPERIMENTS
from lrm_core.measure.oracles import OracleCache
from lrm_core.profiles import SMOKE
from lrm_core.records.plan import measure_costs, plan_costs
from lrm_core.records.runner import Recorder, _jobs
from lrm_core.records.store import ResultStore

NEAR = 0.3  # of the measured time


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
    torch.set_num_threads(1)
    costs, _ = measure_costs(SMOKE, "cpu")
    hours = plan_costs(SMOKE, costs, 1).set_index("stage")["hours"]
    with tempfile.TemporaryDirectory() as folder:
        seconds = measured(Path(folder))
    told = {name: 3600 * float(hours[name]) for name in seconds}
    cost = {name: sum(each.values()) for name, each in seconds.items()}
    ratio = sum(told.values()) / sum(cost.values())
    figures = {
        "within": NEAR,
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
