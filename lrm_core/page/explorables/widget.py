"""An explorable as a widget: in JupyterLab and in the page the same script, with the same content."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import traitlets
from IPython.display import display
from jaxtyping import Float
from torch import Tensor, nn

from lrm_core.page import scripts
from lrm_core.page.embedded import EmbeddedWidget
from lrm_core.page.explorables.judged import Judged
from lrm_core.page.explorables.page import EXPLORABLE_MIME
from lrm_core.page.finding_page import Chapter
from lrm_core.page.viewer import TriplaneViewer, pack
from lrm_core.page.viewer.quantise import Packed, check_field

NOTHING = Packed({}, b"")
VIEW = {"azimuth": -60.0, "elevation": 20.0}  # degrees
Content = Mapping[str, Any]


class Explorable(EmbeddedWidget):
    """A figure with sliders that computes by itself.

    Attributes:
        content: key (the kind of figure, and its name in the address), title, sliders, start, presets and note,
            as `controls.js` reads them, and what that kind of figure needs; JSON-ready.
        others: page states of the same figure of other objects, to which it can be switched by `content["object"]`.
    """

    MIME = EXPLORABLE_MIME
    PAGE_TRAITS = (*EmbeddedWidget.PAGE_TRAITS, "content", "others")
    _esm = scripts.explorables_module()

    content = traitlets.Dict().tag(sync=True)
    others = traitlets.List().tag(sync=True)

    @classmethod
    def of(cls, content: Content, poster: str, alt: str, packed: Packed = NOTHING) -> Self:
        """A figure with its tensors; of the content `presets` are states by their labels.

        Raises:
            ValueError: if the start or a preset has no value, or one out of range, for a slider.
        """
        for state in (content["start"], *content["presets"].values()):
            check_state(state, content["sliders"])
        presets = [{"label": label, "state": state} for label, state in content["presets"].items()]
        traits = {"content": {**content, "presets": presets}, "poster": poster, "alt": alt}
        return cls(**traits, tensors=packed.directory, data=packed.data)


def field_figure(
    content: Content,
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

    Raises:
        ValueError: if planes and decoder do not go together, or the planes' side is no power of two.
    """
    check_field(shown, decoder)
    check_side(shown)
    scene = TriplaneViewer(**VIEW)
    weights = {key: (value, 1) for key, value in decoder.state_dict().items()}
    drawn = {**content, "scene": scene.scene(), "views": judged.content()}
    return Explorable.of(drawn, scene.still(shown, decoder), alt, pack({**tensors, **weights}))


def show(figure_of: Callable[[Chapter], Explorable], *chapters: Chapter) -> None:
    """Display the figure of a chapter's object, with a switch to those of more chapters; raises as `field_figure`."""
    display(switched({chapter.item.name: figure_of(chapter) for chapter in chapters}))


def switched(figures: Mapping[str, Explorable]) -> Explorable:
    """The first of several figures of one kind, with a switch to those of the other objects, by name."""
    for name, figure in figures.items():
        figure.content = {**figure.content, "object": name.removeprefix("cc0_")}
    first, *others = figures.values()
    first.others = [figure.page_state() for figure in others]
    return first


def check_side(planes: Float[Tensor, "3 C R R"]) -> None:
    """Whether the page's Fourier transform takes planes of that side.

    Raises:
        ValueError: if the side is no power of two.
    """
    side = planes.shape[-1]
    if side < 2 or side & (side - 1):
        raise ValueError(f"planes: expected a side that is a power of two, found {side} x {side} texels")


def check_state(state: Mapping[str, float], sliders: list[Mapping[str, Any]]) -> None:
    """Whether each slider can show its value.

    Raises:
        ValueError: if the names differ or a value is out of range.
    """
    names = [slider["name"] for slider in sliders]
    if sorted(state) != sorted(names):
        raise ValueError(f"state: expected values for {', '.join(names)}, found {', '.join(state)}")
    for slider in sliders:
        value, low, high = state[slider["name"]], slider["min"], slider["max"]
        if not low <= value <= high:
            raise ValueError(f"{slider['name']}: expected a value in [{low}, {high}], found {value}")


def slider(name: str, label: str, low: float, high: float, step: float, unit: str = "") -> dict[str, Any]:
    """One slider as `controls.js` reads it."""
    return {"name": name, "label": label, "unit": unit, "min": low, "max": high, "step": step}


def nearest(value: float, low: float, high: float, step: float) -> float:
    """The nearest value that a slider has."""
    return round(min(max(round(value / step) * step, low), high), 2)


def choice(name: str, label: str, texts: Sequence[str]) -> dict[str, Any]:
    """A slider over the numbers of a list of texts, which it shows."""
    return slider(name, label, 0, len(texts) - 1, 1) | {"texts": list(texts)}
