"""Training spread over processes: on a CPU one per core, each with one thread, beats one with many threads."""

import os
import tempfile
from pathlib import Path
from typing import Any

import torch

from lrm_core.model.config import LRMConfig
from lrm_core.processes import side_by_side
from lrm_core.training.pretrain import pretrain
from lrm_core.training.pretrain_config import PretrainConfig


def default_processes(at_most: int | None = None) -> int:
    """One process per core, at most so many; one where there is a GPU."""
    cores = 1 if torch.cuda.is_available() else len(os.sched_getaffinity(0))
    return min(cores, at_most or cores)


def pretrain_in_processes(
    run: Path,
    architecture: LRMConfig,
    config: PretrainConfig,
    start: Path | None = None,
    *,
    until: int | None = None,
    processes: int | None = None,
) -> None:
    """Run `pretrain` in this process, or in several on the CPU that share every batch and end together.

    There is one per core if `processes` is None, but no more than there are groups in a batch.

    Raises:
        ValueError: as `pretrain`.
        OSError: if the folder cannot be written, or a process died.
    """
    processes = processes or default_processes(config.batch // config.group)
    if processes == 1:
        pretrain(run, architecture, config, start, until)
        return
    with tempfile.TemporaryDirectory() as folder:
        how = (processes, f"{folder}/meeting", run, architecture, config, start, until)
        list(side_by_side(_pretrain_in_team, [(rank, *how) for rank in range(processes)], processes))


def _pretrain_in_team(rank: int, processes: int, meeting: str, *training: Any) -> None:
    """In a process of its own: `pretrain` as one of a team, whose members meet in a file."""
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "LOCAL_WORLD_SIZE": processes}
    os.environ.update({name: str(value) for name, value in place.items()}, ACCELERATE_USE_CPU="true")
    torch.distributed.init_process_group("gloo", f"file://{meeting}", rank=rank, world_size=processes)
    pretrain(*training)
