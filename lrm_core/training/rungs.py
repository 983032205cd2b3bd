"""Models of growing quality: the averaged weights of one run of `mini-cpu` at several of its steps."""

from collections.abc import Iterable
from pathlib import Path

from lrm_core.profiles import LADDER, RUNGS
from lrm_core.training.launch import pretrain_in_processes
from lrm_core.training.pretrain_config import get_preset
from lrm_core.training.publish import save_averaged

PRESET = "mini-cpu"


def train_rungs(
    folder: Path = LADDER, steps: Iterable[int] = tuple(RUNGS.values()), *, processes: int | None = None
) -> list[Path]:
    """Train on to each of the steps, and write the weights there as <step>.safetensors; those that exist stay.

    Args:
        folder: of the weights; the run itself is in its "run".
        steps: after which a rung is written.
        processes: as in `pretrain_in_processes`.

    Raises:
        ValueError, OSError: as `pretrain_in_processes`.
    """
    architecture, config = get_preset(PRESET)
    paths = [folder / f"{step}.safetensors" for step in sorted(steps)]
    for path in paths:
        if not path.exists():
            run = folder / "run"
            pretrain_in_processes(run, architecture, config, until=int(path.stem), processes=processes)
            save_averaged(run, architecture, config, path)
    return paths
