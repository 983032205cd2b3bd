"""What comes with the repository so that a chapter can measure one object live within a minute."""

import shutil
from pathlib import Path

from lrm_core import load_model
from lrm_core.atomic import replacing
from lrm_core.evidence.experiments import get_experiment
from lrm_core.evidence.oracle_files import load_oracle
from lrm_core.evidence.oracles import STARTS, OracleCache, oracle_fingerprint
from lrm_core.evidence.runner import load_item
from lrm_core.objects.manifest import forget_missing, make_entry, record_entries
from lrm_core.paths import data_dir
from lrm_core.profiles import get_profile

FOLDER = "mini/oracles"


def ship_oracles(cache: OracleCache | None = None) -> list[Path]:
    """Copy the oracles of the first object of the profile `mini` into `data/`; those of older weights go.

    Raises:
        FileNotFoundError: if one of them was not fitted yet.
        ValueError: if the file of one is damaged.
    """
    plan, data = get_profile("mini"), data_dir()
    cache = cache or OracleCache()
    model = load_model(plan.model)
    item = load_item(plan, plan.object_folders()[0])
    config = get_experiment("e02_basins").configuration(plan).oracle
    found = {s: cache.find(oracle_fingerprint(model, item, s, config, plan.seeds[0])) for s in STARTS}
    if missing := [start for start, path in found.items() if path is None]:
        raise FileNotFoundError(f"{item.name}: no oracle from {', '.join(missing)}; run `lrm records` first")
    for path in found.values():
        load_oracle(path)
    shipped = {start: data / FOLDER / path.name for start, path in found.items()}
    for start, path in shipped.items():
        if found[start] != path:
            with replacing(path) as temporary:
                shutil.copyfile(found[start], temporary)
    for old in set((data / FOLDER).glob("*.safetensors")) - set(shipped.values()):
        old.unlink()
    record_entries(data, [_entry(data, path, item.name, start) for start, path in shipped.items()])
    forget_missing(data)
    return list(shipped.values())


def _entry(data: Path, path: Path, name: str, start: str):
    source = f"oracle of {name} from the {start} start, made by lrm records"
    return make_entry(data, path.relative_to(data).as_posix(), source=source, licence="CC0-1.0", seed=0)
