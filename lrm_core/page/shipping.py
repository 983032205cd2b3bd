"""What comes with the repository: oracles, so that a chapter measures one object within a minute, and fine-tuning."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lrm_core import load_model
from lrm_core.atomic import replacing
from lrm_core.findings import renderer
from lrm_core.findings.verdicts import FINDINGS, experiment_table
from lrm_core.fit.lora import WEIGHTS
from lrm_core.measure.experiments import get_experiment
from lrm_core.measure.oracles import STARTS, OracleCache, Start, load_oracle, oracle_fingerprint
from lrm_core.model.lrm import LRM
from lrm_core.objects.build import forget_missing, make_entry, record_entries
from lrm_core.objects.contact_sheets import SUFFIX, SheetStore
from lrm_core.page.front.turning import shown_objects
from lrm_core.page.models import SHIPPED as ORACLES
from lrm_core.page.models import nine_sheet, rungs_sheet
from lrm_core.page.repair import gallery
from lrm_core.paths import data_dir
from lrm_core.profiles import Profile, get_profile
from lrm_core.records.arm_runs import ArmRecorder
from lrm_core.records.arm_tables import records
from lrm_core.records.runner import load_item

SHEETS = "mini/sheets"
SEED = 0  # of the runs that are shown

Files = dict[Path, tuple[bytes, str]]  # content, and what it is


def ship_oracles(cache: OracleCache | None = None) -> list[Path]:
    """Copy what chapters show live into `data/`: `wanted_oracles`, `traced_oracles`, two sheets; older ones go.

    Raises:
        FileNotFoundError: if an oracle was not fitted yet.
        ValueError: if the file of one is damaged.
    """
    plan, traced = get_profile("mini"), get_profile(renderer.CYCLES)
    cache, model, files = cache or OracleCache(), load_model(plan.model), {}
    for profile, wanted in ((plan, wanted_oracles(plan)), (traced, traced_oracles(traced))):
        for name, starts in wanted.items():
            files |= _oracles(profile, model, name, starts, cache)
    of = "pictures of nine objects", "pictures of six objects by models of growing quality"
    for (name, sheet), words in zip((nine_sheet(plan, model), rungs_sheet()), of, strict=True):
        files[data_dir() / ORACLES / f"{name}{SUFFIX}"] = sheet, f"{words}, made by lrm ship"
    return _keep(files, (ORACLES,))


def ship_adapters(recorder: ArmRecorder | None = None, sheets: SheetStore | None = None) -> list[Path]:
    """Copy the adapters of the pictured arms (seed 0) of the profile `mini` and their contact sheets into `data/`.

    Of runs that trained all weights only the sheets are kept; what was shipped of older runs goes, all of it where
    no arm has a record.

    Raises:
        FileNotFoundError: if the weights of an arm that has a record are not here.
    """
    runs = [r for r in records("mini") if r["object"] in gallery.PICTURED and r["seed"] == SEED]
    files: Files = {}
    if runs:
        recorder, sheets = recorder or gallery.arm_recorder(get_profile("mini")), sheets or SheetStore()
        files |= _sheet(gallery.untouched_name(runs[0]), gallery.untouched_sheet(recorder, runs[0], sheets))
    for record in runs:
        files |= _run(recorder, record, sheets)
    return _keep(files, (gallery.SHIPPED, SHEETS))


def wanted_oracles(plan: Profile) -> dict[str, list[Start]]:
    """By object: all starts of the first one, and those that findings and the first page need of their examples."""
    groups = {folder.name: folder.parent.name for folder in plan.object_folders()}
    wanted = [(next(iter(groups)), STARTS), *((name, ("predicted",)) for name in shown_objects(plan.name))]
    for finding in FINDINGS.values():
        if finding.typical and finding.starts:
            example = finding.example(experiment_table(finding.experiment, plan.name), groups)
            wanted.append((example, finding.starts))
    return {name: list(dict.fromkeys(s for n, starts in wanted if n == name for s in starts)) for name, _ in wanted}


def traced_oracles(plan: Profile) -> dict[str, Sequence[Start]]:
    """By object: what the chapter on another renderer needs of its path-traced example."""
    table = experiment_table(renderer.FINDING.experiment, plan.name)
    groups = {folder.name: folder.parent.name for folder in plan.object_folders()}
    return {renderer.FINDING.example(table, groups): renderer.FINDING.starts}


def _oracles(plan: Profile, model: LRM, name: str, starts: Sequence[Start], cache: OracleCache) -> Files:
    """The oracles of one object."""
    item, files = load_item(plan, plan.object_folder(name)), {}
    config = get_experiment("e02_basins").configuration(plan).oracle
    for start in starts:
        path = cache.find(oracle_fingerprint(model, item, start, config, plan.seeds[0]))
        if path is None:
            raise FileNotFoundError(f"{item.name}: no oracle from {start}; run `lrm records` first")
        load_oracle(path)  # refuses a damaged file
        words = f"oracle of {item.name} from the {start} start, made by lrm records"
        files[data_dir() / ORACLES / path.name] = path.read_bytes(), words
    return files


def _run(recorder: ArmRecorder, record: gallery.Record, sheets: SheetStore) -> Files:
    """The sheet of a run, and its adapters if it has some."""
    sheet, weights = gallery.arm_sheet(recorder, record, sheets), gallery.weights_of(recorder, record)
    name = gallery.file_name(record)
    if sheet is None or (weights is None and record["configuration"]["finetune"]["rank"] is not None):
        raise FileNotFoundError(
            f"{recorder.runs / record['fingerprint']}: no weights of {record['object']}, seed {record['seed']}; "
            "run `lrm arms --refresh` for it"
        )
    files = _sheet(name, sheet)
    if weights is not None and weights.name != WEIGHTS:
        gallery.tuned_model(recorder.model, weights)  # refuses a damaged file
        words = f"adapters, {name.rpartition('-')[0]}, made by lrm arms"
        files[gallery.shipped_adapter(record)] = weights.read_bytes(), words
    return files


def _sheet(name: str, sheet: bytes) -> Files:
    words = f"renders of validation objects, {name.rpartition('-')[0]}, made by lrm arms"
    return {data_dir() / SHEETS / f"{name}{SUFFIX}": (sheet, words)}


def _keep(files: Mapping[Path, tuple[bytes, str]], folders: Iterable[str]) -> list[Path]:
    """Write and list files below `data/`; whatever else is in these folders goes."""
    data = data_dir()
    for path, (content, _) in files.items():
        with replacing(path) as temporary:
            temporary.write_bytes(content)
    for old in {path for folder in folders for path in (data / folder).glob("*.*")} - files.keys():
        old.unlink()
    entries = [
        make_entry(data, path.relative_to(data).as_posix(), source=words, licence="CC0-1.0", seed=SEED)
        for path, (_, words) in files.items()
    ]
    record_entries(data, entries)
    forget_missing(data)
    return list(files)
