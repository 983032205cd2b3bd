"""The viewer as a widget: alive with a kernel in JupyterLab, and without one in the page."""

import base64
from typing import Any, Self

import anywidget
import torch
import traitlets
from IPython.display import display
from jaxtyping import Float
from torch import Tensor, nn

from lrm_core.fit.pretrain_data import FOCAL
from lrm_core.model.positions import DISTANCE
from lrm_core.render import cameras, render_views
from lrm_core.show.pictures import data_url
from lrm_core.show.viewer.page import PAGE_MIME
from lrm_core.show.viewer.quantise import pack_field
from lrm_core.show.viewer.scripts import es_module

POSTER_SIDE = 192  # pixels
PAGE_TRAITS = (
    *("tensors", "poster", "alt", "resolution", "samples"),
    *("focal", "background", "azimuth", "elevation", "distance", "half", "patience"),
)


class TriplaneViewer(anywidget.AnyWidget):
    """One triplane to turn and zoom.

    Attributes:
        tensors, data: planes and decoder (`quantise.pack_field`).
        poster: still picture, as an address that holds it; shown until the model is drawn, or instead.
        alt: what a reader is told who does not see it.
        resolution: side of the drawn picture, in pixels.
        samples: on each ray while the view rests; half as many while it moves.
        focal: focal length as a fraction of the picture's size.
        background: grey behind the object, in [0, 1].
        azimuth, elevation: of the camera, in degrees; azimuth -90, elevation 0 is the canonical source.
        distance: of the camera to the origin, in world units.
        patience: seconds that the decoder may take for the resting picture; where it would take longer, as in a
            browser without a graphics card, the picture comes from a grid of 64^3 values.
        half: store the folded planes as half floats even where single precision can be filtered.
    """

    _esm = es_module()

    tensors = traitlets.Dict().tag(sync=True)
    data = traitlets.Bytes().tag(sync=True)
    poster = traitlets.Unicode().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    resolution = traitlets.Int(256, min=16, max=1024).tag(sync=True)
    samples = traitlets.Int(128, min=8, max=512).tag(sync=True)
    focal = traitlets.Float(FOCAL, min=0.1).tag(sync=True)
    background = traitlets.Float(1.0, min=0.0, max=1.0).tag(sync=True)
    azimuth = traitlets.Float(-90.0).tag(sync=True)
    elevation = traitlets.Float(0.0, min=-85.0, max=85.0).tag(sync=True)
    distance = traitlets.Float(DISTANCE, min=1.2, max=5.0).tag(sync=True)
    patience = traitlets.Float(6.0, min=0.0).tag(sync=True)
    half = traitlets.Bool(False).tag(sync=True)

    @classmethod
    def of(cls, planes: Float[Tensor, "3 C R R"], decoder: nn.Module, alt: str, **traits: Any) -> Self:
        """A viewer of one field, with its still picture.

        Args:
            traits: other attributes, such as `azimuth`.

        Raises:
            ValueError: if planes and decoder do not go together.
        """
        packed = pack_field(planes, decoder)
        viewer = cls(tensors=packed.directory, data=packed.data, alt=alt, **traits)
        viewer.poster = data_url(_still(planes, decoder, viewer))
        return viewer

    def replace(self, planes: Float[Tensor, "3 C R R"], decoder: nn.Module) -> None:
        """Draw another field in the same view; the browser follows at once where there is a kernel."""
        packed = pack_field(planes, decoder)
        with self.hold_sync():
            self.tensors, self.data = packed.directory, packed.data

    def page_state(self) -> dict[str, Any]:
        """What the page needs, JSON-ready."""
        return {name: getattr(self, name) for name in PAGE_TRAITS} | {
            "data": base64.b64encode(self.data).decode()
        }

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict, dict]:
        """The widget for JupyterLab, the page's own form of it, and the still picture for everything else."""
        bundle, metadata = super()._repr_mimebundle_(**options)
        picture = {"image/png": self.poster.partition(",")[2]} if self.poster else {}
        return {**bundle, PAGE_MIME: self.page_state(), **picture}, metadata


@torch.no_grad()
def _still(planes: Tensor, decoder: nn.Module, viewer: TriplaneViewer) -> Float[Tensor, "3 h w"]:
    camera = camera_of(viewer.azimuth, viewer.elevation, viewer.distance, viewer.focal).to(planes)
    drawn = render_views(planes[None], decoder, camera[None, None], POSTER_SIDE, background=viewer.background)
    return drawn.rgb[0, 0]


def camera_of(azimuth: float, elevation: float, distance: float, focal: float) -> Float[Tensor, "25"]:
    """The render camera of a view (degrees, world units), looking at the origin."""
    angles = torch.tensor([azimuth, elevation], dtype=torch.float64).deg2rad()
    (ca, ce), (sa, se) = angles.cos(), angles.sin()
    pose = cameras.look_at(distance * torch.stack([ce * ca, ce * sa, se]))
    intrinsics = torch.tensor([[focal, focal], [0.5, 0.5], [1, 1]], dtype=torch.float64)
    return cameras.standard_camera(pose, intrinsics).float()


def show_viewer(
    planes: Float[Tensor, "3 C R R"], decoder: nn.Module, alt: str, **traits: Any
) -> TriplaneViewer:
    """Display a viewer and return it; arguments as `TriplaneViewer.of`."""
    viewer = TriplaneViewer.of(planes, decoder, alt, **traits)
    display(viewer)
    return viewer
