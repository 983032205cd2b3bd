"""The chapter on a picture of one's own: the picture as it was given, renders around, the mesh, and the files."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import plotly.graph_objects as go
import torch

from lrm_core.findings import prose
from lrm_core.model.lrm import LRM
from lrm_core.objects.pictures import load_picture, whole
from lrm_core.page import chapter as page
from lrm_core.page.elements.pictures import image_row
from lrm_core.page.elements.style import finish
from lrm_core.predict import ASSETS, Prediction, write_surface
from lrm_core.render.surface import Surface
from lrm_core.render.turntable import Frames, turntable, write_film

FRAMES, EVERY = 20, 4  # of the film, and of those the ones that are shown as pictures
SCENE, CLOSER = 420, 0.7  # pixels; of the distance at which clouds are seen
EYE = {"x": 0.91, "y": -1.54, "z": 0.56}  # from the side of the source, a little from above
KINDS = {"glb": ("model/gltf-binary", "The mesh (GLB)"), "mp4": ("video/mp4", "The film (MP4)")}


def pictures(path: Path, found: Prediction) -> str:
    """The picture as it was given, on white, and as the model sees it, as HTML; raises as `load_picture`."""
    given = whole(load_picture(path), found.picture.shape[-1]).image
    return image_row({"as given": given, "as the model sees it": found.picture}, path.name)


def film(model: LRM, found: Prediction, distance: float) -> Frames:
    """Renders on a circle about the thing, seen a little from above, the first from in front."""
    sizes = model.config.render_size, model.config.rendering_samples_per_ray
    return turntable(found.planes, model.decoder, FRAMES, *sizes, distance)


def around(frames: Frames) -> str:
    """Some frames of the film by their angle, as HTML."""
    angles = np.linspace(0, 360, FRAMES, endpoint=False)[::EVERY]
    images = (torch.from_numpy(frame).permute(2, 0, 1) / 255 for frame in frames[::EVERY])
    return image_row({f"{angle:.0f}°": image for angle, image in zip(angles, images, strict=True)}, "prediction")


def mesh_figure(surface: Surface) -> go.Figure:
    """The mesh with a colour at each vertex, in three dimensions."""
    (x, y, z), (i, j, k) = surface.vertices.double().round(decimals=3).T.tolist(), surface.faces.T.tolist()
    colours = [f"rgb({r},{g},{b})" for r, g, b in (surface.colours * 255).round().int().tolist()]
    figure = go.Figure(
        go.Mesh3d(x=x, y=y, z=z, i=i, j=j, k=k, vertexcolor=colours, hoverinfo="skip", flatshading=False)
    )
    figure.update_traces(lighting={"ambient": 1, "diffuse": 0, "specular": 0, "fresnel": 0})
    eye = {axis: CLOSER * value for axis, value in EYE.items()}
    hidden = {axis: {"visible": False} for axis in ("xaxis", "yaxis", "zaxis")}
    figure.update_scenes(aspectmode="data", camera={"eye": eye}, dragmode="turntable", **hidden)
    alt = f"Mesh with {len(x):,} coloured vertices and {len(i):,} triangles, to be turned."
    return finish(figure, alt, SCENE, bottom=16)


def show_files(surface: Surface, frames: Frames) -> None:
    """Display links that hold the mesh and the film themselves, so that they work without a server."""
    with TemporaryDirectory() as folder:
        paths = {name: Path(folder) / ASSETS[name] for name in KINDS}
        write_surface(paths["glb"], surface)
        write_film(paths["mp4"], frames)
        links = [prose.file_link(path.read_bytes(), path.name, *KINDS[name]) for name, path in paths.items()]
    page.show_html("".join(links))
