"""One picture or a folder of them to assets: finished ones are kept, faulty ones named, the others go on."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from lrm_core.atomic import appearing
from lrm_core.fingerprint import fingerprint
from lrm_core.model.checkpoints import load_model
from lrm_core.model.hashing import model_hash
from lrm_core.model.lrm import LRM
from lrm_core.objects.pictures import FORMATS
from lrm_core.predict.assets import PredictConfig, Prediction, predict_picture, write_assets
from lrm_core.render.turntable import to_pixels

RECORD = "prediction.json"


@dataclass
class PredictReport:
    """Names of pictures by what happened to them; `failed` says why."""

    made: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def predict_path(
    model_name: str, path: Path, out: Path, config: PredictConfig, device: str = "cpu"
) -> PredictReport:
    """Make assets of a picture, or of every picture in a folder, in a folder for each under `out`.

    A picture whose assets are finished is kept if model, picture and settings are the same. One that fails is
    reported and the others go on; its folder is not made.

    Args:
        model_name: as `load_model` takes it.
        path: a PNG, JPEG or WebP file, or a folder of them (not searched deeper).
        out: root of the results.
        config: what is made.
        device: of the model.

    Raises:
        FileNotFoundError: if there is no such file, or no picture in the folder.
        OSError: if `out` cannot be written.
        ValueError: as `load_model`.
    """
    files, report = _pictures(path), PredictReport()
    model = load_model(model_name, device)
    identity = {"model": model_hash(model), **asdict(config), "formats": list(config.formats)}
    out.mkdir(parents=True, exist_ok=True)
    taken: dict[str, Path] = {}
    for file in (progress := tqdm(files, desc="predict", unit="picture")):
        progress.set_postfix_str(file.name)
        try:
            _check_place(file, path, taken)
            record = {"picture": fingerprint([file]), **identity}
            if _is_finished(out / file.stem, record):
                report.kept.append(file.name)
                continue
            prediction = predict_picture(model, file, config)
            _write_folder(out / file.stem, model, prediction, config, record)
        except (ValueError, FileNotFoundError, FileExistsError) as error:
            report.failed[file.name] = str(error)
            continue
        report.made.append(file.name)
    return report


def _write_folder(
    folder: Path, model: LRM, prediction: Prediction, config: PredictConfig, record: dict[str, object]
) -> None:
    """Assets, the picture as the model saw it and the record; the folder appears complete or not at all."""
    with appearing(folder) as temporary:
        write_assets(temporary, model, prediction, config)
        Image.fromarray(to_pixels(prediction.picture)).save(temporary / "picture.png")
        (temporary / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _is_finished(folder: Path, record: dict[str, object]) -> bool:
    """Whether the assets are there; a FileExistsError if they were made of something else."""
    if not folder.exists():
        return False
    try:
        same = json.loads((folder / RECORD).read_text(encoding="utf-8")) == record
    except (OSError, ValueError):
        same = False
    if not same:
        raise FileExistsError(
            f"{folder}: made with another picture, model or settings; remove it or choose another output folder"
        )
    return True


def _pictures(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise FileNotFoundError(f"{path}: no such file or folder")
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in FORMATS)
    if not files:
        raise FileNotFoundError(f"{path}: no pictures; expected files ending in {', '.join(FORMATS)}")
    return files


def _check_place(file: Path, root: Path, taken: dict[str, Path]) -> None:
    """Refuse a link out of the folder, and a second picture with the stem of another."""
    if root.is_dir() and root.resolve() not in file.resolve().parents:
        raise ValueError(f"{file}: a link out of the folder; copy the picture into it")
    if file.stem in taken:
        raise ValueError(f"{file}: would overwrite the assets of {taken[file.stem].name}; rename one of them")
    taken[file.stem] = file
