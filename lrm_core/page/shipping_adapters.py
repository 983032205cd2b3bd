"""What comes with the repository so that the gallery of fine-tuning stands without its runs."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lrm_core.atomic import replacing
from lrm_core.fit.tuning import WEIGHTS
from lrm_core.objects.contact_sheets import SUFFIX, SheetStore
from lrm_core.objects.manifest import forget_missing, make_entry, record_entries
from lrm_core.page.arm_pictures import (
    PICTURED,
    SHIPPED,
    arm_sheet,
    file_name,
    shipped_adapter,
    tuned_model,
    untouched_name,
    untouched_sheet,
    weights_of,
)
from lrm_core.paths import data_dir, repository_root
from lrm_core.profiles import Profile, get_profile
from lrm_core.records.arm_runs import ArmRecorder
from lrm_core.records.arm_tables import records

SHEETS = "mini/sheets"
SEED = 0  # of the runs that are shown

Record = Mapping[str, Any]


def ship_adapters(recorder: ArmRecorder | None = None, sheets: SheetStore | None = None) -> list[Path]:
    """Copy the adapters of the pictured arms (seed 0) of the profile `mini` and their contact sheets into `data/`.

    Of runs that trained all weights only the sheets are kept; what was shipped of older runs goes, all of it where
    no arm has a record.

    Raises:
        FileNotFoundError: if the weights of an arm that has a record are not here.
    """
    plan, data = get_profile("mini"), data_dir()
    runs = {r["object"]: r for r in records("mini") if r["object"] in PICTURED and r["seed"] == SEED}
    shipped = _ship_all(data, plan, runs, recorder, sheets or SheetStore()) if runs else []
    _forget_older(data, shipped)
    record_entries(data, [_entry(data, path) for path in shipped])
    forget_missing(data)
    return shipped


def _ship_all(
    data: Path, plan: Profile, runs: Mapping[str, Record], recorder: ArmRecorder | None, sheets: SheetStore
) -> list[Path]:
    recorder = recorder or ArmRecorder(
        plan, plan.results, repository_root() / ".cache" / "finetune", plan.device
    )
    shipped = [_ship_untouched(data, recorder, next(iter(runs.values())), sheets)]
    for record in runs.values():
        shipped += _ship_run(data, recorder, record, sheets)
    return shipped


def _ship_untouched(data: Path, recorder: ArmRecorder, record: Record, sheets: SheetStore) -> Path:
    return _write(data, untouched_name(record), untouched_sheet(recorder, record, sheets))


def _ship_run(data: Path, recorder: ArmRecorder, record: Record, sheets: SheetStore) -> list[Path]:
    """The sheet of a run, and its adapters if it has some."""
    sheet, weights = arm_sheet(recorder, record, sheets), weights_of(recorder, record)
    if sheet is None or (weights is None and record["configuration"]["finetune"]["rank"] is not None):
        raise FileNotFoundError(
            f"{recorder.runs / record['fingerprint']}: no weights of {record['object']}, seed {record['seed']}; "
            "run `lrm arms --refresh` for it"
        )
    shipped = [_write(data, file_name(record), sheet)]
    if weights is not None and weights.name != WEIGHTS:
        path = shipped_adapter(record)
        if path != weights:
            tuned_model(recorder.model, weights)  # refuses a damaged file
            with replacing(path) as temporary:
                shutil.copyfile(weights, temporary)
        shipped.append(path)
    return shipped


def _write(data: Path, name: str, sheet: bytes) -> Path:
    path = data / SHEETS / f"{name}{SUFFIX}"
    with replacing(path) as temporary:
        temporary.write_bytes(sheet)
    return path


def _forget_older(data: Path, shipped: list[Path]) -> None:
    for folder in (SHIPPED, SHEETS):
        for old in set((data / folder).glob("*.*")) - set(shipped):
            old.unlink()


def _entry(data: Path, path: Path):
    kind = "renders of validation objects" if path.suffix == SUFFIX else "adapters"
    source = f"{kind}, {path.stem.rpartition('-')[0]}, made by lrm arms"
    return make_entry(data, path.relative_to(data).as_posix(), source=source, licence="CC0-1.0", seed=SEED)
