"""What the figures of a field have in common: a scene to turn, the decoder, and the views that judge."""

from collections.abc import Mapping
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from lrm_core.page.explorables.judged import Judged
from lrm_core.page.explorables.widget import Explorable
from lrm_core.page.viewer import TriplaneViewer, pack

VIEW = {"azimuth": -60.0, "elevation": 20.0}  # degrees


def field_figure(
    content: Mapping[str, Any],
    tensors: Mapping[str, tuple[Tensor, int]],
    shown: Float[Tensor, "3 C R R"],
    decoder: nn.Module,
    judged: Judged,
    alt: str,
) -> Explorable:
    """A figure whose page has the tensors and the decoder, with a still of the planes that are `shown` at first.

    Args:
        content: as `Explorable.content`, without scene and views.
        tensors: for `pack`, without the decoder.
    """
    scene = TriplaneViewer(**VIEW)
    weights = {key: (value, 1) for key, value in decoder.state_dict().items()}
    drawn = {**content, "scene": scene.scene(), "views": judged.content()}
    return Explorable.of(drawn, scene.still(shown, decoder), alt, pack({**tensors, **weights}))


def check_side(planes: Float[Tensor, "3 C R R"]) -> None:
    """Whether the page's Fourier transform takes planes of that side.

    Raises:
        ValueError: if the side is no power of two.
    """
    side = planes.shape[-1]
    if side < 2 or side & (side - 1):
        raise ValueError(f"planes: expected a side that is a power of two, found {side} x {side} texels")
