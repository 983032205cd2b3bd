"""The contact sheet of a run of fine-tuning: kept, shipped, or rendered from its weights where they are."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lrm_core import LRM, load_model
from lrm_core.fit.examples import Example
from lrm_core.fit.lora import Adapters
from lrm_core.fit.tuning import ADAPTERS, WEIGHTS
from lrm_core.objects.contact_sheets import SheetStore, rendered_sheet
from lrm_core.paths import data_dir
from lrm_core.records.arm_runs import ArmRecorder
from lrm_core.records.arms import ARMS

PICTURED = ("lora_mse", "lora_freq", "lora_mse_x25", "full_mse", "full_freq")
SHIPPED = "mini/adapters"

Record = Mapping[str, Any]


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


def validation_examples(recorder: ArmRecorder, record: Record) -> list[Example]:
    """What a run was scored on, in the order of the rows of its sheet."""
    return recorder.data(ARMS[record["object"]]).validation


def arm_sheet(recorder: ArmRecorder, record: Record, sheets: SheetStore) -> bytes | None:
    """What a run makes of its validation objects, as WebP; None if neither sheet nor weights are on this machine."""
    if (kept := sheets.find(file_name(record))) is not None:
        return kept.read_bytes()
    if (weights := weights_of(recorder, record)) is None:
        return None
    model = tuned_model(recorder.model, weights)
    return _kept(sheets, file_name(record), rendered_sheet(model, validation_examples(recorder, record)))


def untouched_sheet(recorder: ArmRecorder, record: Record, sheets: SheetStore) -> bytes:
    """What the model makes of the validation objects of a run without it, as WebP."""
    name = untouched_name(record)
    if (kept := sheets.find(name)) is not None:
        return kept.read_bytes()
    return _kept(sheets, name, rendered_sheet(recorder.model, validation_examples(recorder, record)))


def _kept(sheets: SheetStore, name: str, sheet: bytes) -> bytes:
    sheets.keep(name, sheet)
    return sheet
