"""The chapter on a picture of one's own: what goes in, what the model makes of it, and the files that come out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core import load_model
from lrm_core.evidence.oracles import render_images
from lrm_core.evidence.verdicts import experiment_table
from lrm_core.model.hashing import model_hash
from lrm_core.model.lrm import LRM
from lrm_core.objects.pictures import Picture, load_picture, whole
from lrm_core.paths import data_dir
from lrm_core.predict import ASSETS, PredictConfig, Prediction, predict_picture, write_assets, write_surface
from lrm_core.profiles import Profile, get_profile
from lrm_core.render.surface import Surface, extract_surface
from lrm_core.render.turntable import FOCAL, Frames, turntable, write_film
from lrm_core.show.elements import prose
from lrm_core.show.elements.pictures import image_row
from lrm_core.show.elements.style import finish
from lrm_core.show.model.model_study import EXPERIMENT
from lrm_core.show.viewer import show_viewer
from lrm_core.show.viewer.widget import camera_of

PUBLISHED = "paper"  # the profile of the published weights
GROUP, DEFAULT = "mini/objects/real", "cc0_couch"
CONFIG = PredictConfig(formats=("planes",), resolution=64)
FRAMES, EVERY = 24, 3  # of the film, and of those the ones that are shown as pictures
SCENE = 420  # pixels
EYE = {"x": 0.91, "y": -1.54, "z": 0.56}  # from the side of the source, a little from above


class Kind(NamedTuple):
    """A kind of file: its media type, what it is, and the words of its link in the page, empty without one."""

    media: str
    words: str
    link: str


KINDS = {
    ".glb": Kind("model/gltf-binary", "mesh with vertex colours", "The mesh (GLB)"),
    ".mp4": Kind("video/mp4", "film, once around", "The film (MP4)"),
    ".safetensors": Kind("application/octet-stream", "the triplane itself", ""),
}


@dataclass(frozen=True)
class OwnPicture:
    """A picture and what a model makes of it.

    Attributes:
        plan: the profile, whose model it is.
        model: frozen.
        path: of the picture.
        prediction: the picture as the model sees it, and its triplane.
    """

    plan: Profile
    model: LRM
    path: Path
    prediction: Prediction

    @cached_property
    def given(self) -> Picture:
        """The picture as it was framed, square and of the size that the model takes."""
        return whole(load_picture(self.path), self.model.config.source_size)

    @cached_property
    def quality(self) -> pd.DataFrame:
        """Records of how good the model is on rendered objects."""
        return experiment_table(EXPERIMENT, self.plan.name, model_hash(self.model))

    @cached_property
    def surface(self) -> Surface:
        """The mesh that the files hold."""
        return extract_surface(self.prediction.planes, self.model.decoder, CONFIG.resolution, CONFIG.density)

    @cached_property
    def frames(self) -> Frames:
        """Renders of the triplane on a circle about it, seen a little from above, the first from in front."""
        config = self.model.config
        sizes = config.render_size, config.rendering_samples_per_ray
        return turntable(self.prediction.planes, self.model.decoder, FRAMES, *sizes, CONFIG.source_distance)

    @cached_property
    def folder(self) -> TemporaryDirectory:
        """Where the files are, until the kernel ends; `folder.name` is its path."""
        folder = TemporaryDirectory(prefix="own_picture_")
        write_assets(Path(folder.name), self.model, self.prediction, CONFIG)
        write_surface(Path(folder.name) / ASSETS["glb"], self.surface)
        write_film(Path(folder.name) / ASSETS["mp4"], self.frames)
        return folder

    def files(self) -> list[Path]:
        """Every file that was written: mesh, film and planes."""
        return [Path(self.folder.name) / ASSETS[name] for name in ("glb", "mp4", "planes")]


def open_picture(
    profile: str,
    picture: str | None = None,
    *,
    objects: Sequence[str] | None = None,
    device: str = "cpu",
) -> OwnPicture:
    """Read a picture and predict its triplane with the model of a profile.

    Args:
        picture: path of a PNG, JPEG or WebP file; the source view of an object of the repository if None.
        objects: names of such objects, of which the first is taken; a couch if None.

    Raises:
        ValueError: if the profile is unknown, or as `load_picture`.
        FileNotFoundError: if there is no such picture, or the model is missing.
    """
    plan = get_profile(profile)
    path = Path(picture) if picture else default_picture(objects)
    model = load_model(plan.model, device=device).requires_grad_(False)
    return OwnPicture(plan, model, path, predict_picture(model, path, CONFIG))


def default_picture(objects: Sequence[str] | None = None) -> Path:
    """The source view, with alpha, of the first of some real objects of the repository."""
    return data_dir() / GROUP / (objects[0] if objects else DEFAULT) / "rgba" / "000.png"


def pictures(own: OwnPicture) -> str:
    """The picture as it was given, and as the model sees it, as HTML."""
    shown = {"as given, on white": own.given.image, "as the model sees it": own.prediction.picture}
    return image_row(shown, own.path.name, width=150)


def around(own: OwnPicture) -> str:
    """The prediction in the view of the picture, and frames of the film by their angle from there, as HTML."""
    angles = np.linspace(0, 360, FRAMES, endpoint=False)
    frames = zip(angles[::EVERY], own.frames[::EVERY], strict=True)
    shown = {f"{angle:.0f}°": torch.from_numpy(frame).permute(2, 0, 1) / 255 for angle, frame in frames}
    return image_row(
        {"as in the picture": source_view(own), **shown}, f"prediction from {own.path.name}", width=90
    )


@torch.no_grad()
def source_view(own: OwnPicture) -> Float[Tensor, "3 h h"]:
    """The prediction as the camera of the picture would see it."""
    camera = camera_of(-90, 0, CONFIG.source_distance, FOCAL).to(own.prediction.planes)
    return render_images(own.model, own.prediction.planes, camera[None], own.model.config.source_size)[0]


def turn_by_hand(own: OwnPicture) -> None:
    """Display the predicted triplane to be turned and zoomed."""
    words = f"The triplane predicted from {own.path.name}, which can be turned."
    show_viewer(own.prediction.planes, own.model.decoder, words, azimuth=-60.0, elevation=20.0)


def mesh_figure(own: OwnPicture) -> go.Figure:
    """The mesh with a colour at each vertex, in three dimensions."""
    surface = own.surface
    (x, y, z), (i, j, k) = surface.vertices.double().round(decimals=3).T.tolist(), surface.faces.T.tolist()
    colours = [f"rgb({r},{g},{b})" for r, g, b in (surface.colours * 255).round().int().tolist()]
    figure = go.Figure(
        go.Mesh3d(x=x, y=y, z=z, i=i, j=j, k=k, vertexcolor=colours, hoverinfo="skip", flatshading=False)
    )
    figure.update_traces(lighting={"ambient": 1, "diffuse": 0, "specular": 0, "fresnel": 0})
    hidden = {axis: {"visible": False} for axis in ("xaxis", "yaxis", "zaxis")}
    figure.update_scenes(
        aspectmode="data",
        camera={"eye": EYE},
        dragmode="turntable",
        **hidden,
    )
    alt = f"Mesh from {own.path.name}, with {len(x):,} coloured vertices and {len(i):,} triangles, to be turned."
    return finish(figure, alt, SCENE, bottom=16)


def mesh_sentence(own: OwnPicture) -> str:
    """How large the mesh is and how much of space was looked at for it."""
    surface, lattice = own.surface, (CONFIG.resolution + 1) ** 3
    return (
        f"It has {len(surface.vertices):,} vertices and {len(surface.faces):,} triangles, where the density passes "
        f"{CONFIG.density:g} per world unit on a lattice of {CONFIG.resolution} cells a side; the decoder was asked "
        f"at {prose.percent(surface.evaluated / lattice)} of its points, those near the surface."
    )


def files_table(own: OwnPicture) -> pd.DataFrame:
    """Every file that was written, with its size and what it is."""
    rows = [
        (path.name, f"{path.stat().st_size / 1000:,.0f} kB", KINDS[path.suffix].words) for path in own.files()
    ]
    return pd.DataFrame(rows, columns=["file", "size", "what it is"])


def file_links(own: OwnPicture) -> str:
    """Links that hold mesh and film, as HTML."""
    return "".join(
        prose.file_link(path.read_bytes(), path.name, kind.media, kind.link)
        for path in own.files()
        if (kind := KINDS[path.suffix]).link
    )


def quality_sentence(own: OwnPicture) -> str:
    """What the stored records say that this model reaches on rendered objects."""
    table = own.quality
    if table.empty:
        return "How good this model is has not been measured in this profile yet."
    source, novel, gain = (table[name].mean() for name in ("model.source.psnr", "model.novel.psnr", "gain"))
    return (
        f"On {len(table)} rendered objects this model (`{own.plan.model}`) reaches a PSNR of "
        f"{prose.number(source, 1)} dB in the view that it is given and of {prose.number(novel, 1)} dB in the "
        f"others, {prose.number(gain, 1)} dB more than the better of a white and a mean image."
    )


def reproduce(own: OwnPicture, notebook: str) -> str:
    """The commands that run the chapter on another picture, and those that need no notebook, as Markdown."""
    predict = ".venv/bin/lrm predict picture.png"
    return prose.commands(
        {
            "this chapter": prose.chapter_command(own.plan.name, notebook),
            "on a picture of your own": f".venv/bin/papermill notebooks/{notebook}.ipynb {notebook}.ipynb "
            f"-p profile {own.plan.name} -p picture picture.png",
            "the files alone, of a picture or of a folder of pictures": f"{predict} --out predicted",
            "by a published model": f"{predict} --model {get_profile(PUBLISHED).model}",
            "which weights are here": ".venv/bin/lrm models",
        }
    )
