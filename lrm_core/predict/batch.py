"""One picture or a folder of them to assets: finished ones are kept, faulty ones named, the others go on."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from tqdm import tqdm

from lrm_core.atomic import appearing
from lrm_core.data_url import to_pixels
from lrm_core.files import digest, files_of, printable, read_json
from lrm_core.fingerprint import fingerprint
from lrm_core.model.checkpoints import load_model
from lrm_core.model.lrm import LRM, model_hash
from lrm_core.objects.pictures import FORMATS
from lrm_core.predict.assets import ASSETS, PredictConfig, Prediction, predict_picture, write_assets

RECORD = "prediction.json"


@dataclass
class PredictReport:
    """Names of pictures by what happened to them; `failed` says why."""

    made: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def predict_path(model_name: str, path: Path, out: Path, config: PredictConfig, device: str = "cpu") -> PredictReport:
    """Make assets of a picture, or of every picture in a folder, in a folder for each under `out`.

    A picture whose assets are finished is kept if model, picture and settings are the same. One that fails is
    reported and the others go on; its folder is not made.

    Args:
        model_name: as `load_model` takes it.
        path: a PNG, JPEG or WebP file, or a folder of them (not searched deeper).

    Raises:
        FileNotFoundError: if there is no such file, or no picture in the folder.
        OSError: if `out` cannot be written.
        ValueError: as `load_model`.
    """
    files, report = files_of(path, FORMATS, "pictures"), PredictReport()
    model = load_model(model_name, device)
    identity = {"model": model_hash(model), **asdict(config), "formats": list(config.formats)}
    out.mkdir(parents=True, exist_ok=True)
    taken: dict[str, Path] = {}
    for file in (progress := tqdm(files, desc="predict", unit="picture")):
        progress.set_postfix_str(printable(file.name))
        try:
            _check_place(file, path, taken)
            record = {"picture": fingerprint([file]), **identity}
            kept = _predict_unless_finished(out / file.stem, model, file, config, record)
        except (ValueError, FileNotFoundError, FileExistsError) as error:
            report.failed[printable(file.name)] = printable(str(error))
            continue
        (report.kept if kept else report.made).append(file.name)
    return report


def _predict_unless_finished(
    folder: Path, model: LRM, file: Path, config: PredictConfig, record: dict[str, object]
) -> bool:
    """Whether the assets of a picture were there; else they are made, as are those of a folder that lost some."""
    if _is_finished(folder, record):
        return True
    prediction = predict_picture(model, file, config)
    if folder.exists():
        if _is_finished(folder, record):
            return True  # by another run
        with TemporaryDirectory(dir=folder, prefix=".", suffix=".tmp") as temporary:
            _write_files(Path(temporary), model, prediction, config, record)
            for made in sorted(Path(temporary).iterdir(), key=lambda path: path.name == RECORD):
                made.replace(folder / made.name)
        return False
    try:
        with appearing(folder) as temporary:
            _write_files(temporary, model, prediction, config, record)
    except FileExistsError:
        if not _is_finished(folder, record):
            raise
        return True
    return False


def _write_files(
    folder: Path, model: LRM, prediction: Prediction, config: PredictConfig, record: dict[str, object]
) -> None:
    """Assets, the picture as the model saw it, and the record with the SHA-256 of each."""
    write_assets(folder, model, prediction, config)
    Image.fromarray(to_pixels(prediction.picture)).save(folder / "picture.png")
    files = {path.name: digest(path)[0] for path in sorted(folder.iterdir())}
    text = json.dumps({**record, "files": files}, indent=1)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")


def _is_finished(folder: Path, record: dict[str, object]) -> bool:
    """Whether the assets are there and whole; a FileExistsError if they were made of something else."""
    if not folder.exists():
        return False
    try:
        found = read_json(folder / RECORD)
        files = found.pop("files", {})
        same = found == record
    except (OSError, ValueError, AttributeError):
        same = False
    if not same:
        advice = "remove it or choose another output folder"
        raise FileExistsError(f"{folder}: made with another picture, model or settings; {advice}")
    files = files or {ASSETS[name]: None for name in record["formats"]}  # as older records are
    paths = {folder / name: sha256 for name, sha256 in files.items()}
    return all(path.is_file() and sha256 in (None, digest(path)[0]) for path, sha256 in paths.items())


def _check_place(file: Path, root: Path, taken: dict[str, Path]) -> None:
    """Refuse a link out of the folder, a second picture with the stem of another, and names that are no text."""
    if printable(file.name) != file.name:
        raise ValueError(f"{file}: its name is not UTF-8; rename it")
    if file.stem in ("", ".", ".."):
        raise ValueError(f"{file}: no name for the folder of its assets; rename it")
    if root.is_dir() and root.resolve() not in file.resolve().parents:
        raise ValueError(f"{file}: a link out of the folder; copy the picture into it")
    if file.stem in taken:
        raise ValueError(f"{file}: would overwrite the assets of {taken[file.stem].name}; rename one of them")
    taken[file.stem] = file
