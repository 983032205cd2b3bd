"""Training spread over processes: on a CPU one per core, each with one thread, beats one with many threads."""

import os
import subprocess
import sys
from pathlib import Path

import torch

from lrm_core.fit.pretrain import pretrain
from lrm_core.fit.pretrain_config import get_preset


def default_processes(at_most: int | None = None) -> int:
    """One process per core, at most so many; one where there is a GPU."""
    cores = 1 if torch.cuda.is_available() else len(os.sched_getaffinity(0))
    return min(cores, at_most or cores)


def pretrain_in_processes(run: Path, preset: str, processes: int | None = None) -> None:
    """Run `pretrain` in this process, or in several that `accelerate launch` starts.

    Raises:
        ValueError: if the preset is unknown, or the training in the other processes failed.
    """
    architecture, config = get_preset(preset)
    processes = processes or default_processes(config.batch // config.group)
    if processes == 1:
        pretrain(run, architecture, config)
        return
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = [
        *launcher,
        "--nproc_per_node",
        str(processes),
        "--module",
        "lrm_core.fit.launch",
        str(run),
        preset,
    ]
    threads = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "ACCELERATE_USE_CPU": "true"}
    if subprocess.run(command, env=os.environ | threads, check=False).returncode:
        raise ValueError(
            f"{run}: training stopped in one of {processes} processes; the reason is printed above"
        )


if __name__ == "__main__":
    pretrain(Path(sys.argv[1]), *get_preset(sys.argv[2]))
