"""What `lrm plan` says against what records cost: `python benchmarks/plan.py [PROFILE [EXPERIMENT ...]]`.

Of the profile `smoke` by default, and of all its experiments. CPU time of both, so that other work on the machine is
in neither. The records are made anew, with oracles of their own.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from keep import keep

from lrm_core import load_model
from lrm_core.measure.experiments import EXPERIMENTS, Experiment
from lrm_core.measure.oracles import OracleCache
from lrm_core.profiles import Profile, get_profile
from lrm_core.records.plan import measure_costs, plan_costs
from lrm_core.records.runner import Recorder, _jobs
from lrm_core.records.store import ResultStore

NEAR = 0.3  # of the measured time


def measured(profile: Profile, experiments: Sequence[Experiment], folder: Path) -> dict[str, dict[str, float]]:
    """CPU seconds of each experiment on each object."""
    model = load_model(profile.model).eval().requires_grad_(False)
    recorder = Recorder(profile, model, ResultStore(folder), OracleCache(folder, folder))
    found: dict[str, dict[str, float]] = {}
    for item, experiment, seed in _jobs(profile, experiments, None):
        began = time.process_time()
        recorder.make(item, experiment, seed)
        found.setdefault(experiment.name, {})[item.name] = time.process_time() - began
        print(item.name, experiment.name, found[experiment.name][item.name], flush=True)
    return found


def main() -> None:
    """Estimate first, then measure."""
    torch.set_num_threads(1)
    name, *wanted = sys.argv[1:] or ["smoke"]
    profile, experiments = get_profile(name), [EXPERIMENTS[of] for of in wanted or EXPERIMENTS]
    costs, _ = measure_costs(profile, "cpu")
    hours = plan_costs(profile, costs, 1).set_index("stage")["hours"]
    with tempfile.TemporaryDirectory() as folder:
        seconds = measured(profile, experiments, Path(folder))
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
    keep("plan" if name == "smoke" else f"plan_{name}", figures)


if __name__ == "__main__":
    main()
