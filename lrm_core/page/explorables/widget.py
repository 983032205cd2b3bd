"""An explorable as a widget, with the views it is judged by: the same script in JupyterLab and in the page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
import traitlets
from IPython.display import display
from jaxtyping import Float, Shaped
from torch import Tensor

from lrm_core.measure.oracles import heldout_views
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.page.embedded import EXPLORABLE, EXPLORABLES_JS, EmbeddedWidget
from lrm_core.page.finding_page import Chapter
from lrm_core.page.viewer import Packed, TriplaneViewer, check_field, pack
from lrm_core.render import render_rays
from lrm_core.render.cameras import Views
from lrm_core.render.rays import camera_rays

NOTES = "explorables"  # the text of what stands below the figures
NOTHING = Packed({}, b"")
VIEW = {"azimuth": -60.0, "elevation": 20.0}  # degrees
VIEWS = 3
SIDE = 64  # pixels of a picture, at most
SAMPLES = 96  # on a ray, evenly spaced: as close to the quadrature of `lrm_core.render` as eight bits
Content = Mapping[str, Any]
Packable = Mapping[str, tuple[Tensor, int]]  # for `pack`


class Explorable(EmbeddedWidget):
    """A figure with sliders that computes by itself.

    Its content, JSON-ready, is key (the kind of figure, and its name in the address), title, sliders, start, presets
    and note, as `controls.js` reads them, and what that kind needs. It can be switched to `others`, page states of
    the same figure of other objects, by `content["object"]`.
    """

    MIME = EXPLORABLE.mime
    PAGE_TRAITS = (*EmbeddedWidget.PAGE_TRAITS, "content", "others")
    _esm = EXPLORABLES_JS + "\nexport default { render: (view) => explore(view) };\n"

    content = traitlets.Dict().tag(sync=True)
    others = traitlets.List().tag(sync=True)

    @classmethod
    def of(cls, content: Content, poster: str, alt: str, packed: Packed = NOTHING) -> Self:
        """A figure with its tensors; of the content `presets` are states by their labels; raises as `check_state`."""
        for state in (content["start"], *content["presets"].values()):
            check_state(state, content["sliders"])
        presets = [{"label": label, "state": state} for label, state in content["presets"].items()]
        traits = {"content": {**content, "presets": presets}, "poster": poster, "alt": alt}
        return cls(**traits, tensors=packed.directory, data=packed.data)


@dataclass(frozen=True)
class Scene:
    """A model and held-out views of an object, of which every `stride`-th pixel of every `stride`-th row counts.

    The model is frozen, the views have their full size, and a picture has at most `SIDE` pixels a side.
    """

    model: LRM
    name: str
    views: Views
    stride: int

    @classmethod
    def of(cls, model: LRM, item: RenderedObject, count: int = VIEWS) -> Self:
        """The first held-out views of an object, at most so many."""
        views = heldout_views(item, count)
        return cls(model, item.name, views, max(1, views.images.shape[-1] // SIDE))

    @property
    def size(self) -> int:
        """Side of the full pictures, in pixels."""
        return self.views.images.shape[-1]

    @property
    def truth(self) -> Float[Tensor, "v 3 h w"]:
        """The true pixels that count."""
        return self.pixels(self.views.images)

    @property
    def packable_truth(self) -> tuple[Float[Tensor, "v h w 3"], int]:
        """The same with colours last, as the page reads them."""
        return self.truth.movedim(1, -1), 1

    def pixels(self, images: Shaped[Tensor, "*n H W"]) -> Shaped[Tensor, "*n h w"]:
        """The pixels that count."""
        return images[..., :: self.stride, :: self.stride]

    @torch.no_grad()
    def rendered(self, planes: Float[Tensor, "3 c r r"]) -> Float[Tensor, "v 3 h w"]:
        """Those pixels of a triplane by `lrm_core.render`, and no others."""
        rays = camera_rays(torch.as_tensor(self.views.cameras).to(planes.device)[None], self.size)
        pixels = self.pixels(torch.arange(self.size**2).reshape(self.size, -1))
        chosen = (part[:, :, pixels.flatten()].flatten(1, 2) for part in (rays.origins, rays.directions))
        samples = self.model.config.rendering_samples_per_ray
        seen = render_rays(planes[None], self.model.decoder, *chosen, samples_per_ray=samples).rgb[0]
        return seen.unflatten(0, (-1, *pixels.shape)).movedim(-1, 1).cpu()

    def figure(self, content: Content, tensors: Packable, shown: Float[Tensor, "3 C R R"], alt: str) -> Explorable:
        """A figure whose page has tensors and decoder, with a still of the planes that are `shown` at first.

        The content is that of `Explorable` without scene and views; `alt` has `{}` in the place of the object's name.
        Raises as `check_field` and `check_side`.
        """
        decoder, viewer = self.model.decoder, TriplaneViewer(**VIEW)
        check_field(shown, decoder)
        check_side(shown)
        cameras = torch.as_tensor(self.views.cameras).tolist()
        views = {"cameras": cameras, "size": self.size, "stride": self.stride, "samples": SAMPLES}
        drawn = {**content, "scene": viewer.scene(), "views": views}
        return Explorable.of(drawn, viewer.still(shown, decoder), alt.format(self.name), pack(tensors, decoder))


def show(figure_of: Callable[[Chapter], Explorable], *chapters: Chapter) -> None:
    """Display the figure of a chapter's object, with a switch to those of more chapters; raises as `Scene.figure`."""
    display(switched({chapter.item.name: figure_of(chapter) for chapter in chapters}))


def switched(figures: Mapping[str, Explorable]) -> Explorable:
    """The first of several figures of one kind, with a switch to those of the other objects, by name."""
    for name, figure in figures.items():
        figure.content = {**figure.content, "object": name.removeprefix("cc0_")}
    first, *others = figures.values()
    first.others = [figure.page_state() for figure in others]
    return first


def check_side(planes: Float[Tensor, "3 C R R"]) -> None:
    """Raise ValueError if the side is no power of two, which the page's Fourier transform takes."""
    side = planes.shape[-1]
    if side < 2 or side & (side - 1):
        raise ValueError(f"planes: expected a side that is a power of two, found {side} x {side} texels")


def check_state(state: Mapping[str, float], sliders: Sequence[Mapping[str, Any]]) -> None:
    """Raise ValueError if the sliders have other names, or a value is out of the range of its slider."""
    ranges = {slider["name"]: (slider["min"], slider["max"]) for slider in sliders}
    if state.keys() != ranges.keys() or any(not low <= state[name] <= high for name, (low, high) in ranges.items()):
        raise ValueError(f"state: expected values within {ranges}, found {dict(state)}")


def slider(name: str, label: str, low: float, high: float, step: float, unit: str = "") -> dict[str, Any]:
    """One slider as `controls.js` reads it."""
    return {"name": name, "label": label, "unit": unit, "min": low, "max": high, "step": step}


def nearest(value: float, low: float, high: float, step: float) -> float:
    """The nearest value that a slider has."""
    return round(min(max(round(value / step) * step, low), high), 2)


def choice(name: str, label: str, texts: Sequence[str]) -> dict[str, Any]:
    """A slider over the numbers of a list of texts, which it shows."""
    return slider(name, label, 0, len(texts) - 1, 1) | {"texts": list(texts)}
