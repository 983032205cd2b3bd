"""What comes with the repository so that a chapter can measure one object live within a minute."""

import shutil
from pathlib import Path

from lrm_core import load_model
from lrm_core.atomic import replacing
from lrm_core.evidence.experiments import get_experiment
from lrm_core.evidence.oracle_files import load_oracle
from lrm_core.evidence.oracles import STARTS, OracleCache, oracle_fingerprint
from lrm_core.evidence.runner import load_item
from lrm_core.evidence.typical import shown_objects
from lrm_core.objects.manifest import forget_missing, make_entry, record_entries
from lrm_core.paths import data_dir
from lrm_core.profiles import get_profile

FOLDER = "mini/oracles"


def ship_oracles(cache: OracleCache | None = None) -> list[Path]:
    """Copy oracles of the profile `mini` into `data/`; those of older weights go.

    They are those of the first object, and those from the prediction of the objects that the first page shows.

    Raises:
        FileNotFoundError: if one of them was not fitted yet.
        ValueError: if the file of one is damaged.
    """
    plan, data = get_profile("mini"), data_dir()
    cache = cache or OracleCache()
    model = load_model(plan.model)
    config = get_experiment("e02_basins").configuration(plan).oracle
    first, *others = [plan.object_folders()[0], *map(plan.object_folder, shown_objects(plan.name))]
    wanted = [(first, start) for start in STARTS] + [(folder, "predicted") for folder in others]
    found = {}
    for item, start in ((load_item(plan, folder), start) for folder, start in wanted):
        path = cache.find(oracle_fingerprint(model, item, start, config, plan.seeds[0]))
        if path is None:
            raise FileNotFoundError(f"{item.name}: no oracle from {start}; run `lrm records` first")
        load_oracle(path)
        found[item.name, start] = path
    shipped = {place: data / FOLDER / path.name for place, path in found.items()}
    for place, path in shipped.items():
        if found[place] != path:
            with replacing(path) as temporary:
                shutil.copyfile(found[place], temporary)
    for old in set((data / FOLDER).glob("*.safetensors")) - set(shipped.values()):
        old.unlink()
    record_entries(data, [_entry(data, path, *place) for place, path in shipped.items()])
    forget_missing(data)
    return list(shipped.values())


def _entry(data: Path, path: Path, name: str, start: str):
    source = f"oracle of {name} from the {start} start, made by lrm records"
    return make_entry(data, path.relative_to(data).as_posix(), source=source, licence="CC0-1.0", seed=0)
