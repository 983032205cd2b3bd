"""What a model makes of a picture or of a folder of them, and the files that carry it.

In a folder finished pictures are kept and faulty ones named; the others go on.
"""

import json
from dataclasses import asdict, dataclass, field
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from lrm_core.atomic import appearing, save_tensors
from lrm_core.data_url import to_pixels
from lrm_core.files import digest, files_of, fingerprint, printable, read_json
from lrm_core.model.checkpoints import load_model
from lrm_core.model.lrm import LRM, model_hash
from lrm_core.objects.mesh import write_mesh, write_textured_glb
from lrm_core.objects.pictures import FORMATS, framed, load_picture, whole
from lrm_core.render.cameras import canonical_source_camera
from lrm_core.render.surface import SURFACE_DENSITY, Surface, bake, extract_surface
from lrm_core.render.turntable import stills, turntable, write_film

ASSETS = {
    "glb": "mesh.glb",
    "obj": "mesh.obj",
    "ply": "mesh.ply",
    "textured": "textured.glb",
    "mp4": "turntable.mp4",
    "gif": "turntable.gif",
    "webp": "turntable.webp",
    "planes": "planes.safetensors",
    "sheet": "sheet.png",
}
RECORD = "prediction.json"
UNWRAPPED = 64  # cells along each axis of the mesh that gets a texture: the detail is in the texture
SHEET_FRAMES = 7


@dataclass(frozen=True)
class PredictConfig:
    """What is made of a picture.

    Raises ValueError if there is no format or an unknown one, or a number is not positive.
    """

    formats: tuple[str, ...] = tuple(ASSETS)  # keys of `ASSETS`
    source_distance: float = 2.0  # of the camera that took the picture, as the model is told, in world units
    # the picture is framed as in training already; it is only made square and of the model's size
    keep_framing: bool = False
    resolution: int = 128  # cells along each axis of the box for the mesh
    density: float = SURFACE_DENSITY  # of the surface, in 1 / world unit
    frames: int = 48

    def __post_init__(self) -> None:
        unknown = [name for name in self.formats if name not in ASSETS]
        if unknown or not self.formats:
            found = ", ".join(unknown) or "none"
            raise ValueError(f"formats: found {found}; expected some of {', '.join(ASSETS)}")
        for name in ("source_distance", "resolution", "density", "frames"):
            if not 0 < getattr(self, name) < inf:
                raise ValueError(f"{name}: expected a positive, finite number, found {getattr(self, name)}")


@dataclass(frozen=True)
class Prediction:
    """A picture as the model sees it, on white, in [0, 1], and T_pred."""

    picture: Float[Tensor, "3 H H"]
    planes: Float[Tensor, "3 C R R"]


@torch.no_grad()
def predict_picture(model: LRM, path: Path, config: PredictConfig) -> Prediction:
    """Read a picture, frame it and predict its triplane; raises FileNotFoundError or ValueError as `load_picture`."""
    size = model.config.source_size
    fit = whole if config.keep_framing else framed
    picture = fit(load_picture(path), size).image
    device = next(model.parameters()).device
    camera = canonical_source_camera(config.source_distance).to(device)
    return Prediction(picture, model.predict_planes(picture[None].to(device), camera)[0].float())


def write_assets(folder: Path, model: LRM, prediction: Prediction, config: PredictConfig) -> None:
    """Write the assets of a prediction, those of `config.formats`, into a folder that exists.

    Raises ValueError if the field has no surface, OSError if a file cannot be written.
    """
    wanted = {name: folder / ASSETS[name] for name in config.formats}
    field = prediction.planes, model.decoder
    if files := [wanted[name] for name in ("glb", "obj", "ply") if name in wanted]:
        surface = extract_surface(*field, config.resolution, config.density)
        for file in files:
            write_surface(file, surface)
    if "textured" in wanted:
        surface = extract_surface(*field, min(UNWRAPPED, config.resolution), config.density)
        baked = bake(surface, *field)
        write_textured_glb(wanted["textured"], *(part.numpy() for part in baked[:3]), texture=baked.texture)
    view = model.config.render_size, model.config.rendering_samples_per_ray
    if films := [wanted[name] for name in ("mp4", "gif", "webp") if name in wanted]:
        frames = turntable(*field, config.frames, *view)
        for film in films:
            write_film(film, frames)
    if "sheet" in wanted:
        stills(to_pixels(prediction.picture), turntable(*field, SHEET_FRAMES, *view)).save(wanted["sheet"])
    if "planes" in wanted:
        metadata = {"source_distance": str(config.source_distance), "model": model_hash(model)}
        save_tensors(wanted["planes"], {"planes": prediction.planes.cpu().contiguous()}, metadata)


def write_surface(file: Path, surface: Surface) -> None:
    """Write a surface as a GLB, OBJ or PLY file; raises OSError if that cannot be written."""
    write_mesh(file, *(part.numpy() for part in (surface.vertices, surface.faces, surface.colours)))


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

    Pictures are PNG, JPEG or WebP files; folders are not searched deeper. Raises as `load_model`. FileNotFoundError
    if there is no such file, or no picture in the folder. OSError if `out` cannot be written.
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
    if not folder.exists():
        try:
            with appearing(folder) as temporary:
                _write_files(temporary, model, prediction, config, record)
            return False
        except FileExistsError:  # by another run
            pass
    if _is_finished(folder, record):
        return True
    with TemporaryDirectory(dir=folder, prefix=".", suffix=".tmp") as temporary:
        _write_files(Path(temporary), model, prediction, config, record)
        for made in sorted(Path(temporary).iterdir(), key=lambda path: path.name == RECORD):
            made.replace(folder / made.name)
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
    files = files or dict.fromkeys(ASSETS[name] for name in record["formats"])  # as older records are
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
