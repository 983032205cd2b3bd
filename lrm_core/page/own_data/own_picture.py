"""The chapter on a picture of one's own: the place for it, with a kernel and without; renders, mesh and files.

Without a kernel the page has the mini model, as scripts beside it: a page of a local file may load scripts, and
nothing else.
"""

import base64
import gzip
import json
import time
from dataclasses import asdict
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import numpy as np
import plotly.graph_objects as go
import torch
import traitlets
from IPython.display import display
from torch import Tensor

from lrm_core import load_model
from lrm_core.atomic import replacing
from lrm_core.files import sha256
from lrm_core.findings import prose
from lrm_core.model.lrm import LRM
from lrm_core.objects.pictures import load_picture, whole
from lrm_core.page import chapter as page
from lrm_core.page.elements.style import finish
from lrm_core.page.embedded import OWN_PICTURE, OWN_PICTURE_JS, EmbeddedWidget
from lrm_core.page.viewer import Packed, pack
from lrm_core.paths import data_dir
from lrm_core.predict import ASSETS, Prediction, write_surface
from lrm_core.render.cameras import canonical_source_camera
from lrm_core.render.surface import Surface
from lrm_core.render.turntable import Frames, turntable, write_film

STARTERS = ("couch", "teddyBear", "JapaneseLantern", "chicken", "tetrapak", "deckChair")  # of `data/mini/objects`
ALT = "Where JavaScript runs, a picture can be dropped here, and the page itself rebuilds what it shows."
KERNEL = "The model of this kernel sees it, in full precision."
PAGE = "The first picture loads the model from the files of this site: {:.1f} MB. Nothing leaves your machine."
FRAMES, EVERY = 20, 4  # of the film, and of those the ones that are shown as pictures
SCENE, CLOSER = 420, 0.7  # pixels; of the distance at which clouds are seen
EYE = {"x": 0.91, "y": -1.54, "z": 0.56}  # from the side of the source, a little from above
KINDS = {"glb": ("model/gltf-binary", "The mesh (GLB)"), "mp4": ("video/mp4", "The film (MP4)")}
MODEL = "mini"
FOLDER = "mini_model"  # of the scripts, among the static files of the site
PART = 1_000_000  # bytes, compressed, of a script; the bar moves with each
TABLES = ("pos_embed", "register_tokens", "cls_token")  # rows of these are tokens, not outputs of a layer
EXACT = ("upsampler.", "synthesizer.")  # few, and what rounding them does is seen most: a row for each value


def packed_model(model: LRM) -> Packed:
    """All parameters: eight bits with a step of its own for each output of a layer and each token, or exact."""
    return pack({name: (value, _rows(name, value)) for name, value in model.state_dict().items()})


def _rows(name: str, value: Tensor) -> int:
    if name.startswith(EXACT):
        return value.ndim
    return value.ndim - 1 if name.rpartition(".")[2] in TABLES else 1


@cache
def carried() -> tuple[dict[str, Any], tuple[str, ...]]:
    """What is said of the mini model in the page, and the texts of its scripts; raises as `load_model`.

    Said are `parts`, `bytes` (of the scripts), `compressed` and the `sha256` of what they hold, JSON-ready. Each
    calls `lrmModel(number, text)`, a text in base 85; the first with its head too, which is `tensors` and `config`.
    """
    model = load_model(MODEL)
    packed = packed_model(model)
    compressed = gzip.compress(packed.data, mtime=0)
    parts = [compressed[start : start + PART] for start in range(0, len(compressed), PART)]
    head = json.dumps({"tensors": dict(packed.directory), "config": asdict(model.config)})
    scripts = [
        f'lrmModel({number}, "{base64.b85encode(part, pad=True).decode()}"{"" if number else ", " + head});\n'
        for number, part in enumerate(parts)
    ]
    about = {
        "parts": len(parts),
        "bytes": sum(map(len, scripts)),
        "compressed": len(compressed),
        "sha256": sha256(packed.data),
    }
    return about, tuple(scripts)


