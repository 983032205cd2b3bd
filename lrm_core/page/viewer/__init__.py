"""The model itself in the page: a triplane and its decoder as bytes, drawn with WebGL2 by one self-contained script.

Planes and decoder have eight bits a value, with an offset and a step for each channel.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
import torch
import traitlets
from IPython.display import display
from jaxtyping import Float
from torch import Tensor, nn

from lrm_core.data_url import data_url
from lrm_core.model.initialise import DISTANCE
from lrm_core.model.lrm import HIDDEN
from lrm_core.page.embedded import VIEWER, VIEWER_JS, EmbeddedWidget
from lrm_core.render import cameras, render_views
from lrm_core.render.cameras import FOCAL
from lrm_core.render.field import check_planes

POSTER_SIDE = 192  # pixels
SHOWN = ("resolution", "samples", "focal", "background", "azimuth", "elevation", "distance", "half", "patience")
LEVELS = 255  # steps between the least and the greatest value of a channel
LITTLE = np.dtype("<f4")


@dataclass(frozen=True)
class Packed:
    """Tensors in a string of bytes: of each its rows' least values and steps (32-bit floats), then a byte a value."""

    directory: Mapping[str, Mapping[str, Any]]  # JSON-ready: `shape`, `rows` with a scale each, `offset` in the data
    data: bytes


def pack(tensors: Mapping[str, tuple[Tensor, int]], decoder: nn.Module | None = None) -> Packed:
    """Quantise each row of each tensor to the 256 levels between its least and greatest value.

    A row of one value is kept exactly (as a 32-bit float), so that biases, a row each, lose nothing. A tensor comes
    with how many of its leading dimensions count rows; the parameters of a `decoder` follow, a row for each output.
    ValueError if a value is NaN or infinite.
    """
    directory, parts, offset = {}, [], 0
    weights = {name: (value, 1) for name, value in decoder.state_dict().items()} if decoder else {}
    for name, (tensor, leading) in {**tensors, **weights}.items():
        values = tensor.detach().cpu().double().reshape(*tensor.shape[:leading], -1).flatten(0, -2).numpy()
        if not np.isfinite(values).all():
            raise ValueError(f"{name}: expected finite values, found {(~np.isfinite(values)).sum()} others")
        low = values.min(1, keepdims=True).astype(LITTLE)
        step = ((values.max(1, keepdims=True) - low) / LEVELS).astype(LITTLE)
        safe = np.where(step > 0, step, 1).astype(np.float64)
        codes = np.clip(np.rint((values - low) / safe), 0, LEVELS).astype(np.uint8)
        directory[name] = {"shape": list(tensor.shape), "rows": len(values), "offset": offset}
        parts.append(low.tobytes() + step.tobytes() + codes.tobytes())
        offset += len(parts[-1])
    return Packed(directory, b"".join(parts))


def unpack(packed: Packed) -> dict[str, Tensor]:
    """The tensors as the page sees them, in 32-bit floats."""
    found = {}
    for name, entry in packed.directory.items():
        rows, offset, shape = entry["rows"], entry["offset"], entry["shape"]
        low, step = np.frombuffer(packed.data, LITTLE, 2 * rows, offset).reshape(2, rows, 1)
        codes = np.frombuffer(packed.data, np.uint8, int(np.prod(shape)), offset + 8 * rows).reshape(rows, -1)
        found[name] = torch.from_numpy(low + step * codes.astype(LITTLE)).reshape(shape)
    return found


def check_field(planes: Float[Tensor, "3 C R R"], decoder: nn.Module) -> None:
    """Raise ValueError if planes and decoder do not go together, or have not the shapes of the viewer's shader."""
    check_planes(planes, 4)
    shapes = {name: tuple(value.shape) for name, value in decoder.state_dict().items()}
    expected = {}
    for layer, (inputs, outputs) in enumerate(pairwise((3 * planes.shape[1], HIDDEN, HIDDEN, HIDDEN, 4))):
        expected |= {f"net.{2 * layer}.weight": (outputs, inputs), f"net.{2 * layer}.bias": (outputs,)}
    if shapes != expected:
        raise ValueError(f"decoder: expected the parameters {expected}, found {shapes}")


class TriplaneViewer(EmbeddedWidget):
    """One triplane to turn and zoom; `tensors` are its `planes` and, as `net.0.weight` to `net.6.bias`, its decoder.

    Azimuth and elevation of the camera are in degrees; azimuth -90, elevation 0 is the canonical source. Where the
    decoder would take longer than `patience` (in seconds) for the resting picture, as in a browser without a graphics
    card, that comes from a grid of 64^3 values. With `half` the folded planes are half floats even where single
    precision can be filtered.
    """

    MIME = VIEWER.mime
    PAGE_TRAITS = (*EmbeddedWidget.PAGE_TRAITS, *SHOWN)
    _esm = VIEWER_JS + "\nexport default { render };\n"

    resolution = traitlets.Int(256, min=16, max=1024).tag(sync=True)  # side of the drawn picture, in pixels
    samples = traitlets.Int(128, min=8, max=512).tag(sync=True)  # on each ray; half as many while it moves
    focal = traitlets.Float(FOCAL, min=0.1).tag(sync=True)  # over the size of the picture
    background = traitlets.Float(1.0, min=0.0, max=1.0).tag(sync=True)  # grey behind the object
    azimuth = traitlets.Float(-90.0).tag(sync=True)
    elevation = traitlets.Float(0.0, min=-85.0, max=85.0).tag(sync=True)
    distance = traitlets.Float(DISTANCE, min=1.2, max=5.0).tag(sync=True)  # to the origin, in world units
    patience = traitlets.Float(6.0, min=0.0).tag(sync=True)
    half = traitlets.Bool(False).tag(sync=True)

    @classmethod
    def of(cls, planes: Float[Tensor, "3 C R R"], decoder: nn.Module, alt: str, **traits: Any) -> Self:
        """A viewer of one field, with its still picture and other attributes; raises as `check_field`."""
        check_field(planes, decoder)
        packed = pack({"planes": (planes, 2)}, decoder)
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
        return {name: getattr(self, name) for name in SHOWN}


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
