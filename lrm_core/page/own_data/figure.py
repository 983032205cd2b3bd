"""One's own picture as a widget: in JupyterLab with the model of the kernel, in a page with the one beside it."""

import base64
import time
from typing import Any, Self

import torch
import traitlets
from IPython.display import display

from lrm_core.model.lrm import LRM
from lrm_core.page import scripts
from lrm_core.page.embedded import EmbeddedWidget
from lrm_core.page.own_data.carried import FOLDER, carried
from lrm_core.page.own_data.page import OWN_PICTURE_MIME
from lrm_core.page.viewer.quantise import pack
from lrm_core.paths import data_dir
from lrm_core.render.cameras import canonical_source_camera

STARTERS = (
    "couch",
    "teddyBear",
    "JapaneseLantern",
    "chicken",
    "tetrapak",
    "deckChair",
)  # of `data/mini/objects`
ALT = "Where JavaScript runs, a picture can be dropped here, and the page itself rebuilds what it shows."

KERNEL = "The model of this kernel sees it, in full precision."
PAGE = "The first picture loads the model from the files of this site: {:.1f} MB. Nothing leaves your machine."


class OwnPicture(EmbeddedWidget):
    """A place for a picture; `tensors` and `data` are the decoder for the kernel's planes.

    Attributes:
        about: of the model that the page carries, as `Carried.about`, and the `address` of its folder.
        size: side of the picture that the model sees, in pixels.
        starters: pictures to begin with, `name` and `picture`, an address that holds it.
        note: where the model is; in the page what loading it costs, said before.
    """

    MIME = OWN_PICTURE_MIME
    PAGE_TRAITS = ("about", "size", "starters", "note", "alt")
    _esm = scripts.own_picture_module()

    about = traitlets.Dict().tag(sync=True)
    size = traitlets.Int().tag(sync=True)
    starters = traitlets.List().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)

    @classmethod
    def of(cls, model: LRM) -> Self:
        """The figure with a model for JupyterLab; the page carries the mini model whatever that is."""
        packed = pack({name: (value, 1) for name, value in model.decoder.state_dict().items()})
        about = carried().about | {"address": f"../_static/{FOLDER}"}
        figure = cls(about=about, size=model.config.source_size, note=KERNEL, alt=ALT, starters=_starters())
        figure.tensors, figure.data = packed.directory, packed.data
        figure.model, figure.features = model, None
        figure.on_msg(lambda _, content, buffers: figure.answer(content, buffers))
        return figure

    def page_state(self) -> dict[str, Any]:
        """What the page needs, JSON-ready; its model is in files of its own."""
        return super().page_state() | {"data": "", "note": PAGE.format(self.about["bytes"] / 1e6)}

    def answer(self, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """Do what `KernelEngine` asks: `encode` a picture, or `planes` of that picture told a distance."""
        began, said = time.perf_counter(), {"id": content["id"]}
        try:
            encode = content["kind"] == "encode"
            found = self._encode(buffers[0]) if encode else self._planes(content["distance"])
        except Exception as error:  # whatever it is belongs in the page, where it is read
            return self.send(said | {"error": str(error)})
        said |= {"took": 1000 * (time.perf_counter() - began)}
        if found is None:
            return self.send(said)
        self.send(said | {"shape": list(found.shape)}, buffers=[found.numpy().tobytes()])

    @torch.no_grad()
    def _encode(self, image: memoryview) -> None:
        picture = torch.frombuffer(bytearray(image), dtype=torch.float32).reshape(1, 3, self.size, self.size)
        self.features = self.model.encode_image(picture.to(self._device()))

    @torch.no_grad()
    def _planes(self, distance: float) -> torch.Tensor:
        camera = canonical_source_camera(distance).to(self._device())
        return self.model.planes_from_features(self.features, camera)[0].float().cpu().contiguous()

    def _device(self) -> torch.device:
        return next(self.model.parameters()).device


def _starters() -> list[dict[str, str]]:
    """The source views of some objects, as their files are."""
    files = {name: data_dir() / "mini/objects/real" / f"cc0_{name}" / "rgba/000.png" for name in STARTERS}
    return [
        {"name": name, "picture": "data:image/png;base64," + base64.b64encode(file.read_bytes()).decode()}
        for name, file in files.items()
    ]


def show_own_picture(model: LRM) -> None:
    """Display the figure."""
    display(OwnPicture.of(model))
