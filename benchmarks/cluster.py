"""What a cluster costs and how far it goes: `python benchmarks/cluster.py`, with Ray installed.

Measured with a real Ray: jobs that sleep on up to eight workers; two workers with as many calls in flight as a
thousand would have; jobs that compute, on one and on two workers, and in as many plain processes beside it.

Simulated: 1,000 workers and 100,000 jobs that sleep. The driver is real, from the list of jobs to the last record
(`make_missing`, `make_on_cluster`, `on_cluster`, the store). Ray and the workers are not: calls end on
a clock that jumps to the next end whenever the driver waits, and each of Ray's functions is charged what it cost
here with as many calls in flight (the median). The driver's own lines count in CPU time, since this machine has
other work too. Neither the network nor the scheduler of Ray is in it, nor data of the jobs; the store lies in memory.
"""

import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from heapq import heappop, heappush, heapreplace
from math import inf
from pathlib import Path
from statistics import median
from types import SimpleNamespace

import psutil
import torch
from keep import keep

from lrm_core.measure.experiments import EXPERIMENTS
from lrm_core.processes import side_by_side
from lrm_core.profiles import get_profile
from lrm_core.records import on_cluster as cluster
from lrm_core.records.on_cluster import Cluster, Outcome
from lrm_core.records.runner import Runner
from lrm_core.records.store import RecordKey, ResultStore

SWEEPS = ((2, 200, 0.1), (8, 2_000, 0.05), (8, 10_000, 0.0))  # workers, jobs, seconds of each
WORKERS, JOBS, SLEEPS = 1000, 100_000, (10.0, 0.0)  # simulated; mean seconds of a job
FLIGHT = cluster.AHEAD * WORKERS  # calls
MEMORY = "/dev/shm"
RECORD = "x" * 4600  # bytes of a mean record of `mini`
NODE = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}


def sleep(_: object, seconds: float) -> float:
    """A job that costs nothing."""
    time.sleep(seconds)
    return seconds


def compute(_: object, products: int = 40) -> float:
    """A job that works on one core."""
    torch.set_num_threads(1)
    square = torch.eye(512)
    for _ in range(products):
        square = square @ square
    return float(square[0, 0])


