"""From any checkpoint to the released format of OpenLRM, and back to one file."""

from pathlib import Path

import torch

from lrm_core.files import read_json
from lrm_core.fit.runs import STATE, read_training_checkpoint
from lrm_core.model.checkpoints import load_model, read_metadata, save_checkpoint
from lrm_core.model.config import LRMConfig
from lrm_core.model.hub import WEIGHTS
from lrm_core.model.lrm import LRM
from lrm_core.model.release import save_release

INSIDE = ("config", "format")  # header entries that every file writes for itself


def convert(source: str | Path, target: Path) -> LRM:
    """Write a model anew, in float32: to a file if `target` ends in .safetensors, else to a folder as OpenLRM's.

    Args:
        source: a name or path for `load_model`, or a run of training: its folder, or its state.safetensors. Of a
            run's state the averaged weights are taken where it keeps an average. Steps and other text in the header
            of the source's weights are kept.
        target: must not exist yet.

    Returns:
        The model.

    Raises:
        FileExistsError: if there is something at `target`.
        FileNotFoundError, ValueError: as `load_model`, or if a run's state is not that of a whole model.
        OSError: if it cannot be written.
    """
    if target.exists():
        raise FileExistsError(f"{target}: exists already; remove it or choose another place")
    path = Path(source)
    state = path / STATE if (path / STATE).is_file() else path
    if state.name == STATE and state.is_file():
        model, metadata = _of_run(state)
    else:
        model, weights = load_model(source), path / WEIGHTS if path.is_dir() else path
        found = read_metadata(weights) if weights.is_file() else {}
        metadata = {key: value for key, value in found.items() if key not in INSIDE}
    if target.suffix == ".safetensors":
        save_checkpoint(model, target, torch.float32, metadata)
    else:
        save_release(model, target, metadata)
    return model


def _of_run(state: Path) -> tuple[LRM, dict[str, str]]:
    """The model of a run whose config.json lies beside its state."""
    place = state.with_name("config.json")
    try:
        described = read_json(place).get("model")
    except (FileNotFoundError, ValueError, AttributeError) as error:
        raise ValueError(f"{place}: expected the configuration of the run beside its state ({error})") from error
    if not isinstance(described, dict):
        advice = "convert the model.safetensors that it ends with, or merge its adapters"
        raise ValueError(f"{state}: the state of a fine-tuning holds only what it trains; {advice}")
    stored, step = read_training_checkpoint(state)
    kind = "average." if any(name.startswith("average.") for name in stored) else "weight."
    weights = {name.removeprefix(kind): value for name, value in stored.items() if name.startswith(kind)}
    model = LRM(LRMConfig.from_openlrm(described)).eval()
    try:
        model.load_openlrm_state_dict(weights)
    except ValueError as error:
        raise ValueError(f"{state}: {error}") from error
    return model, {"steps": str(step)}
