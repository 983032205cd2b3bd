"""An explorable as a widget: in JupyterLab and in the page the same script, with the same content."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import traitlets

from lrm_core.page.explorables.page import EXPLORABLE_MIME
from lrm_core.page.explorables.scripts import es_module
from lrm_core.page.viewer.embedded import EmbeddedWidget
from lrm_core.page.viewer.quantise import Packed

NOTHING = Packed({}, b"")


class Explorable(EmbeddedWidget):
    """A figure with sliders that computes by itself.

    Attributes:
        content: key (the kind of figure, and its name in the address), title, sliders, start, presets and note,
            as `controls.js` reads them, and what that kind of figure needs; JSON-ready.
        others: page states of the same figure of other objects, to which it can be switched by `content["object"]`.
    """

    MIME = EXPLORABLE_MIME
    PAGE_TRAITS = (*EmbeddedWidget.PAGE_TRAITS, "content", "others")
    _esm = es_module()

    content = traitlets.Dict().tag(sync=True)
    others = traitlets.List().tag(sync=True)

    @classmethod
    def of(cls, content: Mapping[str, Any], poster: str, alt: str, packed: Packed = NOTHING) -> Self:
        """A figure with its tensors.

        Raises:
            ValueError: if the start or a preset has no value, or one out of range, for a slider.
        """
        for state in (content["start"], *(preset["state"] for preset in content["presets"])):
            check_state(state, content["sliders"])
        return cls(content=dict(content), poster=poster, alt=alt, tensors=packed.directory, data=packed.data)


def switched(figures: Mapping[str, Explorable]) -> Explorable:
    """The first of several figures of one kind, with a switch to those of the other objects, by name."""
    for name, figure in figures.items():
        figure.content = {**figure.content, "object": name.removeprefix("cc0_")}
    first, *others = figures.values()
    first.others = [figure.page_state() for figure in others]
    return first


def check_state(state: Mapping[str, float], sliders: list[Mapping[str, Any]]) -> None:
    """Whether each slider can show its value.

    Raises:
        ValueError: if the names differ or a value is out of range.
    """
    names = [slider["name"] for slider in sliders]
    if sorted(state) != sorted(names):
        raise ValueError(f"state: expected values for {', '.join(names)}, found {', '.join(state)}")
    for slider in sliders:
        value, low, high = (*[state[slider["name"]]], slider["min"], slider["max"])
        if not low <= value <= high:
            raise ValueError(f"{slider['name']}: expected a value in [{low}, {high}], found {value}")


def slider(name: str, label: str, low: float, high: float, step: float, unit: str = "") -> dict[str, Any]:
    """One slider as `controls.js` reads it."""
    return {"name": name, "label": label, "unit": unit, "min": low, "max": high, "step": step}


def choice(name: str, label: str, texts: Sequence[str]) -> dict[str, Any]:
    """A slider over the numbers of a list of texts, which it shows."""
    return slider(name, label, 0, len(texts) - 1, 1) | {"texts": list(texts)}