def paced(made: Iterator, jobs: int) -> dict[str, float]:
    """Jobs a second after the first tenth, when all workers have started, and what the driver spent."""
    for _ in range(jobs // 10):
        next(made)
    driver = psutil.Process()
    began, worked, memory = time.perf_counter(), time.process_time(), driver.memory_info().rss
    rest = sum(1 for _ in made)
    wall, cpu, after = time.perf_counter() - began, time.process_time() - worked, driver.memory_info().rss
    return {
        "jobs a second": rest / wall,
        "driver, CPU ms a job": 1000 * cpu / rest,
        "driver, memory in MiB": after / 2**20,
        "driver, memory grown in KiB a job": (after - memory) / 2**10 / rest,
    }


def sweep(workers: int, jobs: int, function=sleep, arguments: tuple = (0.0,)) -> dict[str, float]:
    """Figures of jobs on a real Ray of so many workers."""
    from ray.cluster_utils import Cluster as Started

    started = Started(initialize_head=True, head_node_args={"num_cpus": workers})
    try:
        return paced(cluster.on_cluster(function, b"", (arguments for _ in range(jobs)), started.address), jobs)
    finally:
        started.shutdown()


def asleep(workers: int, jobs: int, seconds: float) -> dict[str, float]:
    """Of jobs that sleep."""
    found = sweep(workers, jobs, arguments=(seconds,))
    efficiency = found["jobs a second"] * seconds / workers
    return {"workers": workers, "jobs": jobs, "seconds of a job": seconds, "efficiency": efficiency} | found


def computing(jobs: int = 30) -> dict[str, dict[str, float]]:
    """Efficiency from one to two workers, and of plain processes beside it, since the machine has other work too."""
    found = {}
    for workers in (1, 2):
        plain = paced(side_by_side(compute, [(b"",)] * jobs, workers), jobs)
        for kind, figures in (("plain processes", plain), ("Ray", sweep(workers, jobs, compute, ()))):
            found.setdefault(kind, []).append(figures["jobs a second"])
    return {
        kind: {"jobs a second": rates, "efficiency from 1 to 2": rates[1] / rates[0] / 2}
        for kind, rates in found.items()
    }


def crowded(jobs: int = 6_000) -> dict[str, float]:
    """Two real workers, with as many calls in flight as a thousand have."""
    usual, cluster.AHEAD = cluster.AHEAD, FLIGHT // 2
    try:
        return {"calls in flight": FLIGHT} | sweep(2, jobs)
    finally:
        cluster.AHEAD = usual


def prices() -> dict[str, float]:
    """Seconds of each function of Ray with `FLIGHT` calls in flight, whatever the machine does beside it."""
    import ray

    ray.init(num_cpus=2, **NODE)
    try:
        task = ray.remote(sleep).options(num_cpus=1)
        ready = [task.remote(b"", 0.0) for _ in range(200)]
        ray.wait(ready, num_returns=len(ready))
        flight: list = []
        found = {"remote": _median(lambda: flight.append(task.remote(b"", 1000.0)), FLIGHT)}
        found["get"] = _median(lambda: ray.get(ready.pop()), 150)
        found["cluster_resources"] = _median(ray.cluster_resources, 50)
        found["wait, each reference"] = _median(lambda: ray.wait(flight, num_returns=FLIGHT, timeout=0), 50) / FLIGHT
        return found
    finally:
        ray.shutdown()


def _median(call, times: int) -> float:
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return median(seconds)


class Call:
    """A reference to what a call gives."""

    def __init__(self, jobs: list) -> None:
        self.jobs = jobs


class Simulated:
    """A Ray of workers that are numbers, on a clock of its own; takes the place of the module."""

    exceptions = SimpleNamespace(RayTaskError=(), RayError=())

    def __init__(self, runner: "Sleeps", cost: dict[str, float], seconds: float, shared: bool) -> None:
        self.runner, self.cost, self.seconds, self.shared = runner, cost, seconds, shared
        self.free, self.ends, self.spent, self.draw = [0.0] * WORKERS, [], Counter(), random.Random(0)
        self.skipped, self.hidden, self.slept, self.first = 0.0, 0.0, 0.0, 0.0
        self.began = time.process_time()
        self.remote = lambda function: SimpleNamespace(options=lambda **_: SimpleNamespace(remote=self.call))
        self.put = self.init = self.shutdown = lambda *_, **__: None
        self.cloudpickle = SimpleNamespace(dumps=lambda shared: b"")

    @property
    def own(self) -> float:
        """Seconds of the driver's own lines."""
        return time.process_time() - self.began - self.hidden

    @property
    def now(self) -> float:
        """Seconds of the driver, of Ray's functions and of waiting."""
        return self.own + self.spent.total() + self.skipped

    @contextmanager
    def _charged(self, name: str, times: int = 1) -> Iterator[float]:
        entered, now = time.process_time(), self.now
        self.spent[name] += self.cost[name] * times
        yield now + self.cost[name] * times
        self.hidden += time.process_time() - entered

    def cluster_resources(self) -> dict[str, int]:
        """As of Ray."""
        with self._charged("cluster_resources"):
            return {"CPU": WORKERS}

    def call(self, *arguments) -> Call:
        """What `remote` does: the worker that is free first takes it, for half to one and a half of the mean."""
        with self._charged("remote") as now:
            self.first = self.first or now
            self.slept += (seconds := self.seconds * self.draw.uniform(0.5, 1.5))
            heapreplace(self.free, end := max(now, self.free[0]) + seconds)
            reference = Call(arguments[-1][0])
            heappush(self.ends, (end, id(reference), reference))
            return reference

    def wait(self, references: list, num_returns: int, timeout: float = inf) -> tuple[list, list]:
        """As of Ray: those that have ended, when so many have or the time is over."""
        with self._charged("wait, each reference", len(references)) as now:
            enough = self.ends[0] if num_returns == 1 else max(self.ends)
            self.skipped += max(0.0, min(enough[0] - now, timeout))
            ready, until = [], self.now
            while self.ends and self.ends[0][0] <= until and len(ready) < num_returns:
                ready.append(heappop(self.ends)[-1])
            return ready, [None] * (len(references) - len(ready))

    def get(self, reference: Call) -> list[Outcome]:
        """What a worker would have sent back."""
        with self._charged("get"):
            text = None if self.shared else RECORD
            return [Outcome(self.runner.key(*job), self.runner.named(*job)[1], text) for job in reference.jobs]


class Sleeps(Runner):
    """Jobs (number, seed), each a call of its own, that nobody makes here."""

    def __init__(self, root: Path) -> None:
        self.profile, self.store, self.hashes = get_profile("smoke"), ResultStore(root), ("weights",)

    def key(self, number: int, seed: int) -> RecordKey:
        """What a job is filed under."""
        return RecordKey(f"sleep{number % len(EXPERIMENTS)}", f"number{number}", seed, *self.hashes, "data", {})

    def named(self, number: int, seed: int) -> tuple[str, str]:
        """A number."""
        return (f"number{number}, seed {seed}",) * 2

    def make(self, number: int, seed: int) -> dict:
        """Not here."""
        raise NotImplementedError


def simulated(cost: dict[str, float], seconds: float, shared: bool) -> dict[str, object]:
    """Figures of a simulated sweep: what it took on its clock, and what the driver spent it on."""
    driver = psutil.Process()
    before, usual = driver.memory_info().rss, cluster._ray
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        runner = Sleeps(Path(folder))
        ray = Simulated(runner, cost, seconds, shared)
        cluster._ray = lambda: ray
        try:
            runner.make_missing([(number, 0) for number in range(JOBS)], False, 1, Cluster("local"))
        finally:
            cluster._ray = usual
        took, own, after = ray.now, ray.own, driver.memory_info().rss
    return {
        "workers": WORKERS,
        "jobs": JOBS,
        "mean seconds of a job": seconds,
        "records written by": "the workers" if shared else "the driver",
        "seconds": took,
        "of them before the first call": ray.first,
        "jobs a second": JOBS / took,
        "efficiency": ray.slept / WORKERS / took,
        "driver waits, seconds": ray.skipped,
        "driver works, seconds": {"its own lines": own} | ray.spent,
        "driver, memory in MiB": after / 2**20,
        "of it for this sweep": (after - before) / 2**20,
    }


def main() -> None:
    """Measure and simulate everything; workers find this module."""
    os.environ["PYTHONPATH"] = os.pathsep.join(
        filter(None, (os.path.dirname(os.path.abspath(__file__)), os.environ.get("PYTHONPATH")))
    )
    figures = {"Ray's functions, seconds": (cost := prices()), "two workers, crowded": crowded()}
    keep("cluster", figures)
    figures["simulated"] = []
    for plan in (*((seconds, True) for seconds in SLEEPS), (SLEEPS[0], False)):
        figures["simulated"].append(simulated(cost, *plan))
        keep("cluster", figures)
    keep("cluster", figures := figures | {"jobs that compute": computing()})
    keep("cluster", figures | {"sweeps": [asleep(*given) for given in SWEEPS]})


if __name__ == "__main__":
    main()
