"""The contact sheet of a run of fine-tuning: kept, shipped, or rendered from its weights where they are."""

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lrm_core import LRM, load_model
from lrm_core.fit.lora import Adapters
from lrm_core.fit.tuning import ADAPTERS, WEIGHTS
from lrm_core.objects.contact_sheets import SheetStore, rendered_sheet
from lrm_core.paths import data_dir, repository_root
from lrm_core.profiles import Profile
from lrm_core.records.arm_runs import ArmRecorder
from lrm_core.records.arms import ARMS

PICTURED = ("lora_mse", "lora_freq", "lora_mse_x25", "full_mse", "full_freq")
SHIPPED = "mini/adapters"

Record = Mapping[str, Any]


def arm_recorder(plan: Profile) -> ArmRecorder:
    """Of the runs of a profile on this machine."""
    return ArmRecorder(plan, plan.results, repository_root() / ".cache" / "finetune", plan.device)


def file_name(record: Record) -> str:
    """How what belongs to a run is filed."""
    return f"{record['object']}-s{record['seed']}-{record['fingerprint']}"


def untouched_name(record: Record) -> str:
    """How the sheet of the untouched model is filed; the same for all runs of one model on the same data."""
    return f"untouched-{record['model_hash']}-{record['data_hash']}"


def shipped_adapter(record: Record) -> Path:
    """Where the adapters of a run are in the repository, if they are."""
    return data_dir() / SHIPPED / f"{file_name(record)}.safetensors"


def weights_of(recorder: ArmRecorder, record: Record) -> Path | None:
    """The file of a run's adapters, or of all its weights; None if it is not on this machine."""
    run = recorder.runs / record["fingerprint"]
    places = (shipped_adapter(record), run / ADAPTERS, run / WEIGHTS)
    return next((path for path in places if path.is_file()), None)


def tuned_model(model: LRM, weights: Path) -> LRM:
    """A plain, frozen model with those adapters merged, or with those weights.

    Raises:
        ValueError: if the file belongs to another architecture.
    """
    if weights.name == WEIGHTS:
        return load_model(weights, device=str(next(model.parameters()).device)).requires_grad_(False)
    return Adapters.load(copy.deepcopy(model), weights).merged()


def arm_sheet(recorder: ArmRecorder, record: Record, sheets: SheetStore) -> bytes | None:
    """What a run makes of its validation objects, as WebP; None if neither sheet nor weights are on this machine."""
    weights = weights_of(recorder, record)
    if weights is None and sheets.find(file_name(record)) is None:
        return None
    return _kept(recorder, record, sheets, file_name(record), lambda: tuned_model(recorder.model, weights))


def untouched_sheet(recorder: ArmRecorder, record: Record, sheets: SheetStore) -> bytes:
    """What the model makes of the validation objects of a run without it, as WebP."""
    return _kept(recorder, record, sheets, untouched_name(record), lambda: recorder.model)


def _kept(recorder: ArmRecorder, record: Record, sheets: SheetStore, name: str, model: Callable[[], LRM]) -> bytes:
    path = sheets.find(name)
    if path is None:
        examples = recorder.data(ARMS[record["object"]]).validation
        path = sheets.keep(name, rendered_sheet(model(), examples))
    return path.read_bytes()
