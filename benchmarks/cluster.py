"""What a cluster costs and how it grows: `python benchmarks/cluster.py`, with Ray installed.

Jobs that sleep stand for jobs that work, so that there can be more workers than cores. Of each number of workers:
jobs a second, the share of the time in which they slept, and the driver's CPU time and memory.
"""

import os
import time
from collections.abc import Iterator

import psutil
from keep import keep
from ray.cluster_utils import Cluster

from lrm_core.cluster import on_cluster

SWEEPS = ((1, 200, 0.1), (2, 400, 0.1), (8, 4_000, 0.05), (8, 20_000, 0.0))  # workers, jobs, seconds of each


def sleep(shared: bytes, seconds: float) -> float:
    """A job."""
    time.sleep(seconds)
    return seconds


def sweep(workers: int, jobs: int, seconds: float) -> dict[str, float]:
    """Figures of one sweep, timed from the second result of each worker on, when all have started."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": workers})
    try:
        made: Iterator = on_cluster(sleep, b"", ((seconds,) for _ in range(jobs)), cluster.address)
        for _ in range(warm := jobs // 10):
            next(made)
        began, worked = time.perf_counter(), time.process_time()
        memory = psutil.Process().memory_info().rss
        rest = sum(1 for _ in made)
        wall, cpu = time.perf_counter() - began, time.process_time() - worked
        grown = psutil.Process().memory_info().rss - memory
    finally:
        cluster.shutdown()
    return {
        "workers": workers,
        "jobs": jobs,
        "seconds of a job": seconds,
        "jobs a second": rest / wall,
        "efficiency": rest * seconds / workers / wall,
        "driver, CPU ms a job": 1000 * cpu / rest,
        "driver, memory in MiB": (memory + grown) / 2**20,
        "driver, memory grown in KiB a job": grown / 2**10 / rest,
        "warmed up with": warm,
    }


def main() -> None:
    """Measure every sweep; workers find this module."""
    os.environ["PYTHONPATH"] = os.pathsep.join(
        filter(None, (os.path.dirname(os.path.abspath(__file__)), os.environ.get("PYTHONPATH")))
    )
    keep("cluster", {"sweeps": [sweep(*given) for given in SWEEPS]})


if __name__ == "__main__":
    main()