def write_scripts(folder: Path) -> list[Path]:
    """The scripts as files of a folder, `0.js` and so on; those that are there already are left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {folder / f"{number}.js": script for number, script in enumerate(carried()[1])}
    for file, script in files.items():
        if not file.is_file() or file.read_text(encoding="ascii") != script:
            with replacing(file) as temporary:
                temporary.write_text(script, encoding="ascii")
    return list(files)


class OwnPicture(EmbeddedWidget):
    """A place for a picture; `tensors` and `data` are the decoder for the kernel's planes."""

    MIME = OWN_PICTURE.mime
    PAGE_TRAITS = ("about", "size", "starters", "note", "alt")
    _esm = OWN_PICTURE_JS + "\nexport default { render: (view) => drawnByKernel(view) };\n"

    about = traitlets.Dict().tag(sync=True)  # `carried` of the page's model, and the `address` of its folder
    size = traitlets.Int().tag(sync=True)  # side of the picture that the model sees, in pixels
    starters = traitlets.List().tag(sync=True)  # to begin with: `name`, and `picture`, an address that holds it
    note = traitlets.Unicode().tag(sync=True)  # where the model is; in the page what loading it costs, said before

    @classmethod
    def of(cls, model: LRM) -> Self:
        """The figure with a model for JupyterLab; the page carries the mini model whatever that is."""
        packed = pack({}, model.decoder)
        files = {name: data_dir() / "mini/objects/real" / f"cc0_{name}" / "rgba/000.png" for name in STARTERS}
        held = {name: base64.b64encode(file.read_bytes()).decode() for name, file in files.items()}
        starters = [{"name": name, "picture": f"data:image/png;base64,{data}"} for name, data in held.items()]
        about = carried()[0] | {"address": f"../_static/{FOLDER}"}
        traits = {"tensors": packed.directory, "data": packed.data, "about": about, "starters": starters}
        figure = cls(size=model.config.source_size, note=KERNEL, alt=ALT, **traits)
        figure.model, figure.features = model, None
        figure.on_msg(lambda _, content, buffers: figure.answer(content, buffers))
        return figure

    def page_state(self) -> dict[str, Any]:
        """What the page needs, JSON-ready; its model is in files of its own."""
        return super().page_state() | {"data": "", "note": PAGE.format(self.about["bytes"] / 1e6)}

    @torch.no_grad()
    def answer(self, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """Do what `KernelEngine` asks: `encode` a picture, or `planes` of that picture told a distance."""
        began, said, found = time.perf_counter(), {"id": content["id"]}, None
        device = next(self.model.parameters()).device
        try:
            if content["kind"] == "encode":
                image = torch.frombuffer(bytearray(buffers[0]), dtype=torch.float32)
                self.features = self.model.encode_image(image.reshape(1, 3, self.size, self.size).to(device))
            else:
                camera = canonical_source_camera(content["distance"]).to(device)
                found = self.model.planes_from_features(self.features, camera)[0].float().cpu().contiguous()
        except Exception as error:  # whatever it is belongs in the page, where it is read
            return self.send(said | {"error": str(error)})
        said |= {"took": 1000 * (time.perf_counter() - began)}
        if found is None:
            return self.send(said)
        self.send(said | {"shape": list(found.shape)}, buffers=[found.numpy().tobytes()])


def show_own_picture(model: LRM) -> None:
    """Display the figure."""
    display(OwnPicture.of(model))


def pictures(path: Path, found: Prediction) -> str:
    """The picture as it was given, on white, and as the model sees it, as HTML; raises as `load_picture`."""
    given = whole(load_picture(path), found.picture.shape[-1]).image
    return page.image_row({"as given": given, "as the model sees it": found.picture}, path.name)


def film(model: LRM, found: Prediction, distance: float) -> Frames:
    """Renders on a circle about the thing, seen a little from above, the first from in front."""
    sizes = model.config.render_size, model.config.rendering_samples_per_ray
    return turntable(found.planes, model.decoder, FRAMES, *sizes, distance)


def around(frames: Frames) -> str:
    """Some frames of the film by their angle, as HTML."""
    angles = np.linspace(0, 360, FRAMES, endpoint=False)[::EVERY]
    images = (torch.from_numpy(frame).permute(2, 0, 1) / 255 for frame in frames[::EVERY])
    return page.image_row({f"{angle:.0f}°": image for angle, image in zip(angles, images, strict=True)}, "prediction")


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
