"""Where a record comes from: weights, data, configuration, code, machine."""

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from lrm_core import load_model
from lrm_core.model.config import MINI_NAME, PRESETS
from lrm_core.model.hub import cached
from lrm_core.model.lrm import model_hash
from lrm_core.paths import repository_root

COMMIT = ["rev-parse", "--short=12", "HEAD"]
CHANGED = ["status", "--porcelain", "--untracked-files=no", "--", ".", ":(exclude)data/results"]


@dataclass(frozen=True)
class Provenance:
    """Circumstances of a record; none of them decides whether the record is current."""

    profile: str  # name of the one that asked for it
    revision: str  # `code_revision`
    machine: dict[str, Any]  # `machine`
    seconds: float  # wall time of the experiment, the oracles it had to fit included


def weights_hash(model: str) -> str | None:
    """`model_hash` of the weights that `load_model` gives for a name, read once per process; raises as that.

    None if the weights are not on this machine; nothing is downloaded.
    """
    if model != MINI_NAME and model in PRESETS and cached(model) is None:
        return None
    try:
        return _read_hash(model)
    except FileNotFoundError:
        return None


def code_revision(folder: Path | None = None) -> str:
    """Commit of the repository (first 12 digits), "+dirty" if tracked files differ, else "unknown".

    The results store does not count: records would else make each other dirty.
    """
    git = ["git", "-C", str(folder or repository_root())]
    how = {"text": True, "timeout": 20, "stderr": subprocess.PIPE}
    try:
        commit, changed = (subprocess.check_output(git + of, **how) for of in (COMMIT, CHANGED))
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return commit.strip() + ("+dirty" if changed else "")


def machine() -> dict[str, Any]:
    """Processor and versions of this machine, without the names of host or user."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


@cache
def _read_hash(model: str) -> str:
    return model_hash(load_model(model))


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    named = re.search(r"^model name\s*:(.*)", cpuinfo.read_text(), re.MULTILINE) if cpuinfo.exists() else None
    return named[1].strip() if named else platform.processor() or platform.machine()
