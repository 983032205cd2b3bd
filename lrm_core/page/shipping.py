"""What comes with the repository so that a chapter can measure one object live within a minute."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from lrm_core import load_model
from lrm_core.atomic import replacing
from lrm_core.findings import renderer
from lrm_core.findings.nine_objects import SHIPPED as FOLDER
from lrm_core.findings.nine_objects import nine_sheet
from lrm_core.findings.renderer_comparison import CYCLES
from lrm_core.findings.rulebook import FINDINGS
from lrm_core.findings.typical import shown_objects
from lrm_core.findings.verdicts import experiment_table
from lrm_core.measure.experiments import get_experiment
from lrm_core.measure.oracle_files import load_oracle
from lrm_core.measure.oracles import STARTS, OracleCache, Start, oracle_fingerprint
from lrm_core.model.lrm import LRM
from lrm_core.objects.contact_sheets import SUFFIX
from lrm_core.objects.manifest import forget_missing, make_entry, record_entries
from lrm_core.paths import data_dir
from lrm_core.profiles import Profile, get_profile
from lrm_core.records.runner import load_item


def ship_oracles(cache: OracleCache | None = None) -> list[Path]:
    """Copy what chapters show live into `data/`: `wanted_oracles`, `traced_oracles` and `nine_sheet`; older ones go.

    Raises:
        FileNotFoundError: if an oracle was not fitted yet.
        ValueError: if the file of one is damaged.
    """
    plan, traced, data = get_profile("mini"), get_profile(CYCLES), data_dir()
    cache = cache or OracleCache()
    model = load_model(plan.model)
    shipped: dict[Path, tuple[str, str]] = {}
    for profile, wanted in ((plan, wanted_oracles(plan)), (traced, traced_oracles(traced))):
        for name, starts in wanted.items():
            shipped |= _ship_object(data, profile, model, name, starts, cache)
    name, sheet = nine_sheet(plan, model)
    pictures = data / FOLDER / f"{name}{SUFFIX}"
    with replacing(pictures) as temporary:
        temporary.write_bytes(sheet)
    for old in {path for path in (data / FOLDER).iterdir() if path.is_file()} - {*shipped, pictures}:
        old.unlink()
    shipped[pictures] = "nine objects", "predicted"
    record_entries(data, [_entry(data, path, *of) for path, of in shipped.items()])
    forget_missing(data)
    return list(shipped)


def _ship_object(
    data: Path, plan: Profile, model: LRM, name: str, starts: Sequence[Start], cache: OracleCache
) -> dict[Path, tuple[str, str]]:
    """Copy the oracles of one object; where each is, with object and start."""
    item = load_item(plan, plan.object_folder(name))
    config = get_experiment("e02_basins").configuration(plan).oracle
    prints = {s: oracle_fingerprint(model, item, s, config, plan.seeds[0]) for s in starts}
    found = {start: cache.find(fingerprint) for start, fingerprint in prints.items()}
    if missing := [start for start, path in found.items() if path is None]:
        raise FileNotFoundError(f"{item.name}: no oracle from {', '.join(missing)}; run `lrm records` first")
    shipped = {}
    for start, path in found.items():
        load_oracle(path)
        target = data / FOLDER / path.name
        shipped[target] = (item.name, start)
        if path != target:
            with replacing(target) as temporary:
                shutil.copyfile(path, temporary)
    return shipped


def wanted_oracles(plan: Profile) -> dict[str, list[Start]]:
    """By object: all starts of the first one, and those that findings and the first page need of their examples."""
    groups = {folder.name: folder.parent.name for folder in plan.object_folders()}
    wanted = {next(iter(groups)): list(STARTS)}
    for finding in FINDINGS.values():
        if finding.typical and finding.starts:
            example = finding.example(experiment_table(finding.rule.experiment, plan.name), groups)
            starts = wanted.setdefault(example, [])
            starts += [start for start in finding.starts if start not in starts]
    for name in shown_objects(plan.name):
        starts = wanted.setdefault(name, [])
        starts += [start for start in ("predicted",) if start not in starts]
    return wanted


def traced_oracles(plan: Profile) -> dict[str, Sequence[Start]]:
    """By object: what the chapter on another renderer needs of its path-traced example."""
    table = experiment_table(renderer.FINDING.experiment, plan.name)
    groups = {folder.name: folder.parent.name for folder in plan.object_folders()}
    return {renderer.FINDING.example(table, groups): renderer.FINDING.starts}


def _entry(data: Path, path: Path, name: str, start: str):
    source = f"oracle of {name} from the {start} start, made by lrm records"
    return make_entry(data, path.relative_to(data).as_posix(), source=source, licence="CC0-1.0", seed=0)
