"""What a model makes of a picture, and the files that carry it."""

from dataclasses import dataclass
from math import inf
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.atomic import save_tensors
from lrm_core.data_url import to_pixels
from lrm_core.model.lrm import LRM, model_hash
from lrm_core.objects.mesh import write_mesh, write_textured_glb
from lrm_core.objects.pictures import framed, load_picture, whole
from lrm_core.render.cameras import canonical_source_camera
from lrm_core.render.surface import SURFACE_DENSITY, Surface, extract_surface
from lrm_core.render.texture import bake
from lrm_core.render.turntable import Frames, stills, turntable, write_film

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
UNWRAPPED = 64  # cells along each axis of the mesh that gets a texture: the detail is in the texture
SHEET_FRAMES = 7


@dataclass(frozen=True)
class PredictConfig:
    """What is made of a picture.

    Attributes:
        formats: keys of `ASSETS`.
        source_distance: of the camera that took the picture, as the model is told, in world units.
        keep_framing: the picture is framed as in training already; it is only made square and of the model's size.
        resolution: cells along each axis of the box for the mesh.
        density: of the surface, in 1 / world unit.
        frames: of the film.

    Raises:
        ValueError: if there is no format or an unknown one, or a number is not positive.
    """

    formats: tuple[str, ...] = tuple(ASSETS)
    source_distance: float = 2.0
    keep_framing: bool = False
    resolution: int = 128
    density: float = SURFACE_DENSITY
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
    """What a model makes of a picture.

    Attributes:
        picture: as the model sees it, on white, in [0, 1], (3, H, H).
        planes: T_pred, (3, C, R, R).
    """

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

    Raises:
        ValueError: if the field has no surface.
        OSError: if a file cannot be written.
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
    if films := [wanted[name] for name in ("mp4", "gif", "webp") if name in wanted]:
        frames = _turntable(model, prediction, config.frames)
        for film in films:
            write_film(film, frames)
    if "sheet" in wanted:
        shown = _turntable(model, prediction, SHEET_FRAMES)
        stills(to_pixels(prediction.picture), shown).save(wanted["sheet"])
    if "planes" in wanted:
        metadata = {"source_distance": str(config.source_distance), "model": model_hash(model)}
        save_tensors(wanted["planes"], {"planes": prediction.planes.cpu().contiguous()}, metadata)


def write_surface(file: Path, surface: Surface) -> None:
    """Write a surface as a GLB, OBJ or PLY file; raises OSError if that cannot be written."""
    write_mesh(file, *(part.numpy() for part in (surface.vertices, surface.faces, surface.colours)))


def _turntable(model: LRM, prediction: Prediction, frames: int) -> Frames:
    size, samples = model.config.render_size, model.config.rendering_samples_per_ray
    return turntable(prediction.planes, model.decoder, frames, size, samples)
