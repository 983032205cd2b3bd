"""The viewer as a widget."""

from typing import Any, Self

import torch
import traitlets
from IPython.display import display
from jaxtyping import Float
from torch import Tensor, nn

from lrm_core.data_url import data_url
from lrm_core.model.initialise import DISTANCE
from lrm_core.page import scripts
from lrm_core.page.embedded import VIEWER, EmbeddedWidget
from lrm_core.page.viewer.quantise import pack_field
from lrm_core.render import cameras, render_views
from lrm_core.render.cameras import FOCAL

POSTER_SIDE = 192  # pixels
SCENE_TRAITS = (
    *("resolution", "samples", "focal", "background"),
    *("azimuth", "elevation", "distance", "half", "patience"),
)


class TriplaneViewer(EmbeddedWidget):
    """One triplane to turn and zoom; `tensors` and `data` are its planes and decoder (`quantise.pack_field`).

    Attributes:
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

    MIME = VIEWER.mime
    PAGE_TRAITS = (*EmbeddedWidget.PAGE_TRAITS, *SCENE_TRAITS)
    _esm = scripts.viewer_module()

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
        viewer.poster = viewer.still(planes, decoder)
        return viewer

    @torch.no_grad()
    def still(self, planes: Float[Tensor, "3 C R R"], decoder: nn.Module) -> str:
        """The view of a field as an address that holds the picture."""
        camera = camera_of(self.azimuth, self.elevation, self.distance, self.focal).to(planes)
        drawn = render_views(planes[None], decoder, camera[None, None], POSTER_SIDE, background=self.background)
        return data_url(drawn.rgb[0, 0])

    def scene(self) -> dict[str, Any]:
        """How the field is shown, JSON-ready."""
        return {name: getattr(self, name) for name in SCENE_TRAITS}


def camera_of(azimuth: float, elevation: float, distance: float, focal: float) -> Float[Tensor, "25"]:
    """The render camera of a view (degrees, world units), looking at the origin."""
    angles = torch.tensor([azimuth, elevation], dtype=torch.float64).deg2rad()
    (ca, ce), (sa, se) = angles.cos(), angles.sin()
    pose = cameras.look_at(distance * torch.stack([ce * ca, ce * sa, se]))
    intrinsics = torch.tensor([[focal, focal], [0.5, 0.5], [1, 1]], dtype=torch.float64)
    return cameras.standard_camera(pose, intrinsics).float()


def show_viewer(planes: Float[Tensor, "3 C R R"], decoder: nn.Module, alt: str, **traits: Any) -> TriplaneViewer:
    """Display a viewer and return it; arguments as `TriplaneViewer.of`."""
    viewer = TriplaneViewer.of(planes, decoder, alt, **traits)
    display(viewer)
    return viewer
